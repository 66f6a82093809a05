package intake

import (
	"strings"

	"bulkops/internal/export/csvfile"
)

// maxCells is how many columns a spreadsheet has (Excel: XFD).
const maxCells = 16_384

// table reads rows as a spreadsheet does (RFC 4180, with any of the three
// line ends), and counts them as it does: a row goes on where a line end
// stands in quotation marks, and an empty line is a row. encoding/csv does
// neither. The apostrophe by which our own files keep a cell from being computed
// is no part of it.
type table struct {
	text  string
	sep   byte
	pos   int
	row   int // number of the row read last; the first is 1
	cells []string
}

// next returns the cells of the next row, valid until the call after it; nil
// at the end. A flaw means that the rest cannot be read.
func (t *table) next() ([]string, flaw) {
	t.cells = t.cells[:0]
	if t.pos >= len(t.text) {
		return nil, sound
	}
	t.row++
	for {
		cell, f := t.cell()
		if f != sound {
			return nil, f
		}
		if len(t.cells) == maxCells {
			return nil, tooWide
		}
		t.cells = append(t.cells, csvfile.Plain(cell))
		if t.pos < len(t.text) && t.text[t.pos] == t.sep {
			t.pos++
			continue
		}
		t.skipLineEnd()
		return t.cells, sound
	}
}

// cell reads up to the separator or the line end, which it leaves.
func (t *table) cell() (string, flaw) {
	start := t.pos
	if start < len(t.text) && t.text[start] == '"' {
		return t.quoted()
	}
	for t.pos < len(t.text) && !t.atEnd(t.text[t.pos]) {
		t.pos++
	}
	return t.text[start:t.pos], sound
}

func (t *table) quoted() (string, flaw) {
	t.pos++
	start, doubled := t.pos, false
	for {
		i := strings.IndexByte(t.text[t.pos:], '"')
		if i < 0 {
			t.pos = len(t.text)
			return "", openQuote
		}
		t.pos += i + 1
		if t.pos < len(t.text) && t.text[t.pos] == '"' {
			doubled = true
			t.pos++
			continue
		}
		break
	}
	cell := t.text[start : t.pos-1]
	if doubled {
		cell = strings.ReplaceAll(cell, `""`, `"`)
	}
	for t.pos < len(t.text) && t.text[t.pos] == ' ' {
		t.pos++
	}
	if t.pos < len(t.text) && !t.atEnd(t.text[t.pos]) {
		return "", inQuote
	}
	return cell, sound
}

func (t *table) atEnd(b byte) bool { return b == t.sep || b == '\n' || b == '\r' }

func (t *table) skipLineEnd() {
	switch {
	case strings.HasPrefix(t.text[t.pos:], "\r\n"):
		t.pos += 2
	case t.pos < len(t.text):
		t.pos++
	}
}
