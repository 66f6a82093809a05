package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// same compares as stored: an empty list and none are the same.
func same(a, b bulk.Selection) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// checkSelection refuses an empty, over-large or foreign selection and narrows
// a filter to the facilities that the actor holds.
func (e *Engine) checkSelection(actor staff.Person, d registry.Directory, s *bulk.Selection) error {
	if s.Source == bulk.ByFilter {
		if s.Filter == nil {
			return fault.New(fault.Invalid, "No patients are selected. Choose a filter, or paste, upload or pick patients.")
		}
		if err := holdsEach(actor, d, s.Filter.Facilities); err != nil {
			return err
		}
		if len(s.Filter.Facilities) == 0 {
			narrowed := *s.Filter
			narrowed.Facilities = scope(actor, d)
			s.Filter = &narrowed
		}
		if len(s.Filter.Facilities) == 0 {
			return fault.New(fault.Forbidden, "You hold no facility. Ask an administrator to give you yours.")
		}
		return nil
	}
	if s.Of != "" {
		return nil
	}
	if len(s.IDs) == 0 {
		return fault.New(fault.Invalid, "No patients are selected. Choose a filter, or paste, upload or pick patients.")
	}
	if len(s.IDs) > e.Limits.MaxSubjects {
		return e.errTooMany(len(s.IDs))
	}
	if s.Sheet != nil && (s.Source != bulk.Uploaded || len(s.Sheet.Rows) != len(s.IDs)) {
		return fault.New(fault.Invalid, "The rows of a file are given one for each id, with the file's SHA-256.")
	}
	return nil
}

// holdsEach refuses facilities that the actor does not hold.
func holdsEach(actor staff.Person, d registry.Directory, facilities []string) error {
	for _, id := range facilities {
		if !actor.Holds(id) {
			return fault.New(fault.Forbidden, "You do not hold the facility %q. Choose among your own facilities.", d.Display(registry.FacilityField, id))
		}
	}
	return nil
}

func (e *Engine) errTooMany(n int) error {
	return fault.New(fault.TooLarge, "An operation takes at most %s patients; %s are selected. Divide them, for example by facility.",
		english.Number(e.Limits.MaxSubjects), english.Number(n))
}

// selectionWords says how patients were chosen, without patient data: of a
// search text it says only that there is one.
func selectionWords(s bulk.Selection, d registry.Directory) string {
	switch s.Source {
	case bulk.Pasted:
		return "pasted list of ids"
	case bulk.Uploaded:
		return "uploaded CSV file"
	case bulk.Picked:
		return "picked one by one"
	case bulk.FromDone, bulk.FromLeft:
		return earlierWords(s)
	}
	var words []string
	for _, c := range s.Filter.Words(d) {
		if c.Label == registry.FilterText {
			words = append(words, "a search text")
			continue
		}
		words = append(words, strings.ToLower(c.Label)+" "+c.Words)
	}
	if len(s.Except) > 0 {
		words = append(words, fmt.Sprintf("%d left out", len(s.Except)))
	}
	return strings.Join(words, "; ")
}
