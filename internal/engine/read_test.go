package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestWhoSeesAnOperation(t *testing.T) {
	disabled := func(p staff.Person) staff.Person { p.Disabled = true; return p }
	colleague := staff.Person{Sub: "sub-cleo", Name: "Cleo", Role: staff.Staff, Facilities: []string{"fac-1", "fac-2"}}
	tests := []struct {
		name            string
		person          staff.Person
		unplanned       bool
		riverside, both bool // operations that touch one facility, and both
	}{
		{"the requester", ada, true, true, true},
		{"another member of staff", colleague, false, false, false},
		{"the team lead of Riverside", tom, false, true, false},
		{"a manager of both", grace, false, true, true},
		{"a manager of Hilltop", henry, false, false, false},
		{"a manager of all", lin, false, true, true},
		{"an administrator", amir, true, true, true},
		{"an auditor", ula, true, true, true},
		{"the requester, disabled", disabled(ada), false, false, false},
		{"an auditor, disabled", disabled(ula), false, false, false},
		{"a manager, disabled", disabled(grace), false, false, false},
	}
	c := newClinic(t)
	c.admit(registry.Active, []string{"P001"})
	c.admit(registry.Active, []string{"P101"}, with(registry.FacilityField, "fac-2"))
	request := func(n string, ids ...string) bulk.Operation {
		r := asks(registry.OnHold, ids...)
		r.Key += n
		op, err := c.Request(t.Context(), ada, r)
		must(t, err)
		return op
	}
	unplanned, riverside, both := request("1", "P001"), request("2", "P001"), request("3", "P001", "P101")
	must(t, c.Plan(t.Context(), riverside.ID))
	must(t, c.Plan(t.Context(), both.ID))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for id, want := range map[string]bool{unplanned.ID: test.unplanned, riverside.ID: test.riverside, both.ID: test.both, "OP-000000-0000": false} {
				op, err := c.Visible(t.Context(), test.person, id)
				if want {
					must(t, err)
					equal(t, "operation", op.ID, id)
					continue
				}
				// The same answer, whether it exists or not.
				refused(t, err, fault.NotFound, "There is no operation "+id+", or you may not see it.")
				equal(t, "what is given away", op.ID, "")
			}
		})
	}
}

func TestAnEndlessIDIsNotEchoed(t *testing.T) {
	c := newClinic(t)
	_, err := c.Visible(t.Context(), ada, "OP-"+strings.Repeat("0", 300))
	refused(t, err, fault.NotFound, "There is no operation OP-"+strings.Repeat("0", 37)+"…, or you may not see it.")
}

func TestLinesFollowThePlanWithWhatBecameOfEach(t *testing.T) {
	c := newClinic(t)
	ids := numbered(250)
	c.admit(registry.Active, ids)
	op := c.started(asks(registry.OnHold, ids...))
	c.byHand("P120", registry.StatusField, "Pending")
	c.byHand("P250", registry.LockedBy, "Nora Nurse")
	for _, n := range []int{3, 2} { // batch 1 has not begun
		_, err := c.RunBatch(t.Context(), op.ID, n)
		must(t, err)
	}
	n := 0
	for line, err := range c.Lines(t.Context(), op) {
		must(t, err)
		equal(t, "subject", line.Change.Subject, ids[n])
		want := bulk.Done
		switch {
		case n < 100:
			want = bulk.NotAttempted
		case ids[n] == "P120", ids[n] == "P250":
			want = bulk.Skipped
		}
		equal(t, ids[n], line.Outcome.State, want)
		equal(t, "subject of the outcome", line.Outcome.Subject, ids[n])
		n++
	}
	equal(t, "lines", n, 250)
	tally, err := c.Progress(t.Context(), op)
	must(t, err)
	equal(t, "progress", tally, bulk.Tally{Done: 148, Skipped: 2})
}

func TestOutcomesOfOneBatchAreThoseOfTheLines(t *testing.T) {
	c := newClinic(t)
	ids := numbered(150)
	c.admit(registry.Active, ids)
	op := c.started(asks(registry.OnHold, ids...))
	_, err := c.RunBatch(t.Context(), op.ID, 2)
	must(t, err)
	all := c.outcomes(op)
	n := 0
	for page := 0; page <= 3; page++ {
		lines, err := c.PageOfLines(t.Context(), op, page)
		must(t, err)
		for _, line := range lines {
			equal(t, line.Change.Subject, line.Outcome, all[ids[n]])
			n++
		}
	}
	equal(t, "lines", n, 150)
}

func TestProgressIsThatOfTheStateOfTheOperation(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	check := func(op bulk.Operation, want bulk.Tally) {
		t.Helper()
		got, err := c.Progress(t.Context(), op)
		must(t, err)
		equal(t, string(op.State), got, want)
	}
	op := c.approved(asks(registry.OnHold, numbered(2)...))
	check(op, bulk.Tally{})
	_, err := c.Verify(t.Context(), op.ID)
	must(t, err)
	op = c.header(op.ID)
	check(op, bulk.Tally{})
	_, err = c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	check(op, bulk.Tally{Done: 2})
	check(c.finish(op), bulk.Tally{Done: 2})
}

