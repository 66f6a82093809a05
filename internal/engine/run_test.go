package engine_test

import (
	"context"
	"fmt"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

func TestABatchChangesItsPatientsAndStampsThem(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2), visits(2))
	op := c.started(asks(registry.Discharged, numbered(2)...))
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 2})
	stamp := registry.Stamp{Operation: op.ID, Batch: 1, By: ada.Name, Approver: grace.Name, At: noon}
	records := c.store.Snapshot()
	for _, id := range numbered(2) {
		profile := records[registry.ProfileRef(id)]
		equal(t, "status", profile.Get(registry.StatusField), "Discharged")
		equal(t, "upcoming", profile.Get(registry.Upcoming), "")
		equal(t, "phone", profile.Get(registry.Phone), "555-"+id) // nothing else is touched
		equal(t, "stamp", profile.Stamp, stamp)
		visit := records[registry.VisitRef{Start: noon.AddDate(0, 0, 1), ID: "V000"}.Ref(id)]
		equal(t, "visit", visit.Get(registry.VisitState), registry.VisitCancelled)
		equal(t, "stamp of the visit", visit.Stamp, stamp)
	}
}

func TestABatchRunAgainChangesNothingAndSaysTheSame(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150))
	op := c.started(asks(registry.OnHold, numbered(150)...))
	c.byHand("P120", registry.StatusField, "Pending")
	first, err := c.RunBatch(t.Context(), op.ID, 2)
	must(t, err)
	equal(t, "tally", first, bulk.Tally{Done: 49, Skipped: 1})
	written := len(c.store.Changes())
	c.byHand("P121", registry.StatusField, "Active") // changed back by hand: not ours any more
	again, err := c.RunBatch(t.Context(), op.ID, 2)
	must(t, err)
	equal(t, "tally again", again, first)
	equal(t, "writes", len(c.store.Changes()), written+1)
	equal(t, "status", c.status("P121"), registry.Active)
}

func TestRecordsThatAreNotAsPlannedAreSkippedWithTheReason(t *testing.T) {
	visit := registry.VisitRef{Start: noon.AddDate(0, 0, 1), ID: "V000"}
	tests := []struct {
		name    string
		act     func(c *clinic)
		outcome bulk.Outcome
	}{
		{"changed by hand", func(c *clinic) { c.byHand("P002", registry.StatusField, "Hospitalized") },
			bulk.Outcome{Code: bulk.ChangedSince, Retryable: true, Sentence: `Changed since the preview by Nora Nurse, 1 Dec 2026, 12:00 UTC: Status was "Active" and is now "Hospitalized".`}},
		{"moved to another facility", func(c *clinic) { c.byHand("P002", registry.FacilityField, "fac-2") },
			bulk.Outcome{Code: bulk.ChangedSince, Retryable: true, Sentence: `Changed since the preview by Nora Nurse, 1 Dec 2026, 12:00 UTC: Facility was "fac-1" and is now "fac-2".`}},
		{"a visit was booked", func(c *clinic) { c.byHand("P002", registry.Upcoming, visit.String()+" 2026-12-24T10:00Z/V9") },
			bulk.Outcome{Code: bulk.ChangedSince, Retryable: true, Sentence: `Changed since the preview by Nora Nurse, 1 Dec 2026, 12:00 UTC: Upcoming visits: added 24 Dec 2026, 10:00 UTC.`}},
		{"the visit took place", func(c *clinic) {
			must(c.t, c.store.WriteByHand(c.t.Context(), visit.Ref("P002"), registry.Fields{registry.VisitState: registry.VisitCompleted}, "Nora Nurse", c.now))
		}, bulk.Outcome{Code: bulk.ChangedSince, Retryable: true, Sentence: `Changed since the preview by Nora Nurse, 1 Dec 2026, 12:00 UTC: Visit state was "scheduled" and is now "completed".`}},
		{"locked", func(c *clinic) { c.byHand("P002", registry.LockedBy, "Nora Nurse") },
			bulk.Outcome{Code: bulk.LockedSince, Retryable: true, Sentence: "The record is locked by Nora Nurse."}},
		{"gone", func(c *clinic) { c.store.Remove(registry.ProfileRef("P002")) },
			bulk.Outcome{Code: bulk.Gone, Sentence: "The record is no longer there."}},
		{"the visit is gone", func(c *clinic) { c.store.Remove(visit.Ref("P002")) },
			bulk.Outcome{Code: bulk.Gone, Sentence: "The record is no longer there."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(3), visits(1))
			op := c.started(asks(registry.Discharged, numbered(3)...))
			test.act(c)
			before := c.store.Snapshot()
			tally, err := c.RunBatch(t.Context(), op.ID, 1)
			must(t, err)
			equal(t, "tally", tally, bulk.Tally{Done: 2, Skipped: 1})
			want := test.outcome
			want.Subject, want.State = "P002", bulk.Skipped
			outcomes := c.outcomes(op)
			equal(t, "P002", outcomes["P002"], want)
			equal(t, "P001", outcomes["P001"], bulk.Outcome{Subject: "P001", State: bulk.Done})
			equal(t, "P003", outcomes["P003"], bulk.Outcome{Subject: "P003", State: bulk.Done})
			for ref, r := range c.store.Snapshot() {
				if ref.Patient == "P002" && r.Stamp != before[ref].Stamp {
					t.Errorf("%v of a skipped patient was written", ref)
				}
			}
		})
	}
}

