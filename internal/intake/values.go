package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

const (
	shownRows   = 50  // how many rows with errors an answer holds
	shownText   = 100 // characters of a cell that it holds
	toldInWords = 20  // how many errors the sentence names
)

// RowErrors are the rows of a file that have values which cannot be used. It
// is the cause of the fault.Invalid that CSV returns for them. It holds what
// the file says of patients: show it to the sender only.
type RowErrors struct {
	Headings []string   // the file's columns, in its order
	Rows     []ErrorRow // the first rows with errors
	Count    int        // all rows with errors
}

// ErrorRow is a row of the file as its sender wrote it.
type ErrorRow struct {
	Row   int // as a spreadsheet shows it
	Cells []ErrorCell
}

// ErrorCell is a cell, with what is wrong with it or "".
type ErrorCell struct{ Text, Problem string }

// Error names rows and columns and no value.
func (e *RowErrors) Error() string {
	var sentences []string
	for _, row := range e.Rows {
		for i, cell := range row.Cells {
			if cell.Problem != "" && len(sentences) < toldInWords {
				sentences = append(sentences, fmt.Sprintf("Row %d, %s: %s", row.Row, e.Headings[i], cell.Problem))
			}
		}
	}
	rows := "1 row of the file has errors."
	if e.Count != 1 {
		rows = english.Number(e.Count) + " rows of the file have errors."
	}
	return rows + " " + strings.Join(sentences, " ")
}

// values reads the columns that a kind takes from the rows of a file.
type values struct {
	kind    kind.Kind
	at      time.Time
	columns []string // the file's headings
	id      int
	taken   map[int]kind.Column
	given   []registry.Fields // parallel with the ids gathered
	errors  RowErrors
}

// newValues finds the columns that the kind takes among the file's headings.
func newValues(k kind.Kind, at time.Time, columns []string, id int) (*values, error) {
	v := &values{kind: k, at: at, columns: columns, id: id, taken: map[int]kind.Column{}}
	byField := map[string]int{}
	for i, heading := range columns {
		c, ok := k.ColumnFor(heading)
		if !ok || i == id || isAdded(heading) {
			continue
		}
		if other, twice := byField[c.Field]; twice {
			return nil, fault.New(fault.Invalid, "The file has more than one column for the %s: %s. Keep one of them, or rename the others.",
				strings.ToLower(c.Title), names(columns, []int{other, i}))
		}
		byField[c.Field], v.taken[i] = i, c
	}
	if k.ByFile && len(v.taken) == 0 {
		var titles []string
		for _, c := range k.Columns {
			titles = append(titles, c.Title)
		}
		return nil, fault.New(fault.Invalid, "The file has no column with new values. Its columns are: %s. Name at least one column %s or %s.",
			allNames(columns), strings.Join(titles[:len(titles)-1], ", "), titles[len(titles)-1])
	}
	for _, heading := range columns {
		v.errors.Headings = append(v.errors.Headings, headingName(heading))
	}
	return v, nil
}

// row reads the values of one row, and what is wrong with them by column.
func (v *values) row(cells []string) (given registry.Fields, wrong map[int]string) {
	given, wrong = registry.Fields{}, map[int]string{}
	for i, c := range v.taken {
		if i >= len(cells) {
			continue // spreadsheets leave out empty cells at the end of a row
		}
		value, problem := c.Value(clean(cells[i]), v.at)
		switch {
		case problem != "":
			wrong[i] = problem
		case value != "":
			given[c.Field] = strings.Clone(value) // or it would keep the whole upload in memory
		}
	}
	return given, wrong
}

// take adds a row that has an id to what was gathered, or notes what is wrong
// with it.
func (v *values) take(g *gathering, id string, cells []string, row int) {
	given, wrong := v.row(cells)
	before, known := g.seen[id]
	switch f := flawOf(id); {
	case f != sound:
		wrong[v.id] = "This row " + flawSentences[f]
	case known && !maps.Equal(given, v.given[before]):
		wrong[v.id] = fmt.Sprintf("Row %d has the same patient id with other values. Keep one of the two rows.", g.rows[before])
	default:
		if g.add(id, row); !known {
			v.given = append(v.given, given)
		}
	}
	v.note(cells, row, wrong)
}

// takeNobody notes a row that has values but no id; false when it has no values.
func (v *values) takeNobody(cells []string, row int) bool {
	given, wrong := v.row(cells)
	if len(given)+len(wrong) == 0 {
		return false
	}
	wrong[v.id] = "This row has values but no patient id."
	v.note(cells, row, wrong)
	return true
}

func (v *values) note(cells []string, row int, wrong map[int]string) {
	if len(wrong) == 0 {
		return
	}
	if v.errors.Count++; v.errors.Count > shownRows {
		return
	}
	shown := ErrorRow{Row: row, Cells: make([]ErrorCell, len(v.columns))}
	for i := range shown.Cells {
		if i < len(cells) {
			shown.Cells[i].Text = short(cells[i], shownText)
		}
		shown.Cells[i].Problem = wrong[i]
	}
	v.errors.Rows = append(v.errors.Rows, shown)
}

// verdict is the fault for all rows with errors; nil when there are none.
func (v *values) verdict() error {
	if v.errors.Count == 0 {
		return nil
	}
	return fault.Wrap(&v.errors, fault.Invalid, "%s", v.errors.Error())
}

// ignored names the columns that are not read.
func (v *values) ignored() []string {
	var list []string
	for i, heading := range v.columns {
		if name := columnName(heading); i != v.id && name != "" && len(v.kind.Columns) > 0 && !isAdded(heading) {
			if _, taken := v.taken[i]; !taken {
				list = append(list, name)
			}
		}
	}
	return list
}

// read lists the columns that are read, as the kind calls them, with how many
// values each has and how many of them clear a field.
func (v *values) read() []ReadColumn {
	var list []ReadColumn
	for _, i := range slices.Sorted(maps.Keys(v.taken)) {
		c := ReadColumn{Title: v.taken[i].Title}
		for _, given := range v.given {
			switch given[v.taken[i].Field] {
			case "":
			case kind.Clear:
				c.Cleared++
			default:
				c.Values++
			}
		}
		list = append(list, c)
	}
	return list
}
