package intake

import (
	"fmt"
	"strings"

	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
)

// idColumns are the names of the id column, as kind.PlainHeading makes them.
var idColumns = map[string]bool{"patientid": true, "id": true, "mrn": true}

const expected = "Name the column with the ids patient_id, id or mrn."

func isIDColumn(name string) bool { return idColumns[kind.PlainHeading(name)] }

// openTable finds the separator and the id column, and leaves the table at
// the first row below the column names.
func openTable(text string) (rows *table, columns []string, id int, err error) {
	sep, text := statedSeparator(text)
	candidates := []byte{',', ';', '\t'}
	if sep != 0 {
		candidates = []byte{sep}
	}
	var best *table
	var broken *gathering
	for _, sep := range candidates {
		t := &table{text: text, sep: sep}
		if f := t.header(); f != sound {
			broken = gatherer("Row")
			broken.spoil(f, t.row)
			continue
		}
		if best == nil || rank(t.cells) > rank(best.cells) {
			best = t
		}
	}
	switch {
	case best == nil:
		return nil, nil, 0, broken.verdict(0)
	case len(best.cells) == 0:
		return nil, nil, 0, fault.New(fault.Invalid, "The file is empty. %s", expected)
	}
	columns = append(columns, best.cells...)
	id, err = idColumn(columns)
	return best, columns, id, err
}

// header reads up to the first row with text in it.
func (t *table) header() flaw {
	for {
		cells, f := t.next()
		if f != sound || cells == nil || anyText(cells) {
			return f
		}
	}
}

// rank prefers the separator that gives an id column, then the one that gives
// most columns.
func rank(cells []string) int {
	for _, c := range cells {
		if isIDColumn(c) {
			return maxCells + len(cells)
		}
	}
	return len(cells)
}

// statedSeparator reads the line sep=; by which Excel is told the separator.
// Excel does not show it, so it is no row.
func statedSeparator(text string) (byte, string) {
	rest, ok := strings.CutPrefix(text, "sep=")
	if !ok || rest == "" || !strings.ContainsRune(",;\t", rune(rest[0])) {
		return 0, text
	}
	t := table{text: rest, pos: 1}
	t.skipLineEnd()
	return rest[0], rest[t.pos:]
}

func idColumn(columns []string) (int, error) {
	var found []int
	for i, name := range columns {
		if isIDColumn(name) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return 0, fault.New(fault.Invalid, "The file has more than one column that could hold the patient ids: %s. Keep one of them, or rename the others.",
			names(columns, found))
	}
	for _, cell := range columns {
		// The first row is data: its cells may be about patients, so they are not repeated.
		if looksLikeID(cell) || strings.Contains(cell, "@") {
			return 0, fault.New(fault.Invalid, "Row 1 holds data where the column names should stand. Insert a row above it. %s", expected)
		}
	}
	return 0, fault.New(fault.Invalid, "The file has no column with patient ids. Its columns are: %s. %s", allNames(columns), expected)
}

// listedColumns is how many columns a sentence names.
const listedColumns = 10

func names(columns []string, which []int) string {
	var texts []string
	for n, i := range which {
		if n == listedColumns {
			texts = append(texts, fmt.Sprintf("and %s more", english.Number(len(which)-n)))
			break
		}
		texts = append(texts, headingName(columns[i]))
	}
	return strings.Join(texts, ", ")
}

func allNames(columns []string) string {
	all := make([]int, len(columns))
	for i := range all {
		all[i] = i
	}
	return names(columns, all)
}

// headingName is a column's name as it is shown where it must have one.
func headingName(cell string) string {
	if name := columnName(cell); name != "" {
		return name
	}
	return "(no name)"
}
