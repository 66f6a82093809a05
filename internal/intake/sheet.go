package intake

import (
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
)

// AddedColumns are what our own files say of each row besides what the sender
// wrote. A file that has them is read as if it had not.
var AddedColumns = []string{"Outcome code", "Outcome reason"}

func isAdded(heading string) bool {
	return slices.ContainsFunc(AddedColumns, func(added string) bool { return kind.PlainHeading(added) == kind.PlainHeading(heading) })
}

// mostCells is how many cells of a file are kept; MaxFile bounds their text.
const mostCells = 1_000_000

// sheet gathers the rows of a file, as far as there are not too many.
type sheet struct {
	bulk.Sheet
	columns []int // of the file, that are kept
	count   int   // rows
	cells   int
}

func newSheet(columns []string) *sheet {
	s := &sheet{}
	for i, heading := range columns {
		if !isAdded(heading) {
			s.columns = append(s.columns, i)
			s.Header = append(s.Header, trim(heading))
		}
	}
	return s
}

// keep keeps a row, without the empty cells at its end.
func (s *sheet) keep(cells []string) {
	s.count++
	if s.cells > mostCells {
		return
	}
	row := make([]string, 0, len(s.columns))
	for _, i := range s.columns {
		if i < len(cells) {
			row = append(row, cells[i])
		}
	}
	for len(row) > 0 && row[len(row)-1] == "" {
		row = row[:len(row)-1]
	}
	s.cells += len(row)
	s.Rows = append(s.Rows, row)
}

func (s *sheet) kept() *bulk.Sheet {
	if s.cells > mostCells {
		return nil
	}
	return &s.Sheet
}
