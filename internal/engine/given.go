package engine

import (
	"context"
	"strconv"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// listedProblems is how many problems of a list one answer names.
const listedProblems = 20

// checkGiven reads the values that a selection has for each patient, and
// refuses those that the kind does not take and those that are wrong. Its
// sentences name rows, or places in the list, and repeat no value.
func (e *Engine) checkGiven(k kind.Kind, s *bulk.Selection) error {
	switch {
	case s.Of != "":
		return nil // the earlier operation has them
	case len(s.Given) == 0 && k.ByFile:
		return fault.New(fault.Invalid, "A %s takes values for each patient. Upload a CSV file with them.", strings.ToLower(k.Title))
	case len(s.Given) == 0:
		return nil
	case len(k.Columns) == 0:
		return fault.New(fault.Invalid, "A %s takes no values for each patient.", strings.ToLower(k.Title))
	case len(s.Given) != len(s.IDs):
		return fault.New(fault.Invalid, "Values are given for %s patients, but %s ids. Give one set of values for each id.",
			english.Number(len(s.Given)), english.Number(len(s.IDs)))
	}
	place := func(i int) string {
		if i < len(s.Rows) {
			return "Row " + strconv.Itoa(s.Rows[i]) // as a spreadsheet shows it
		}
		return "Patient " + english.Number(i+1) + " of the list"
	}
	first := make(map[string]int, len(s.IDs))
	for i, id := range s.IDs {
		if before, twice := first[id]; twice {
			return fault.New(fault.Invalid, "%s is the same patient as %s. Give each patient's values once.", place(i), strings.ToLower(place(before)))
		}
		first[id] = i
	}
	given, wrong := k.ReadGiven(s.Given, e.Now())
	if len(wrong) > 0 {
		var sentences []string
		for _, w := range wrong[:min(len(wrong), listedProblems)] {
			sentences = append(sentences, place(w.Index)+", "+english.Brief(w.Field)+": "+w.Sentence)
		}
		if more := len(wrong) - len(sentences); more > 0 {
			sentences = append(sentences, "There are "+english.Number(more)+" more problems.")
		}
		return fault.New(fault.Invalid, "%s", strings.Join(sentences, " "))
	}
	s.Given = given
	return nil
}

// givenTo returns what was given for each patient of an operation: with its own
// selection, or with that of the operation which it ran again.
func (e *Engine) givenTo(ctx context.Context, id string) (map[string]registry.Fields, error) {
	_, s, err := e.chosenAtFirst(ctx, id)
	if err != nil {
		return nil, err
	}
	given := make(map[string]registry.Fields, len(s.Given))
	for i, values := range s.Given {
		given[s.IDs[i]] = values
	}
	return given, nil
}

// Sheet returns the header and, by patient, the rows of the file with which an
// operation, or the one that it ran again, was asked for; nil where there was no
// file, where its rows are not kept, and to others than its sender and those who
// read everything: it may hold what is no business of theirs.
func (e *Engine) Sheet(ctx context.Context, actor staff.Person, op bulk.Operation) (header []string, rows map[string][]string, err error) {
	first, s, err := e.chosenAtFirst(ctx, op.ID)
	if err != nil || s.Sheet == nil {
		return nil, nil, err
	}
	if first != op.ID {
		if op, err = e.Operations.Operation(ctx, first); err != nil {
			return nil, nil, err
		}
	}
	if op.Requester.Sub != actor.Sub && !actor.ReadsAll() {
		return nil, nil, nil
	}
	rows = make(map[string][]string, len(s.IDs))
	for i, row := range s.Sheet.Rows {
		rows[s.IDs[i]] = row
	}
	return s.Sheet.Header, rows, nil
}

// chosenAtFirst returns the selection of an operation, or of the one which it
// ran again, and the id of that one.
func (e *Engine) chosenAtFirst(ctx context.Context, id string) (first string, s bulk.Selection, err error) {
	for {
		s, err = e.Operations.Selection(ctx, id)
		if err != nil || s.Source != bulk.FromLeft {
			return id, s, err
		}
		id = s.Of
	}
}