func TestChangesByAnotherOperationAreNamed(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	r := asks(registry.Inactive, "P001")
	r.Key += "-2"
	first, second := c.approved(asks(registry.OnHold, "P001")), c.approved(r)
	for _, op := range []bulk.Operation{first, second} {
		_, err := c.Verify(t.Context(), op.ID)
		must(t, err)
		_, err = c.RunBatch(t.Context(), op.ID, 1)
		must(t, err)
	}
	equal(t, "status", c.status("P001"), registry.OnHold)
	equal(t, "the later one", c.outcomes(second)["P001"].Sentence,
		fmt.Sprintf(`Changed since the preview by Ada Asks with %s, 1 Dec 2026, 12:00 UTC: Status was "Active" and is now "On Hold".`, first.ID))
}

// refusing answers the first commits with refusals that name subjects, though
// the records are as planned: they changed and changed back in between.
type refusing struct {
	engine.Operations
	refusals *[]engine.Refusal
	commits  *int
}

func (o refusing) CommitGroup(ctx context.Context, g engine.Group) error {
	*o.commits++
	if len(*o.refusals) > 0 {
		refusal := (*o.refusals)[0]
		*o.refusals = (*o.refusals)[1:]
		return &refusal
	}
	return o.Operations.CommitGroup(ctx, g)
}

func (c *clinic) refuse(refusals ...engine.Refusal) (commits *int) {
	commits = new(int)
	c.Operations = refusing{c.Operations, &refusals, commits}
	return commits
}

func TestARecordThatIsAsPlannedAgainIsChangedAfterAll(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(asks(registry.OnHold, numbered(3)...))
	c.refuse(engine.Refusal{Changed: []string{"P002"}}, engine.Refusal{Changed: []string{"P002"}})
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 3})
}

func TestARecordThatKeepsChangingIsSkippedInTheEnd(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(asks(registry.OnHold, numbered(3)...))
	always := make([]engine.Refusal, 5)
	for i := range always {
		always[i].Changed = []string{"P002"}
	}
	commits := c.refuse(always...)
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 2, Skipped: 1})
	equal(t, "commits", *commits, 6)
	equal(t, "P002", c.outcomes(op)["P002"], bulk.Outcome{Subject: "P002", State: bulk.Skipped, Code: bulk.ChangedSince, Retryable: true,
		Sentence: "The record kept changing while it was to be written."})
}

// One after the other is changed by hand while the group is written: each
// refusal is explained, so nobody is skipped without a reason.
func TestRefusalsThatAreExplainedDoNotCountAgainstTheOthers(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(10))
	op := c.started(asks(registry.OnHold, numbered(10)...))
	next := 0
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" && next < 6 {
			next++
			c.byHand(fmt.Sprintf("P%03d", next), registry.StatusField, "Hospitalized")
			if next == 6 { // refused, and as planned again when it is looked at
				err := do()
				c.byHand("P006", registry.StatusField, "Active")
				return err
			}
		}
		return do()
	}
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 5, Skipped: 5})
	equal(t, "P006", c.outcomes(op)["P006"].State, bulk.Done)
}

