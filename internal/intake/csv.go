package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"bulkops/internal/fault"
)

// MaxFile is the largest file that is read, in bytes. A request to a function
// holds 6 MB, of which base64 takes a quarter.
const MaxFile = 4 << 20

// CSV reads the id column of a CSV file: UTF-8 or UTF-16, parted by comma,
// semicolon or tab, with column names in the first row that is not empty. size
// is what the sender states, below 0 when unknown; a file over MaxFile is
// fault.TooLarge before it is read. More than max different ids are
// fault.TooLarge, whatever else keeps the file from being read fault.Invalid.
func CSV(r io.Reader, size int64, max int) (Result, error) {
	if size > MaxFile {
		return Result{}, tooBig(size)
	}
	content, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Invalid, "The file did not arrive completely. Send it again.")
	}
	if len(content) > MaxFile {
		return Result{}, tooBig(0)
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
	g, blank, err := readIDs(rows, columns, id)
	if err != nil {
		return Result{}, err
	}
	if err := g.verdict(max); err != nil {
		return Result{}, err
	}
	if len(g.ids) == 0 {
		if blank == 0 {
			return Result{}, fault.New(fault.Invalid, "The file has column names but no rows below them.")
		}
		return Result{}, fault.New(fault.Invalid, "The column %q is empty in every row.", columnName(columns[id]))
	}
	return Result{IDs: g.ids, Rows: g.rows, Duplicates: g.twice, Blank: blank, File: hex.EncodeToString(sum[:])}, nil
}

// readIDs reads the rows below the header. Its error is for a row after which
// nothing can be read.
func readIDs(rows *table, columns []string, id int) (g *gathering, blank int, err error) {
	g = gatherer("Row")
	empty := 0 // rows without any text since the last one with some
	for {
		cells, f := rows.next()
		if f != sound {
			g.spoil(f, rows.row)
			return g, blank, nil
		}
		if cells == nil {
			return g, blank, nil
		}
		if !anyText(cells) {
			empty++
			continue
		}
		blank, empty = blank+empty, 0
		switch {
		case len(cells) > len(columns) && anyText(cells[len(columns):]):
			g.spoil(ragged, rows.row)
		case id >= len(cells) || clean(cells[id]) == "":
			blank++ // spreadsheets leave out empty cells at the end of a row
		default:
			g.add(clean(cells[id]), rows.row)
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

func tooBig(size int64) error {
	has := ""
	if size >= 2*MaxFile {
		has = " This one has " + thousands(int(size>>20)) + " MB."
	}
	return fault.New(fault.TooLarge, "A file may have at most %d MB.%s Keep only the column with the patient ids, or split the file.", MaxFile>>20, has)
}

// columnName is a column's name as a sentence shows it.
func columnName(cell string) string {
	name := []rune(strings.ToValidUTF8(strings.Join(strings.Fields(trim(cell)), " "), "?"))
	if len(name) > 40 {
		name = append(name[:40], '…')
	}
	return string(name)
}
