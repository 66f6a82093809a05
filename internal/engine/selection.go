package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

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
		if wrong := CheckFilter(*s.Filter, d); len(wrong) > 0 {
			return invalid(wrong...)
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
	if i := slices.IndexFunc(s.Rows, func(row int) bool { return row < 1 }); i >= 0 {
		return fault.New(fault.Invalid, "Rows of a file count from 1. Row %d of patient %s in the list is none.", s.Rows[i], english.Number(i+1))
	}
	if s.Sheet != nil {
		columns := len(s.Sheet.Header)
		if i := slices.IndexFunc(s.Sheet.Rows, func(row []string) bool { return len(row) > columns }); i >= 0 {
			return fault.New(fault.Invalid, "The row of patient %s in the list has %s, more than the %s of the file’s header. Give each row at most as many values as the header has columns.",
				english.Number(i+1), english.Count(len(s.Sheet.Rows[i]), "value", "values"), english.Count(columns, "column", "columns"))
		}
	}
	return nil
}

// CheckFilter names what is wrong with a filter, whoever asks, by question.
func CheckFilter(f registry.Filter, d registry.Directory) (wrong Problems) {
	if _, known := d.Provider(f.Provider); !known && f.Provider != "" && f.Provider != registry.Nobody {
		wrong = append(wrong, problem("provider", "Choose among the listed providers."))
	}
	for _, span := range []struct{ name, label, from, to string }{
		{"registered", "Registered", f.RegisteredFrom, f.RegisteredTo},
		{"last_visit", "Last visit", f.LastVisitFrom, f.LastVisitTo},
		{"next_visit", "Visit to come", f.NextVisitFrom, f.NextVisitTo},
	} {
		right := true
		for _, day := range [][2]string{{"_from", span.from}, {"_to", span.to}} {
			if _, err := time.Parse(time.DateOnly, day[1]); err != nil && day[1] != "" {
				wrong = append(wrong, problem(span.name+day[0], "Write the date as year-month-day, for example 2026-03-31."))
				right = false
			}
		}
		if right && span.from != "" && span.to != "" && span.from > span.to {
			wrong = append(wrong, problem(span.name+"_to", "%s: the last day is before the first. Swap them, or correct one.", span.label))
		}
	}
	return wrong
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
