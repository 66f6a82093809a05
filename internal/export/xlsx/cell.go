package xlsx

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// look is how a cell is read and shown.
type look struct {
	kind  Type
	style style
	line  int // how many characters a line holds, where text goes over several; else 0
}

func appendRow(b []byte, s *sheet, cells []string, looks []look) []byte {
	b = append(b, `<row r="`...)
	b = strconv.AppendInt(b, int64(s.rows), 10)
	if n := lines(cells, looks); n > 1 {
		b = append(b, `" ht="`...)
		b = strconv.AppendInt(b, int64(n*lineHeight), 10)
	}
	b = append(b, `">`...)
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		b = append(b, `<c r="`...)
		b = append(b, s.letters[i]...)
		b = strconv.AppendInt(b, int64(s.rows), 10)
		b = append(b, `" s="`...)
		b = appendCell(b, looks[i], cell)
	}
	return append(b, "</row>"...)
}

const (
	lineHeight = 15
	maxLines   = 12 // shown of a long text, until somebody makes its row higher
)

// lines estimates how many lines a row needs: LibreOffice does not work it out.
func lines(cells []string, looks []look) int {
	most := 1
	for i, cell := range cells {
		line := looks[i].line
		if line == 0 || len(cell) <= line && strings.IndexByte(cell, '\n') < 0 {
			continue
		}
		n := 0
		for text := range strings.SplitSeq(cell, "\n") {
			n += 1 + max(0, utf8.RuneCountInString(text)-1)/line
		}
		most = max(most, n)
	}
	return min(most, maxLines)
}

// appendCell appends a cell from the number of its style on.
func appendCell(b []byte, l look, cell string) []byte {
	switch l.kind {
	case Date, Moment:
		if t, ok := moment(l.kind, cell); ok {
			if l.kind == Moment && len(cell) == len(withSeconds) {
				l.style = styleSeconds
			}
			return append(strconv.AppendFloat(appendStyle(b, l.style, "><v>"), serial(t), 'f', -1, 64), "</v></c>"...)
		}
		l.style = styleText
	case Number:
		if isNumber(cell) {
			return append(append(appendStyle(b, l.style, "><v>"), cell...), "</v></c>"...)
		}
		l.style = styleText
	}
	if first, last := cell[0], cell[len(cell)-1]; first <= ' ' || last <= ' ' {
		b = appendStyle(b, l.style, ` t="inlineStr"><is><t xml:space="preserve">`)
	} else {
		b = appendStyle(b, l.style, ` t="inlineStr"><is><t>`)
	}
	return append(appendText(b, cell), "</t></is></c>"...)
}

func appendStyle(b []byte, s style, after string) []byte {
	return append(append(strconv.AppendInt(b, int64(s), 10), '"'), after...)
}

const (
	onlyDay        = "2006-01-02"
	withoutSeconds = "2006-01-02T15:04"
	withSeconds    = "2006-01-02T15:04:05"
)

// firstDay is where Excel's days are right: it believes in a 29 February 1900.
var firstDay = time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)

// moment reads a day or a moment that Excel can hold and shows as it stands.
func moment(kind Type, cell string) (time.Time, bool) {
	layout := onlyDay
	if kind == Moment {
		if layout = withoutSeconds; len(cell) == len(withSeconds) {
			layout = withSeconds
		}
	}
	if len(cell) != len(layout) {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, cell)
	return t, err == nil && !t.Before(firstDay)
}

// serial is a moment as Excel counts: days since the end of 1899.
func serial(t time.Time) float64 {
	return float64(t.Unix()-time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Unix()) / (24 * 60 * 60)
}

// isNumber says whether Excel shows the number with the very same digits: up to
// 15 of them, none superfluous.
func isNumber(cell string) bool {
	if cell[0] == '-' && len(cell) > 1 && cell != "-0" {
		cell = cell[1:]
	}
	digits, point := 0, -1
	for i := range len(cell) {
		switch c := cell[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c == '.' && point < 0 && i > 0:
			point = i
		default:
			return false
		}
	}
	if digits == 0 || digits > 15 || cell[0] == '0' && len(cell) > 1 && point != 1 {
		return false
	}
	return point < 0 || cell[len(cell)-1] != '.' && cell[len(cell)-1] != '0'
}

// plain are the bytes that stand in XML as they are, in any text.
var plain = func() (p [256]bool) {
	for c := range p {
		p[c] = c >= ' ' || c == '\t' || c == '\n'
	}
	for _, c := range []byte("<>&_\xef") { // 0xef begins U+F000 to U+FFFF
		p[c] = false
	}
	return p
}()

const hexDigits = "0123456789ABCDEF"

// appendText appends valid UTF-8 as XML text. What XML cannot hold is written in
// Excel's way, _xHHHH_, and so is the underscore of a text that looks like it.
func appendText(b []byte, text string) []byte {
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if plain[c] {
			continue
		}
		length, escaped := 1, ""
		switch {
		case c == '<':
			escaped = "&lt;"
		case c == '>':
			escaped = "&gt;"
		case c == '&':
			escaped = "&amp;"
		case c == '_':
			if !looksEscaped(text[i:]) {
				continue
			}
			escaped = "_x005F_"
		case c < ' ':
			escaped = string([]byte{'_', 'x', '0', '0', hexDigits[c>>4], hexDigits[c&15], '_'})
		default: // U+F000 and up, of which two are no characters
			r, size := utf8.DecodeRuneInString(text[i:])
			switch r {
			case 0xfffe:
				escaped = "_xFFFE_"
			case 0xffff:
				escaped = "_xFFFF_"
			default:
				i += size - 1
				continue
			}
			length = size
		}
		b = append(append(b, text[start:i]...), escaped...)
		start = i + length
		i = start - 1
	}
	return append(b, text[start:]...)
}

// looksEscaped says whether a text is written as something that begins with
// _xHHHH_, where the last underscore is the text's own or that of an escape.
func looksEscaped(text string) bool {
	if len(text) < 7 || text[0] != '_' || text[1] != 'x' {
		return false
	}
	for i := 2; i < 6; i++ {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(text[i])) {
			return false
		}
	}
	next := text[6]
	return next == '_' || next < ' ' && !plain[next] || strings.HasPrefix(text[6:], "\ufffe") || strings.HasPrefix(text[6:], "\uffff")
}
