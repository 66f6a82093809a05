package engine_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// provider writes what an administrator changes about a provider.
func (c *clinic) provider(id string, change func(*registry.Provider)) {
	c.t.Helper()
	p, _ := kindtest.Directory.Provider(id)
	change(&p)
	must(c.t, c.store.PutProvider(c.t.Context(), p))
}

func (c *clinic) stale(op bulk.Operation) int {
	c.t.Helper()
	n, err := c.Stale(c.t.Context(), op)
	must(c.t, err)
	return n
}

// skipped is what is said of a subject who was skipped for the reason.
func skipped(subject, code, sentence string) bulk.Outcome {
	return bulk.Outcome{Subject: subject, State: bulk.Skipped, Code: code, Sentence: sentence, Retryable: true}
}

// What others got between preview and run leaves less room. The first of the
// plan get what is left, and nobody is above the limit.
func TestPlacesThatOthersGotSinceAreNotGivenTwice(t *testing.T) {
	for _, by := range []string{"hand", "operation"} {
		c := newClinic(t)
		c.employ(kindtest.Directory) // Dr. Ann may have four
		c.admit(registry.Active, []string{"P1", "P2", "P3", "P4", "P5", "P6"}, with(registry.ProviderField, "bea"))
		op := c.planned(toAnn(kind.KeepVisits, "P3", "P2", "P1", "P4"))
		if by == "hand" {
			c.byHand("P5", registry.ProviderField, "ann")
			c.byHand("P6", registry.ProviderField, "ann")
		} else {
			other := toAnn(kind.KeepVisits, "P5", "P6")
			other.Key += "-other"
			equal(t, "the other", c.run(c.planned(other)).State, bulk.Completed)
		}
		op = c.run(op)
		equal(t, by, op.Final, bulk.Tally{Done: 2, Skipped: 2})
		const sentence = "Dr. Ann may have at most 4 patients and would have more."
		equal(t, by, c.outcomes(op)["P1"], skipped("P1", bulk.NoRoomLeft, sentence))
		equal(t, by, c.outcomes(op)["P4"], skipped("P4", bulk.NoRoomLeft, sentence))

		c.provider("ann", func(p *registry.Provider) { p.Limit = 6 })
		again := c.again(op, bulk.Rerun)
		equal(t, by+", with a higher limit", again.Final, bulk.Tally{Done: 2})
	}
}

func TestAFacilityThatFilledUpSinceTakesNobodyMore(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory) // Hilltop may have six
	c.admit(registry.Active, []string{"H1", "H2", "H3", "H4"}, with(registry.FacilityField, "fac-2"))
	c.admit(registry.Active, []string{"P1", "P2", "P3"})
	op := c.planned(transfers("P1", "P2"))
	c.byHand("P3", registry.FacilityField, "fac-2")
	op = c.run(op)
	equal(t, "first", c.outcomes(op)["P1"].State, bulk.Done)
	equal(t, "second", c.outcomes(op)["P2"], skipped("P2", bulk.NoRoomLeft, "Hilltop may have at most 6 patients and would have more."))
	undone := c.again(op, bulk.Rollback)
	equal(t, "rolled back", undone.Final, bulk.Tally{Done: 1})
}

// Of two operations that begin at once, the second finds the places that the
// first is still to give as given.
func TestTwoAtOnceDoNotShareTheirRoom(t *testing.T) {
	for _, first := range []int{0, 1} {
		c := newClinic(t)
		c.employ(kindtest.Directory)
		c.admit(registry.Active, []string{"P1", "P2", "P3", "Q1", "Q2", "Q3"})
		one, other := toAnn(kind.KeepVisits, "P1", "P2", "P3"), toAnn(kind.KeepVisits, "Q1", "Q2", "Q3")
		other.Key += "-other"
		var ops []bulk.Operation
		for i, r := range []engine.Request{one, other} {
			op := c.submitted(r)
			told := approval(op)
			told.Stale = c.stale(op)
			equal(t, "the approver is told of the other's", told.Stale, 2*i)
			op, err := c.Decide(t.Context(), grace, op.ID, told)
			must(t, err)
			ops = append(ops, op)
			c.now = c.now.Add(time.Second) // so the second has the greater id
		}
		for i := range ops { // both are verified before either runs
			_, err := c.Verify(t.Context(), ops[(first+i)%2].ID)
			must(t, err)
		}
		done := 0
		for _, op := range ops {
			done += c.finish(c.header(op.ID)).Final.Done
		}
		equal(t, fmt.Sprintf("given, where that verified first is %d", first), done, 4)
	}
}

