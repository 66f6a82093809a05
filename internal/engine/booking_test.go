package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// books is a request for visits with Dr. Ann on the morning of 3 December,
// when Riverside has eight half hours for them.
func books(key string, ids ...string) engine.Request {
	return engine.Request{Kind: kind.VisitScheduling.Name, Key: key + "-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
		Params: bulk.Params{kind.VisitsOf: "Wellness", kind.VisitsFrom: "2026-12-03", kind.VisitsTo: "2026-12-03", kind.VisitsLast: "30",
			kind.VisitsWith: kind.OneProvider, kind.VisitsProvider: "ann", kind.VisitsAt: kind.Mornings}}
}

// starts are the starts of the patients' scheduled visits with Dr. Ann, by the
// clock at Riverside.
func (c *clinic) starts() (all []string) {
	c.t.Helper()
	visits, _, err := c.store.Calendar(c.t.Context(), "ann", noon.AddDate(0, -1, 0), noon.AddDate(1, 0, 0))
	must(c.t, err)
	for _, v := range visits {
		all = append(all, v.Ref.Patient+" "+registry.Facility{TimeZone: "America/New_York"}.LocalTime(v.Start())[16:])
	}
	return all
}

// hand books a visit with Dr. Ann as somebody might by hand: it holds no slot.
func (c *clinic) hand(id string, start time.Time) registry.Ref {
	c.t.Helper()
	v := registry.VisitRef{Start: start, ID: "H1"}
	must(c.t, c.store.PutRecords(c.t.Context(), []registry.Record{{Ref: v.Ref(id), Stamp: registry.Stamp{By: "Nora Nurse", At: c.now}, Fields: registry.Fields{
		registry.VisitState: registry.VisitScheduled, registry.VisitStart: start.Format(registry.VisitTime), registry.VisitMinutes: "30",
		registry.ProviderField: "ann", registry.FacilityField: "fac-1"}}}))
	return v.Ref(id)
}

// agreed sends a plan and approves it, unless nothing is left to be done.
func (c *clinic) agreed(op bulk.Operation) bulk.Operation {
	c.t.Helper()
	op = c.submit(op)
	told := approval(op)
	told.Stale = c.stale(op)
	if told.Stale == op.Plan.Changes {
		return op
	}
	op, err := c.Decide(c.t.Context(), grace, op.ID, told)
	must(c.t, err)
	return op
}

// run brings a plan, or what was agreed to already, to its end.
func (c *clinic) run(op bulk.Operation) bulk.Operation {
	c.t.Helper()
	if op.State == bulk.Ready {
		op = c.agreed(op)
	}
	if op.State != bulk.Scheduled {
		return op
	}
	return c.finish(c.start(op))
}

var ninth = time.Date(2026, 12, 3, 13, 0, 0, 0, time.UTC) // 8:00 at Riverside

func bookable(t *testing.T, ids ...string) *clinic {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, ids)
	return c
}

func TestVisitsAreBookedAndTakenBack(t *testing.T) {
	c := bookable(t, "P1", "P2")
	before := c.fields()
	op := c.run(c.planned(books("one", "P1", "P2")))
	list(t, "calendar", c.starts(), "P1 08:00 EST", "P2 08:30 EST")
	equal(t, "booked", op.Plan.Booked, 2)
	list(t, "facilities", op.Plan.Facilities, "fac-1")
	p := registry.Patient{Record: c.store.Snapshot()[registry.ProfileRef("P1")]}
	visit := c.store.Snapshot()[p.Visits()[0].Ref("P1")]
	equal(t, "visit", fmt.Sprint(visit.Fields), "map[facility:fac-1 minutes:30 provider:ann start:2026-12-03T13:00Z state:scheduled type:Wellness]")
	equal(t, "slot", c.store.Snapshot()[registry.SlotRef("ann", ninth.Add(15*time.Minute))].Holder(), visit.Ref)

	c.again(op, bulk.Rollback)
	list(t, "calendar", c.starts())
	for ref, fields := range c.fields() {
		equal(t, fmt.Sprint(ref), fmt.Sprint(fields), fmt.Sprint(before[ref]))
	}
	op = c.run(c.planned(books("two", "P2")))
	equal(t, "state", op.State, bulk.Completed)
	list(t, "calendar", c.starts(), "P2 08:00 EST")
}