func TestListsOfOperations(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	c.admit(registry.Active, []string{"P101"}, with(registry.FacilityField, "fac-2"))
	var ids []string
	for i, who := range []staff.Person{ada, ada, ben} {
		r := asks(registry.OnHold, []string{"P001", "P002", "P101"}[i])
		c.now = noon.AddDate(0, 0, i)
		r.Key += fmt.Sprint(i)
		op, err := c.Request(t.Context(), who, r)
		must(t, err)
		must(t, c.Plan(t.Context(), op.ID))
		op = c.header(op.ID)
		_, err = c.Submit(t.Context(), who, op.ID, submission(op))
		must(t, err)
		ids = append(ids, op.ID)
	}
	idsOf := func(ops []bulk.Operation, err error) (got []string) {
		t.Helper()
		must(t, err)
		for _, op := range ops {
			got = append(got, op.ID)
		}
		return got
	}
	ctx := t.Context()
	list(t, "mine, newest first", idsOf(c.Mine(ctx, ada, 10)), ids[1], ids[0])
	list(t, "mine, the newest", idsOf(c.Mine(ctx, ada, 1)), ids[1])
	list(t, "waiting for grace, longest wait first", idsOf(c.Approvals(ctx, grace)), ids[0], ids[1], ids[2])
	list(t, "waiting for henry", idsOf(c.Approvals(ctx, henry)), ids[2])
	list(t, "waiting for the requester", idsOf(c.Approvals(ctx, ada)))
	list(t, "seen by ula in three days", idsOf(c.Recent(ctx, ula, 3, 10)), ids[2], ids[1], ids[0])
	list(t, "seen by ula in two days", idsOf(c.Recent(ctx, ula, 2, 10)), ids[2], ids[1])
	list(t, "seen by tom", idsOf(c.Recent(ctx, tom, 3, 10)), ids[1], ids[0])

	op := c.header(ids[0])
	_, err := c.Decide(ctx, grace, op.ID, approval(op))
	must(t, err)
	list(t, "waiting for grace after a decision", idsOf(c.Approvals(ctx, grace)), ids[1], ids[2])
}

// Who no longer holds a facility sees of their own operation its state and its
// counts, and neither reads its patients nor has them planned again.
func TestWhoLostAFacilityNoLongerReadsThePatients(t *testing.T) {
	holding := func(facilities ...string) staff.Person { p := ada; p.Facilities = facilities; return p }
	const why = "You no longer hold every facility that %s is about, so its patients are not shown to you. If you need them, ask an administrator for the right in these facilities; for patients of your own facilities, ask for a new operation."
	c := newClinic(t)
	c.admit(registry.Active, []string{"P001", "P002"})
	c.admit(registry.OnHold, []string{"P101"}, with(registry.FacilityField, "fac-2"))
	riverside := c.finished(asks(registry.OnHold, "P001"))
	leftOut := c.planned(keyed(asks(registry.OnHold, "P002", "P101"), "left-out")) // P101 is on hold already, and named so
	list(t, "facilities of those left out", leftOut.Plan.LeftOut, "fac-2")
	for _, test := range []struct {
		name    string
		person  staff.Person
		op      bulk.Operation
		mayRead bool
	}{
		{"the requester", ada, riverside, true},
		{"the requester with this facility alone", holding("fac-1"), riverside, true},
		{"the requester with another one", holding("fac-2"), riverside, false},
		{"the requester with none", holding(), riverside, false},
		{"an auditor", ula, riverside, true},
		{"who decides", tom, riverside, true},
		{"the requester of one with somebody left out", ada, leftOut, true},
		{"the requester who lost where that one is", holding("fac-1"), leftOut, false},
		{"the requester who lost where the changes are", holding("fac-2"), leftOut, false},
		{"who decides about it", tom, leftOut, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Visible(t.Context(), test.person, test.op.ID)
			must(t, err)
			if err = c.MayNotReadSubjects(test.person, test.op); test.mayRead {
				must(t, err)
			} else {
				refused(t, err, fault.Forbidden, fmt.Sprintf(why, test.op.ID))
			}
		})
	}
	for _, as := range []bulk.LinkKind{bulk.Rerun, bulk.Rollback} {
		_, err := c.Again(t.Context(), holding("fac-2"), riverside.ID, as, "key-of-"+string(as)+"-0123456789")
		refused(t, err, fault.Forbidden, fmt.Sprintf(why, riverside.ID))
	}
	_, _, err := c.EditedSelection(t.Context(), holding("fac-2"), leftOut.ID)
	refused(t, err, fault.Forbidden, fmt.Sprintf(why, leftOut.ID))
	equal(t, "to who may not see it at all", fault.CodeOf(c.MayNotReadSubjects(ben, riverside)), fault.NotFound)
}