// A rollback that runs brings patients back, for whom there has to be room too.
func TestWhomARollbackBringsBackTakesRoom(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2", "P3"}, with(registry.ProviderField, "ann"))
	c.admit(registry.Active, []string{"Q1", "Q2", "Q3"})
	away := toAnn(kind.KeepVisits, "P1", "P2", "P3")
	away.Params[kind.NewProvider] = "bea"
	back := c.start(c.approve(c.submit(c.follow(c.finished(away), bulk.Rollback))))
	other := toAnn(kind.KeepVisits, "Q1", "Q2", "Q3")
	other.Key += "-other"
	op := c.submitted(other)
	equal(t, "as the approver is told", c.stale(op), 2)
	told := approval(op)
	told.Stale = 2
	op, err := c.Decide(t.Context(), grace, op.ID, told)
	must(t, err)
	equal(t, "beside it", c.finish(c.start(op)).Final, bulk.Tally{Done: 1, Skipped: 2})
	equal(t, "back", c.finish(back).Final, bulk.Tally{Done: 3})
}

// A facility's default provider is changed after the preview: those who go to
// the one of the plan are counted.
func TestRoomIsThatOfTheProviderInThePlan(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory) // Dr. Ann, the default of Riverside, may have four
	c.admit(registry.Active, []string{"P1", "P2", "P3", "P4", "P5", "P6"})
	r := toAnn(kind.KeepVisits, "P1", "P2", "P3")
	r.Params = bulk.Params{kind.ReassignTo: kind.ToDefault, kind.FutureVisits: kind.KeepVisits}
	op := c.approved(r)
	for _, id := range []string{"P4", "P5", "P6"} {
		c.byHand(id, registry.ProviderField, "ann")
	}
	riverside, _ := kindtest.Directory.Facility("fac-1")
	riverside.DefaultProvider = "bea"
	must(t, c.store.PutFacility(t.Context(), riverside))
	equal(t, "as the approver is told", c.stale(op), 2)
	equal(t, "done", c.finish(c.start(op)).Final, bulk.Tally{Done: 1, Skipped: 2})
}

// How many patients a day somebody sees is that of the request, also when it was
// left to the calendar.
func TestACapacityFromTheCalendarIsThatOfTheRequest(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.provider("ann", func(p *registry.Provider) { p.Daily, p.Limit = 10, 0 })
	c.provider("bea", func(p *registry.Provider) { p.Daily = 20 })
	c.admit(registry.Active, []string{"P1", "P2", "P3"})
	r := toAnn(kind.KeepVisits, "P1", "P2", "P3")
	r.Params = bulk.Params{kind.ReassignTo: kind.ToSeveral, kind.NewProviders: "ann bea", kind.ShareBy: kind.ByCapacity, kind.Capacity: "bea=30", kind.FutureVisits: kind.KeepVisits}
	op := c.approved(r)
	equal(t, "capacity", op.Params[kind.Capacity], "ann=10 bea=30")
	c.provider("ann", func(p *registry.Provider) { p.Name, p.Daily, p.Limit = "Dr. Ann Other", 5, 0 })
	c.byHand("P3", registry.LockedBy, "Nora")
	op = c.finish(c.start(op))
	equal(t, "summary", op.Summary, "Reassign to Dr. Ann (10 a day), Dr. Bea (30 a day), by capacity; future visits stay with their provider")
	c.byHand("P3", registry.LockedBy, "")
	equal(t, "again", c.again(op, bulk.Rerun).Final, bulk.Tally{Done: 1})
}

