package engine_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// corrects is a request to give the patients, in order, the values.
func corrects(ids []string, given ...registry.Fields) engine.Request {
	r := asks(registry.Active, ids...)
	r.Kind, r.Params = "data-correction", nil
	r.Selection.Given = given
	return r
}

func TestEachPatientGetsItsOwnValues(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(4))
	before := c.fields()
	r := corrects([]string{"P003", "P001", "P404", "P002", "P004"},
		registry.Fields{"phone": "+1 512 555 0103", "email": " "}, registry.Fields{"phone": "<CLEAR>"}, registry.Fields{"phone": "+15125550104"},
		registry.Fields{"name": "Zoë", "birth_date": "2001-02-03"}, nil)
	r.Selection.Source, r.Selection.Rows = bulk.Uploaded, []int{2, 3, 5, 6, 9}
	op := c.finished(r)
	equal(t, "state", op.State, bulk.Completed)
	list(t, "changed", c.subjects(op), "P003", "P001", "P002")
	want := c.fields()
	for id, fields := range map[string]registry.Fields{"P003": {"phone": "+15125550103"}, "P001": {"phone": ""}, "P002": {"name": "Zoë", "birth_date": "2001-02-03"}} {
		for field, value := range fields {
			equal(t, id+" "+field, want[registry.ProfileRef(id)][field], value)
		}
	}
	excluded := c.excluded(op)
	list(t, "left out", excluded,
		bulk.Exclusion{Subject: "P404", Row: 5, Code: bulk.UnknownSubject, Sentence: "There is no patient with this id."},
		bulk.Exclusion{Subject: "P004", Name: canary + " P004", Row: 9, Code: bulk.AlreadySo, Sentence: "The file has no new value for this patient."})
	c.again(op, bulk.Rollback)
	c.sameAs("after the rollback", before)
}

func TestARerunHasTheValuesOfTheFirstRun(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	values := []registry.Fields{{"phone": "+15125550101"}, {"phone": "+15125550102"}, {"phone": "+15125550103"}}
	op := c.started(corrects(numbered(3), values...))
	c.byHand("P002", registry.LockedBy, "Dr. No")
	c.byHand("P003", registry.LockedBy, "Dr. No")
	op = c.finish(op)
	c.byHand("P002", registry.LockedBy, "")
	next := c.again(op, bulk.Rerun) // P003 is left out of its plan: still locked
	list(t, "subjects", c.subjects(next), "P002")
	equal(t, "phone", c.fields()[registry.ProfileRef("P002")][registry.Phone], "+15125550102")

	// And a rerun of a rerun.
	second := corrects([]string{"P001", "P003"}, registry.Fields{"email": "a@example.org"}, registry.Fields{"email": "c@example.org"})
	second.Key = "another-key-0123456789"
	op = c.started(second)
	equal(t, "changes", op.Plan.Changes, 1)
	c.byHand("P001", registry.LockedBy, "Dr. No")
	op = c.finish(op)
	c.byHand("P001", registry.LockedBy, "")
	made := c.start(c.approve(c.submit(c.follow(op, bulk.Rerun))))
	c.byHand("P001", registry.LockedBy, "Dr. No")
	made = c.finish(made)
	c.byHand("P001", registry.LockedBy, "")
	last := c.again(made, bulk.Rerun)
	equal(t, "done", last.Final.Done, 1)
	equal(t, "e-mail", c.fields()[registry.ProfileRef("P001")][registry.Email], "a@example.org")
}

func TestValuesThatAreRefused(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	ok := registry.Fields{"phone": "+15125550101"}
	rows := corrects(numbered(2), ok, registry.Fields{"birth_date": "1958-02-30"})
	rows.Selection.Rows = []int{2, 1234}
	status := asks(registry.OnHold, "P001")
	status.Selection.Given = []registry.Fields{ok}
	for sentence, r := range map[string]engine.Request{
		"A data correction takes values for each patient. Upload a CSV file with them.":                        corrects(numbered(2)),
		"A status change takes no values for each patient.":                                                    status,
		"Values are given for 1 patients, but 2 ids. Give one set of values for each id.":                      corrects(numbered(2), ok),
		"Patient 2 of the list is the same patient as patient 1 of the list. Give each patient's values once.": corrects([]string{"P001", "P001"}, ok, registry.Fields{}),
		"Row 1234, birth_date: There is no such day. Check the month and the day.":                             rows,
		"Patient 1 of the list, status: A data correction takes no such value.":                                corrects([]string{"P001"}, registry.Fields{"status": "Active"}),
		"Patient 2 of the list, name: The name cannot be cleared. Leave the cell empty to keep it as it is.":   corrects(numbered(2), ok, registry.Fields{"name": "<clear>"}),
	} {
		_, err := c.Request(t.Context(), ada, r)
		refused(t, err, fault.Invalid, sentence)
	}
	_, err := c.Request(t.Context(), ada, corrects(numbered(2), ok, registry.Fields{}))
	must(t, err)
	_, err = c.Request(t.Context(), ada, corrects(numbered(2), registry.Fields{}, ok))
	equal(t, "the same form with other values", fault.CodeOf(err), fault.Conflict)
}

// The file's rows follow the patients into a rerun, whoever asks for that, and
// are shown to whoever sent the file and to auditors.
func TestTheRowsOfAFileAreForItsSender(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	r := asks(registry.OnHold, numbered(2)...)
	r.Selection.Source, r.Selection.File, r.Selection.Rows = bulk.Uploaded, "f11e", []int{2, 3}
	r.Selection.Sheet = &bulk.Sheet{Header: []string{"id", "ward"}, Rows: [][]string{{"P001", "A"}, {"P002", "B"}}}
	op := c.started(r)
	c.byHand("P002", registry.LockedBy, "Dr. No")
	op = c.finish(op)
	rerun, err := c.Again(t.Context(), grace, op.ID, bulk.Rerun, "again-0123456789abcdef")
	must(t, err)
	rollback, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "back-0123456789abcdef")
	must(t, err)
	edited := r
	edited.Key, edited.Selection.Sheet = "other-0123456789abcdef", nil
	plain := c.planned(edited)
	for _, test := range []struct {
		name string
		op   bulk.Operation
		who  staff.Person
		want int
	}{
		{"its sender", op, ada, 2}, {"an auditor", op, ula, 2}, {"an approver", op, grace, 0},
		{"its sender, of a rerun by somebody else", rerun, ada, 2}, {"who ran it again", rerun, grace, 0},
		{"of a rollback", rollback, ada, 0}, {"where it is not kept", plain, ada, 0},
	} {
		header, rows, err := c.Sheet(t.Context(), test.who, test.op)
		must(t, err)
		if len(rows) != test.want || (len(header) > 0) != (test.want > 0) {
			t.Errorf("%s: %v %v", test.name, header, rows)
		}
	}
}