func TestOfTwoWhoBookTheSameTimeOneIsSkippedAndFindsAnother(t *testing.T) {
	c := bookable(t, "P1", "P2")
	one, two, three := c.planned(books("one", "P1")), c.agreed(c.planned(books("two", "P2"))), c.planned(books("three", "P2")) // none knows of the others
	equal(t, "one", c.run(one).State, bulk.Completed)
	stale, err := c.Stale(t.Context(), three)
	must(t, err)
	equal(t, "an approver is told of", stale, 1)
	two = c.run(two)
	equal(t, "two", c.outcomes(two)["P2"], bulk.Outcome{Subject: "P2", State: bulk.Skipped, Code: bulk.SlotTaken, Retryable: true,
		Sentence: "The slot at Thu 3 Dec 2026, 08:00 EST with Dr. Ann was taken since the preview."})
	list(t, "calendar", c.starts(), "P1 08:00 EST")
	equal(t, "again", c.again(two, bulk.Rerun).State, bulk.Completed)
	list(t, "calendar", c.starts(), "P1 08:00 EST", "P2 08:30 EST")
}

// The look before the run misses what is booked in the very moment; then the
// slots decide.
func TestSlotsDecideWhereTheCalendarComesTooLate(t *testing.T) {
	c := bookable(t, "P1", "P2")
	one, two := c.planned(books("one", "P1")), c.agreed(c.planned(books("two", "P2")))
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" {
			c.fault = noFault
			equal(t, "one", c.run(one).State, bulk.Completed)
		}
		return do()
	}
	two = c.run(two)
	equal(t, "two", c.outcomes(two)["P2"].Sentence, "The slot at Thu 3 Dec 2026, 08:00 EST with Dr. Ann was taken since the preview.")
	equal(t, "code", c.outcomes(two)["P2"].Code, bulk.SlotTaken)
	list(t, "calendar", c.starts(), "P1 08:00 EST")
}

func TestATimeThatWasBookedByHandIsLeftAlone(t *testing.T) {
	c := bookable(t, "P1", "P2", "P3")
	op := c.planned(books("one", "P1", "P2"))
	c.hand("P3", ninth.Add(45*time.Minute))
	op = c.run(op)
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	equal(t, "P1", c.outcomes(op)["P1"].State, bulk.Done)
	equal(t, "P2", c.outcomes(op)["P2"].Code, bulk.SlotTaken)
	list(t, "calendar", c.starts(), "P1 08:00 EST", "P3 08:45 EST")
	equal(t, "again", c.again(op, bulk.Rerun).State, bulk.Completed)
	list(t, "calendar", c.starts(), "P1 08:00 EST", "P3 08:45 EST", "P2 09:15 EST")
}

func TestATimeThatHasPassedIsNotBooked(t *testing.T) {
	c := bookable(t, "P1", "P2")
	op := c.planned(books("one", "P1", "P2"))
	c.now = ninth
	op = c.run(op)
	equal(t, "P1", c.outcomes(op)["P1"], bulk.Outcome{Subject: "P1", State: bulk.Skipped, Code: bulk.SlotPassed, Retryable: true,
		Sentence: "The time of the visit, Thu 3 Dec 2026, 08:00 EST, had passed when it was to be booked."})
	equal(t, "P2", c.outcomes(op)["P2"].State, bulk.Done)
}

// A cancelled visit leaves its slots behind. They are taken over, and the
// rollback of the cancellation then leaves that patient alone.
func TestTheTimeOfACancelledVisitIsFree(t *testing.T) {
	c := bookable(t, "P1", "P2")
	c.run(c.planned(books("one", "P1")))
	cancelled := c.finished(asks(registry.Discharged, "P1"))
	before := c.fields()
	second := c.planned(books("two", "P2"))
	undone := c.agreed(c.follow(cancelled, bulk.Rollback)) // planned while the time is still free
	second = c.run(second)
	list(t, "calendar", c.starts(), "P2 08:00 EST")

	undone = c.run(undone)
	equal(t, "rollback", c.outcomes(undone)["P1"].Code, bulk.SlotTaken)
	if s := c.outcomes(undone)["P1"].Sentence; strings.Contains(s, "P2") || !strings.Contains(s, "was taken") {
		t.Errorf("the sentence names somebody else, or not what happened: %s", s)
	}
	list(t, "calendar", c.starts(), "P2 08:00 EST")

	c.again(second, bulk.Rollback)
	c.sameAs("the time is let go, as it was", withoutNew(before, c.fields()))
	equal(t, "now it comes back", c.again(undone, bulk.Rerun).State, bulk.Completed)
	list(t, "calendar", c.starts(), "P1 08:00 EST")
}