// What happened to a patient's own record is the reason, whether there is room or
// not; and who is there already takes no second place.
func TestAPatientsOwnRecordIsTheReasonBeforeAnythingAround(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2", "P3", "P4", "P5"})
	op := c.approved(toAnn(kind.KeepVisits, "P1", "P2", "P3", "P4"))
	c.byHand("P1", registry.ProviderField, "ann")
	c.byHand("P4", registry.LockedBy, "Nora")
	c.byHand("P5", registry.ProviderField, "ann")
	op = c.finish(c.start(op))
	equal(t, "P1", c.outcomes(op)["P1"].Code, bulk.ChangedSince)
	equal(t, "P2", c.outcomes(op)["P2"].State, bulk.Done)
	equal(t, "P3", c.outcomes(op)["P3"].State, bulk.Done)
	equal(t, "P4", c.outcomes(op)["P4"].Code, bulk.LockedSince)
}

// What took place is not rewritten by a run that comes late.
func TestAVisitThatTookPlaceStaysAsItWas(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(3), with(registry.ProviderField, "bea"))
	discharge := asks(registry.Discharged, "P2")
	discharge.Key += "-other"
	for subject, op := range map[string]bulk.Operation{"P1": c.approved(toAnn(kind.GiveVisits, "P1")), "P2": c.approved(discharge)} {
		before := c.fields()
		c.now = noon.AddDate(0, 0, 2)
		equal(t, "as the approver is told", c.stale(op), 1)
		op = c.finish(c.start(op))
		equal(t, subject, c.outcomes(op)[subject].Code, bulk.SlotPassed)
		c.sameAs("nothing was changed", before)
		again := c.again(op, bulk.Rerun)
		equal(t, subject+" is changed, with the visit to come", again.Final, bulk.Tally{Done: 1})
		equal(t, "visits", again.Plan.Visits, 1)
		c.now = noon
	}
}

// A rollback takes away no visit that has begun. What was cancelled comes back,
// whenever it was.
func TestARollbackTakesAwayNoVisitThatHasBegun(t *testing.T) {
	const begun = "A visit that was booked has begun, so it is not taken away."
	c := bookable(t, "P1", "P2")
	c.admit(registry.Active, []string{"P3"}, visits(1))
	booked, cancelled := c.run(c.planned(books("one", "P1", "P2"))), c.finished(asks(registry.Discharged, "P3"))
	soon, err := c.Again(t.Context(), ada, booked.ID, bulk.Rollback, "soon-0123456789abcdef")
	must(t, err)
	must(t, c.Plan(t.Context(), soon.ID))
	c.now = ninth
	soon = c.run(c.header(soon.ID))
	equal(t, "planned before, P1", c.outcomes(soon)["P1"], bulk.Outcome{Subject: "P1", State: bulk.Skipped, Code: bulk.SlotPassed,
		Sentence: "A visit that was booked, Thu 3 Dec 2026, 08:00 EST, had begun when it was to be taken away."})
	equal(t, "planned before, P2", c.outcomes(soon)["P2"].State, bulk.Done)

	late, err := c.Again(t.Context(), ada, booked.ID, bulk.Rollback, "late-0123456789abcdef")
	must(t, err)
	must(t, c.Plan(t.Context(), late.ID))
	equal(t, "planned after", c.excluded(c.header(late.ID))[0], bulk.Exclusion{Subject: "P1", Name: canary + " P1", Code: bulk.CannotUndo, Sentence: begun})

	forth, err := c.Again(t.Context(), ada, soon.ID, bulk.Rollback, "forth-0123456789abcdef")
	must(t, err)
	c.now = ninth.AddDate(0, 0, 1)
	must(t, c.Plan(t.Context(), forth.ID))
	equal(t, "made again", c.excluded(c.header(forth.ID))[0].Sentence, "The time of a visit that was taken away has passed, so it is not booked again.")
	equal(t, "a cancelled one", c.again(cancelled, bulk.Rollback).Final, bulk.Tally{Done: 1})
}

