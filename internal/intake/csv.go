package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
)

// MaxFile is the largest file that is read, in bytes. A request to a function
// holds 6 MB, of which base64 takes a quarter.
const MaxFile = 4 << 20

// MaxFileWords is MaxFile as people read it.
var MaxFileWords = fmt.Sprintf("%d MB", MaxFile>>20)

// CSV reads from a CSV file the id column, and the columns that the kind takes
// for each patient, with values as they can be at the moment of reading. The
// file is UTF-8 or UTF-16, parted by comma, semicolon or tab, with column names
// in the first row that is not empty. size is what the sender states, below 0
// when unknown; a file over MaxFile is fault.TooLarge before it is read. More
// than max different ids are fault.TooLarge, whatever else keeps the file from
// being read fault.Invalid; for values that cannot be used the cause is
// *RowErrors.
func CSV(r io.Reader, size int64, max int, k kind.Kind, at time.Time) (Result, error) {
	if size > MaxFile {
		return Result{}, TooBig(size)
	}
	content, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Invalid, "The file did not arrive completely. Send it again.")
	}
	if len(content) > MaxFile {
		return Result{}, TooBig(0)
	}
	sum := sha256.Sum256(content)
	text, err := decode(content)
	if err != nil {
		return Result{}, err
	}
	rows, columns, id, err := openTable(text)
	if err != nil {
		return Result{}, err
	}
	v, err := newValues(k, at, columns, id)
	if err != nil {
		return Result{}, err
	}
	s := newSheet(columns)
	g, blank := v.readRows(rows, s)
	if err := g.verdict(max); err != nil {
		return Result{}, err
	}
	if err := v.verdict(); err != nil {
		return Result{}, err
	}
	if len(g.ids) == 0 {
		if blank == 0 {
			return Result{}, fault.New(fault.Invalid, "The file has column names but no rows below them.")
		}
		return Result{}, fault.New(fault.Invalid, "The column %q is empty in every row.", columnName(columns[id]))
	}
	return Result{IDs: g.ids, Rows: g.rows, Duplicates: g.twice, Blank: blank, File: hex.EncodeToString(sum[:]),
		Given: v.given, Columns: v.read(), Ignored: v.ignored(), Sheet: s.kept()}, nil
}

// readRows reads the rows below the header, as far as they can be read.
func (v *values) readRows(rows *table, s *sheet) (g *gathering, blank int) {
	g = gatherer("Row")
	empty := 0 // rows without any text since the last one with some
	for {
		cells, f := rows.next()
		if f != sound {
			g.spoil(f, rows.row)
			return g, blank
		}
		if cells == nil {
			return g, blank
		}
		if !anyText(cells) {
			empty++
			continue
		}
		blank, empty = blank+empty, 0
		id := ""
		if v.id < len(cells) { // spreadsheets leave out empty cells at the end of a row
			id = clean(cells[v.id])
		}
		switch {
		case len(cells) > len(v.columns) && anyText(cells[len(v.columns):]):
			g.spoil(ragged, rows.row)
		case id == "" && !v.takeNobody(cells, rows.row):
			blank++
		case id == "":
		case len(v.taken) == 0:
			g.add(id, rows.row)
		default:
			v.take(g, id, cells, rows.row)
		}
		if len(g.ids) > s.count {
			s.keep(cells)
		}
	}
}

func anyText(cells []string) bool {
	for _, c := range cells {
		if trim(c) != "" {
			return true
		}
	}
	return false
}

// TooBig refuses a file over MaxFile. size is its size as far as it is known.
func TooBig(size int64) error {
	has := ""
	if size >= 2*MaxFile {
		has = " This one has " + english.Number(int(size>>20)) + " MB."
	}
	return fault.New(fault.TooLarge, "A file may have at most %s.%s Keep only the columns that are needed, or split the file.", MaxFileWords, has)
}

// columnName is a column's name as a sentence shows it.
func columnName(cell string) string {
	return short(cell, 40)
}

// short is a cell's text on one line and of at most n characters.
func short(cell string, n int) string {
	text := []rune(strings.ToValidUTF8(strings.Join(strings.Fields(trim(cell)), " "), "?"))
	if len(text) > n {
		text = append(text[:n], '…')
	}
	return string(text)
}