func TestWhatTheStoreCanNeverTakeFails(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(asks(registry.OnHold, numbered(3)...))
	c.refuse(engine.Refusal{Unwritable: []string{"P001"}})
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 2, Failed: 1})
	equal(t, "P001", c.outcomes(op)["P001"], bulk.Outcome{Subject: "P001", State: bulk.Failed, Code: bulk.Unwritable,
		Sentence: "The record cannot take this change: it would become too large. Ask your administrator to look at it."})
	equal(t, "ending", c.finish(op).State, bulk.CompletedWithErrors)
}

// The write was made, its answer lost, and even the look at the result fails
// once: it must come out as done, and once.
func TestALostAnswerIsReadBack(t *testing.T) {
	for _, lookFails := range []bool{false, true} {
		c := newClinic(t)
		c.admit(registry.Active, numbered(3))
		op := c.started(asks(registry.OnHold, numbered(3)...))
		lose, look := true, lookFails
		c.fault = func(call string, do func() error) error {
			err := do()
			switch {
			case call == "CommitGroup" && lose:
				lose = false
				return errLost
			case call == "Result" && look:
				look = false
				return errLost
			}
			return err
		}
		tally, err := c.RunBatch(t.Context(), op.ID, 1)
		must(t, err)
		equal(t, "tally", tally, bulk.Tally{Done: 3})
		equal(t, "writes", len(c.store.Changes()), 3+3) // admitted and changed
	}
}

func TestTwoDeliveriesAtOnceAgree(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(asks(registry.OnHold, numbered(3)...))
	inner := false
	var other bulk.Tally
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" && !inner {
			inner = true
			c.byHand("P001", registry.StatusField, "Hospitalized")
			var err error
			other, err = c.RunBatch(t.Context(), op.ID, 1)
			must(t, err)
			c.byHand("P001", registry.StatusField, "Active")
		}
		return do()
	}
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "the later", tally, bulk.Tally{Done: 2, Skipped: 1})
	equal(t, "the earlier", other, tally)
	equal(t, "status of the skipped one", c.status("P001"), registry.Active)
}

func TestABusyStoreIsWaitedForThenLeftToARepeat(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(asks(registry.OnHold, numbered(3)...))
	busy := 11
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" && busy > 0 {
			busy--
			return fault.New(fault.Busy, "Throttled.")
		}
		return do()
	}
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 3})
	equal(t, "waits", c.pauses, 11)

	c = newClinic(t)
	c.admit(registry.Active, numbered(3))
	op = c.started(asks(registry.OnHold, numbered(3)...))
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" {
			return fault.New(fault.Busy, "Throttled.")
		}
		return do()
	}
	_, err = c.RunBatch(t.Context(), op.ID, 1)
	equal(t, "code", fault.CodeOf(err), fault.Busy)
	equal(t, "error name", fault.Name(err), "Busy")
	progress, err := c.Progress(t.Context(), c.header(op.ID))
	must(t, err)
	equal(t, "progress", progress, bulk.Tally{}) // throttling is never reported as a failure
}

func TestACallThatRunsOutOfTimeGivesUp(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(3))
	op := c.started(asks(registry.OnHold, numbered(3)...))
	ctx, cancel := context.WithCancel(t.Context())
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" {
			cancel()
			return fault.New(fault.Busy, "Throttled.")
		}
		return do()
	}
	_, err := c.RunBatch(ctx, op.ID, 1)
	equal(t, "code", fault.CodeOf(err), fault.Busy)
	equal(t, "waits", c.pauses, 1)
}

func TestABatchThatIsNotInThePlanIsAnError(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.started(asks(registry.OnHold, numbered(2)...))
	_, err := c.RunBatch(t.Context(), op.ID, 2)
	equal(t, "code", fault.CodeOf(err), fault.NotFound)
}