// Visits that only move to another facility count in the day of who has them.
func TestVisitsThatMoveAlongFillTheDayToo(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory) // Dr. Cyd sees two a day
	at := time.Date(2026, 12, 3, 14, 0, 0, 0, time.UTC)
	for i, owner := range []string{"bea", "cyd"} {
		id, v := fmt.Sprintf("P%d", i+1), registry.VisitRef{Start: at.Add(time.Duration(i) * time.Hour), ID: "V1"}
		c.admit(registry.Active, []string{id}, with(registry.ProviderField, "bea"), with(registry.Upcoming, v.String()))
		must(t, c.store.WriteByHand(t.Context(), v.Ref(id), registry.Fields{registry.ProviderField: owner, registry.FacilityField: "fac-1", registry.VisitMinutes: "30"}, "Import", noon))
	}
	r := transfers("P1", "P2")
	r.Params[kind.WithProvider] = kind.StandIn
	op := c.planned(r)
	equal(t, "changes", op.Plan.Changes, 2)
	hand := registry.VisitRef{Start: at.Add(3 * time.Hour), ID: "H1"}
	must(t, c.store.PutRecords(t.Context(), []registry.Record{{Ref: hand.Ref("Q1"), Fields: registry.Fields{
		registry.VisitState: registry.VisitScheduled, registry.VisitStart: hand.Start.Format(registry.VisitTime), registry.VisitMinutes: "30",
		registry.ProviderField: "cyd", registry.FacilityField: "fac-2"}}}))
	op = c.run(op)
	equal(t, "P1", c.outcomes(op)["P1"].Code, bulk.DayFull)
	visits, _, err := c.store.Calendar(t.Context(), "cyd", noon, noon.AddDate(0, 1, 0))
	must(t, err)
	equal(t, "visits of Dr. Cyd", len(visits), 2)
}

// What is rolled back is not held to limits: what was, comes back.
func TestARollbackFindsItsPlaceAlsoWhereThereIsNoRoom(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2", "P3", "P4"}, with(registry.ProviderField, "ann"))
	away := toAnn(kind.KeepVisits, "P1")
	away.Params[kind.NewProvider] = "bea"
	op := c.run(c.planned(away))
	c.admit(registry.Active, []string{"Q1"}, with(registry.ProviderField, "ann"))
	c.provider("ann", func(p *registry.Provider) { p.Active = false })
	equal(t, "rolled back", c.again(op, bulk.Rollback).Final, bulk.Tally{Done: 1})
	equal(t, "provider", c.store.Snapshot()[registry.ProfileRef("P1")].Get(registry.ProviderField), "ann")
}

func TestAProviderWhoLeftSinceGetsNobody(t *testing.T) {
	for what, change := range map[string]struct {
		to       func(*registry.Provider)
		sentence string
	}{
		"no longer works": {func(p *registry.Provider) { p.Active = false }, "Dr. Ann no longer works."},
		"works elsewhere": {func(p *registry.Provider) { p.Facilities = []string{"fac-2"} }, "Dr. Ann does not work at Riverside."},
	} {
		c := bookable(t, "P1", "P2")
		reassign, schedule := c.approved(toAnn(kind.KeepVisits, "P1")), c.approved(books("visit", "P2"))
		c.provider("ann", change.to)
		for subject, op := range map[string]bulk.Operation{"P1": reassign, "P2": schedule} {
			equal(t, what+", as the approver is told", c.stale(op), 1)
			op = c.finish(c.start(op))
			equal(t, what, c.outcomes(op)[subject], skipped(subject, bulk.Unsuited, change.sentence))
			_, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, "again-0123456789abcdef"+subject)
			if what == "no longer works" {
				refused(t, err, fault.Invalid, op.ID+" cannot be asked again as it was: Dr. Ann no longer works. Choose another provider. "+
					"Ask for a new operation: download the list of those who were not changed, and upload it there.")
			}
		}
	}
}

func TestVisitsAreNotBookedIntoTimeOffThatWasGivenSince(t *testing.T) {
	off := []registry.Days{{From: "2026-12-03", To: "2026-12-03"}}
	c := bookable(t, "P1", "P2")
	one, two := c.planned(books("one", "P1")), c.planned(books("two", "P2"))
	c.provider("ann", func(p *registry.Provider) { p.Away = off })
	one = c.run(one)
	equal(t, "away", c.outcomes(one)["P1"], skipped("P1", bulk.Shut, "Dr. Ann is off by now at the time of the visit, Thu 3 Dec 2026, 08:00 EST."))
	c.provider("ann", func(*registry.Provider) {})
	riverside, _ := kindtest.Directory.Facility("fac-1")
	riverside.Closed = off
	must(t, c.store.PutFacility(t.Context(), riverside))
	two = c.run(two)
	equal(t, "closed", c.outcomes(two)["P2"], skipped("P2", bulk.Shut, "Riverside is closed by now at the time of the visit, Thu 3 Dec 2026, 08:00 EST."))
	list(t, "calendar", c.starts())
}