// Whose time went to another visit is listed before the rollback is sent, with
// who did that, and nothing of the other patient.
func TestALostTimeIsListedInThePreviewOfARollback(t *testing.T) {
	undo := func(c *clinic, op bulk.Operation) bulk.Operation {
		t.Helper()
		made, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "undo-"+op.ID)
		must(t, err)
		must(t, c.Plan(t.Context(), made.ID))
		return c.header(made.ID)
	}
	t.Run("of a cancelled visit, to another operation", func(t *testing.T) {
		c := bookable(t, "P1", "P2", "P3")
		c.run(c.planned(books("one", "P1", "P3")))
		cancelled := c.finished(asks(registry.Discharged, "P1", "P3"))
		second := c.run(c.planned(books("two", "P2")))
		made := undo(c, cancelled)
		list(t, "left out", c.excluded(made), bulk.Exclusion{Subject: "P1", Name: canary + " P1", Code: bulk.ChangedAfter,
			Sentence: "Changed since " + cancelled.ID + " by Ada Asks with " + second.ID + ", 1 Dec 2026, 12:00 UTC: the time of a visit, Thu 3 Dec 2026, 08:00 EST with Dr. Ann, is given to another one."})
		list(t, "restored", c.subjects(c.run(made)), "P3")
		list(t, "calendar", c.starts(), "P2 08:00 EST", "P3 08:30 EST")
		c.again(second, bulk.Rollback)
		list(t, "nothing is in the way any more", c.subjects(undo(c, second)))
	})
	t.Run("of a visit that is made again, to a hand", func(t *testing.T) {
		c := bookable(t, "P1", "P2", "P3")
		back := c.again(c.run(c.planned(books("one", "P1", "P2"))), bulk.Rollback)
		c.hand("P3", ninth)
		made := undo(c, back)
		equal(t, "left out", c.excluded(made)[0].Sentence,
			"Changed since "+back.ID+" by Nora Nurse, 1 Dec 2026, 12:00 UTC: the time of a visit, Thu 3 Dec 2026, 08:00 EST with Dr. Ann, is given to another one.")
		list(t, "restored", c.subjects(c.run(made)), "P2")
	})
}

// withoutNew adds to before those records of after that have no field.
func withoutNew(before, after map[registry.Ref]registry.Fields) map[registry.Ref]registry.Fields {
	for ref, fields := range after {
		if _, had := before[ref]; !had && len(fields) == 0 {
			before[ref] = registry.Fields{}
		}
	}
	return before
}

// Visits that met before they were cancelled, as imported ones may, come back
// together.
func TestVisitsThatMetBeforeComeBack(t *testing.T) {
	c := bookable(t)
	for _, id := range []string{"P1", "P2"} {
		ref := c.hand(id, ninth)
		start, rest, _ := strings.Cut(strings.TrimPrefix(ref.Part, "VISIT#"), "#")
		c.admit(registry.Active, []string{id}, with(registry.Upcoming, start+"/"+rest))
		c.hand(id, ninth)
	}
	op := c.finished(asks(registry.Discharged, "P1", "P2"))
	list(t, "calendar", c.starts())
	equal(t, "rollback", c.again(op, bulk.Rollback).State, bulk.Completed)
	list(t, "calendar", c.starts(), "P1 08:00 EST", "P2 08:00 EST")
}

// A visit without slots, as imported ones are, comes back only where its time was
// not given to anybody since it was taken away, even by somebody who holds none.
func TestAnImportedVisitComesBackOnlyToATimeThatIsFree(t *testing.T) {
	for _, tt := range []struct {
		name  string
		taken func(c *clinic)
		want  []string
	}{
		{"before the preview", func(c *clinic) { c.hand("P3", ninth) }, nil},
		{"nothing is in the way", func(*clinic) {}, []string{"P1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := bookable(t)
			ref := c.hand("P1", ninth)
			start, rest, _ := strings.Cut(strings.TrimPrefix(ref.Part, "VISIT#"), "#")
			c.admit(registry.Active, []string{"P1"}, with(registry.Upcoming, start+"/"+rest))
			c.hand("P1", ninth)
			c.byHand("P1", registry.ProviderField, "ann")
			op := c.finished(engine.Request{Kind: kind.ProviderReassignment.Name, Key: "give-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: []string{"P1"}},
				Params: bulk.Params{kind.ReassignTo: kind.ToOne, kind.NewProvider: "bea", kind.FutureVisits: kind.GiveVisits}})
			c.now = c.now.Add(time.Minute)
			tt.taken(c)
			made, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "undo-0123456789abcdef")
			must(t, err)
			must(t, c.Plan(t.Context(), made.ID))
			list(t, "given back", c.subjects(c.header(made.ID)), tt.want...)
		})
	}
	t.Run("between preview and run", func(t *testing.T) {
		c := bookable(t)
		ref := c.hand("P1", ninth)
		start, rest, _ := strings.Cut(strings.TrimPrefix(ref.Part, "VISIT#"), "#")
		c.admit(registry.Active, []string{"P1"}, with(registry.Upcoming, start+"/"+rest))
		c.hand("P1", ninth)
		op := c.finished(asks(registry.Discharged, "P1"))
		c.now = c.now.Add(time.Minute)
		made, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "undo-0123456789abcdef")
		must(t, err)
		must(t, c.Plan(t.Context(), made.ID))
		back := c.agreed(c.header(made.ID))
		c.hand("P3", ninth)
		equal(t, "skipped", c.run(back).Final, bulk.Tally{Skipped: 1})
		list(t, "calendar", c.starts(), "P3 08:00 EST")
	})
}

