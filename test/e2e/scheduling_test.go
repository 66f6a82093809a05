package e2e_test

import (
	"maps"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// Wellness visits for a whole ward. One of the times is booked by hand while the
// plan waits: that patient is skipped, and gets another time by a rerun.
func TestWellnessVisitsForAWard(t *testing.T) {
	t.Parallel()
	w := newWard(t, "wellness", 30, 0)
	one, two := w.employProvider(t, "one", 0, w.facility), w.employProvider(t, "two", 0, w.facility)
	err := live.registry.PutFacility(t.Context(), registry.Facility{ID: w.facility, Name: "Ward of wellness", TimeZone: "America/New_York",
		Hours: registry.DefaultHours, Lunch: registry.DefaultLunch})
	if err != nil {
		t.Fatal(err)
	}
	before := everything(t, w)
	from := time.Now().AddDate(0, 0, 3)
	op := w.plannedAs(t, "visit-scheduling", bulk.Params{"type": "Wellness", "from": from.Format(time.DateOnly), "to": from.AddDate(0, 0, 6).Format(time.DateOnly),
		"minutes": "45", "with": "any", "at": "morning"})
	if op.Plan.Changes != 30 || op.Plan.Booked != 30 || op.Plan.Visits != 30 {
		t.Fatalf("the plan is %+v", op.Plan)
	}
	want, edits := map[registry.Ref]registry.Fields{}, 0
	maps.Copy(want, before)
	taken := "" // the patient whose time somebody takes
	for line, err := range live.engine(t).Lines(t.Context(), op) {
		if err != nil {
			t.Fatal(err)
		}
		if taken == "" {
			taken = line.Change.Subject
			byHand(t, line.Change)
			continue
		}
		edits += len(line.Change.Edits)
		for _, e := range line.Change.Edits {
			if e.Ref.IsSlot() {
				continue
			}
			fields := maps.Clone(want[e.Ref])
			if fields == nil {
				fields = registry.Fields{}
			}
			maps.Copy(fields, e.After)
			want[e.Ref] = fields
		}
	}
	op = w.send(t, op)
	op = await(t, decide(t, live.engine(t), w.managers[0], op, bulk.Approve).ID, bulk.CompletedWithErrors)
	if op.Final != (bulk.Tally{Done: 29, Skipped: 1}) {
		t.Errorf("the run ended with %+v", op.Final)
	}
	for line, err := range live.engine(t).Lines(t.Context(), op) {
		if err != nil {
			t.Fatal(err)
		}
		if o := line.Outcome; line.Change.Subject == taken && (o.Code != bulk.SlotTaken || !o.Retryable) {
			t.Errorf("whose time was taken is %+v", o)
		}
	}
	sameRecords(t, "after the run", everything(t, w), want)
	awaitAudit(t, op.ID, edits)
	visits := calendarsMeetNowhere(t, one, two)
	if visits != 29+1 {
		t.Errorf("%d visits with the two providers, want 29 booked and one by hand", visits)
	}

	again, err := live.engine(t).Again(t.Context(), w.requester, op.ID, bulk.Rerun, "again-"+op.ID)
	if err != nil {
		t.Fatal(err)
	}
	again = w.send(t, await(t, again.ID, bulk.Ready))
	again = await(t, decide(t, live.engine(t), w.managers[0], again, bulk.Approve).ID, bulk.Completed)
	if visits = calendarsMeetNowhere(t, one, two); visits != 30+1 {
		t.Errorf("after the rerun there are %d visits", visits)
	}

	for _, done := range []bulk.Operation{again, op} {
		if back := w.rolledBack(t, done, w.managers[0]); back.Final.Done != done.Final.Done {
			t.Errorf("the rollback of %d patients restores %d", done.Final.Done, back.Final.Done)
		}
	}
	sameRecords(t, "after the rollbacks", everything(t, w), before)
	for _, provider := range []string{one, two} {
		_, slots, err := live.registry.Calendar(t.Context(), provider, from.AddDate(0, 0, -1), from.AddDate(0, 0, 9))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range slots {
			if !s.Empty() {
				t.Errorf("%s is still held", s.Ref.Part)
			}
		}
	}
}

// byHand books the time of a change for somebody else, as a nurse might.
func byHand(t *testing.T, c bulk.Change) {
	t.Helper()
	for _, e := range c.Edits {
		if e.Books() {
			visit := registry.VisitRef{Start: registry.Record{Fields: e.After}.Start(), ID: "HAND"}
			r := registry.Record{Ref: visit.Ref("somebody-" + thisRun), Fields: maps.Clone(e.After), Stamp: registry.Stamp{By: "Nora", At: time.Now()}}
			if err := live.registry.PutRecords(t.Context(), []registry.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// calendarsMeetNowhere looks at what providers have in the next weeks, and
// returns how many visits that are.
func calendarsMeetNowhere(t *testing.T, providers ...string) (n int) {
	t.Helper()
	for _, provider := range providers {
		visits, _, err := live.registry.Calendar(t.Context(), provider, time.Now(), time.Now().AddDate(0, 1, 0))
		if err != nil {
			t.Fatal(err)
		}
		n += len(visits)
		for i := 1; i < len(visits); i++ {
			if end := visits[i-1].Start().Add(time.Duration(visits[i-1].Minutes()) * time.Minute); visits[i].Start().Before(end) {
				t.Errorf("%s and %s meet", visits[i-1].Ref.Part, visits[i].Ref.Part)
			}
		}
	}
	return n
}