// In a facility that has no hours no visits take place: none move there, but
// those that were there come back.
func TestVisitsDoNotMoveToWhereNoneTakePlaceSince(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(1))
	facility := func(id string, hours registry.Week) {
		f, _ := kindtest.Directory.Facility(id)
		f.Hours = hours
		must(t, c.store.PutFacility(t.Context(), f))
	}
	facility("fac-2", kindtest.AnyHour)
	move := func(id string) bulk.Operation {
		return c.planned(engine.Request{Kind: kind.FacilityTransfer.Name, Key: "key-of-the-move-of-" + id,
			Selection: bulk.Selection{Source: bulk.Pasted, IDs: []string{id}},
			Params:    bulk.Params{kind.TransferTo: "fac-2", kind.WithProvider: kind.AssignLater, kind.FutureVisits: kind.ShiftVisits}})
	}
	one, two := c.run(move("P1")), move("P2")
	equal(t, "moved", one.Final, bulk.Tally{Done: 1})
	facility("fac-1", registry.Week{})
	facility("fac-2", registry.Week{})
	equal(t, "moved since", c.outcomes(c.run(two))["P2"].Code, bulk.Shut)
	equal(t, "rolled back", c.again(one, bulk.Rollback).Final, bulk.Tally{Done: 1})
}

// A visit that goes along to another provider finds that provider as free as the
// preview did, or is left where it is.
func TestAVisitThatGoesAlongMeetsNothingThatWasBookedSince(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(1), with(registry.ProviderField, "bea"))
	op := c.planned(toAnn(kind.GiveVisits, "P1", "P2"))
	equal(t, "they meet each other, so one is in the plan", op.Plan.Changes, 1)
	c.hand("Q1", noon.AddDate(0, 0, 1))
	op = c.run(op)
	equal(t, "taken", c.outcomes(op)["P1"].Code, bulk.SlotTaken)
	equal(t, "provider", c.store.Snapshot()[registry.ProfileRef("P1")].Get(registry.ProviderField), "bea")
}

// However operations and hands, who look before they book, follow each other:
// nobody has more visits a day or more patients than they may.
func TestNobodyGetsMoreThanTheyMay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := bookable(t, numbered(8)...)
		c.provider("ann", func(p *registry.Provider) { p.Daily = 3 })
		count := func(field string) (n int) {
			for _, record := range c.store.Snapshot() {
				if record.Get(registry.ProviderField) == "ann" && (record.Ref.IsVisit() == (field == registry.VisitState)) &&
					(field != registry.VisitState || record.Get(field) == registry.VisitScheduled) {
					n++
				}
			}
			return n
		}
		var waiting []bulk.Operation
		for n := range rapid.IntRange(3, 9).Draw(r, "steps") {
			some := numbered(8)[rapid.IntRange(0, 7).Draw(r, "from"):]
			switch rapid.IntRange(0, 4).Draw(r, "step") {
			case 0:
				waiting = append(waiting, c.planned(books(fmt.Sprint("visits", n), some...)))
			case 1:
				request := toAnn(kind.KeepVisits, some...)
				request.Key += fmt.Sprint(n)
				waiting = append(waiting, c.planned(request))
			case 2:
				if at := ninth.Add(time.Duration(4+n) * time.Hour); count(registry.VisitState) < 3 {
					c.hand(fmt.Sprint("hand", n), at)
				}
			case 3:
				if count(registry.StatusField) < 4 {
					c.byHand(some[0], registry.ProviderField, "ann")
				}
			case 4:
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
		if visits, patients := count(registry.VisitState), count(registry.StatusField); visits > 3 || patients > 4 {
			r.Fatalf("Dr. Ann has %d visits on a day, of at most 3, and %d patients, of at most 4", visits, patients)
		}
	})
}