// What somebody added to a visit that an operation booked is not taken away with
// it, neither in the preview nor in the run.
func TestAVisitThatSomebodyAddedToIsNotTakenAway(t *testing.T) {
	note := func(c *clinic) {
		p := registry.Patient{Record: c.store.Snapshot()[registry.ProfileRef("P1")]}
		must(c.t, c.store.WriteByHand(c.t.Context(), p.Visits()[0].Ref("P1"), registry.Fields{registry.VisitNote: "bring insulin"}, "Nora Nurse", c.now))
	}
	t.Run("before the preview", func(t *testing.T) {
		c := bookable(t, "P1")
		op := c.run(c.planned(books("one", "P1")))
		note(c)
		made, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "undo-0123456789abcdef")
		must(t, err)
		must(t, c.Plan(t.Context(), made.ID))
		list(t, "left out", c.excluded(c.header(made.ID)), bulk.Exclusion{Subject: "P1", Name: canary + " P1", Code: bulk.ChangedAfter,
			Sentence: "Changed since " + op.ID + " by Nora Nurse, 1 Dec 2026, 12:00 UTC: Note was added to a visit that was booked, so it is not taken away."})
	})
	t.Run("between preview and run", func(t *testing.T) {
		c := bookable(t, "P1")
		op := c.run(c.planned(books("one", "P1")))
		made, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "undo-0123456789abcdef")
		must(t, err)
		must(t, c.Plan(t.Context(), made.ID))
		back := c.agreed(c.header(made.ID))
		note(c)
		equal(t, "skipped", c.run(back).Final, bulk.Tally{Skipped: 1})
		list(t, "calendar", c.starts(), "P1 08:00 EST")
	})
}

// However operations and hands, who look into the calendar, follow each other,
// no two visits of a provider meet.
func TestNobodyIsBookedTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := bookable(t, numbered(6)...)
		var waiting []bulk.Operation
		for n := range rapid.IntRange(2, 7).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0, 1:
				request := books(fmt.Sprint("key", n), numbered(6)[rapid.IntRange(0, 5).Draw(r, "from"):]...)
				request.Params[kind.VisitsLast] = rapid.SampledFrom([]string{"20", "45"}).Draw(r, "minutes")
				waiting = append(waiting, c.planned(request))
			case 2:
				at := ninth.Add(time.Duration(rapid.IntRange(0, 16).Draw(r, "quarter")) * 15 * time.Minute)
				if visits, _, err := c.store.Calendar(t.Context(), "ann", at.Add(-45*time.Minute), at.Add(30*time.Minute)); err == nil && len(visits) == 0 {
					c.hand(fmt.Sprint("hand", n), at)
				}
			case 3:
				if len(waiting) > 0 && waiting[0].Plan.Changes > 0 {
					c.run(waiting[0])
				}
				waiting = waiting[min(1, len(waiting)):]
			}
		}
		for _, op := range waiting {
			if op.Plan.Changes > 0 {
				c.run(op)
			}
		}
		visits, _, err := c.store.Calendar(t.Context(), "ann", noon, noon.AddDate(0, 1, 0))
		must(t, err)
		end := func(v registry.Record) time.Time { return v.Start().Add(time.Duration(v.Minutes()) * time.Minute) }
		for i, v := range visits {
			for _, w := range visits[:i] {
				if v.Start().Before(end(w)) && w.Start().Before(end(v)) {
					r.Fatalf("%v meets %v", v.Ref, w.Ref)
				}
			}
		}
	})
}
