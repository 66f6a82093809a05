package engine_test

import (
	"maps"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// toAnn is a request to give patients the provider ann.
func toAnn(visits string, ids ...string) engine.Request {
	return engine.Request{Kind: "provider-reassignment", Key: "key-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
		Params: bulk.Params{kind.ReassignTo: kind.ToOne, kind.NewProvider: "ann", kind.FutureVisits: visits}}
}

// Those whom a provider has already count, also patients of other facilities
// and those who are not in the selection.
func TestAProvidersPatientsAreCountedBeforePlanning(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory) // ann may have four
	c.admit(registry.Active, []string{"H1", "H2"}, with(registry.ProviderField, "ann"), with(registry.FacilityField, "fac-2"))
	c.admit(registry.Discharged, []string{"H3"}, with(registry.ProviderField, "ann"))
	c.admit(registry.Active, []string{"P1", "P2", "P3"}, with(registry.ProviderField, "bea"))
	op := c.planned(toAnn(kind.KeepVisits, "H1", "P1", "P2", "P3"))
	list(t, "changed", c.subjects(op), "P1")
	list(t, "left out", c.excluded(op),
		bulk.Exclusion{Subject: "H1", Name: canary + " H1", Code: bulk.AlreadySo, Sentence: "The provider is already Dr. Ann."},
		bulk.Exclusion{Subject: "P2", Name: canary + " P2", Code: bulk.NoRoom, Sentence: "Dr. Ann may have at most 4 patients and would have more."},
		bulk.Exclusion{Subject: "P3", Name: canary + " P3", Code: bulk.NoRoom, Sentence: "Dr. Ann may have at most 4 patients and would have more."})
	equal(t, "before", op.Plan.Before[registry.ProviderField]["bea"], 1)
	equal(t, "after", op.Plan.After[registry.ProviderField]["ann"], 1)
}

// Sharing by number of patients evens out the numbers of the chosen providers, as
// the preview says, with the visits; and it can be rolled back.
func TestNumbersOfPatientsAreEvenedOut(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	for n, id := range numbered(5) {
		visit := registry.VisitRef{Start: noon.AddDate(0, 0, 2).Add(time.Duration(n) * time.Hour), ID: "V1"}
		c.admit(registry.Active, []string{id}, with(registry.ProviderField, "bea"), with(registry.Upcoming, visit.String()))
	}
	c.admit(registry.Active, []string{"Q1"}, with(registry.ProviderField, "ann"))
	c.admit(registry.Active, []string{"Q2"})
	before := c.fields()
	r := toAnn(kind.GiveVisits, append(numbered(5), "Q1", "Q2")...)
	r.Params = bulk.Params{kind.ReassignTo: kind.ToSeveral, kind.NewProviders: "ann bea", kind.ShareBy: kind.ByLoad, kind.FutureVisits: kind.GiveVisits}
	op := c.finished(r)
	equal(t, "state", op.State, bulk.Completed)
	list(t, "changed", c.subjects(op), "P001", "P002", "Q2")
	equal(t, "left as they are", op.Plan.ByReason[bulk.AlreadySo], 4)
	equal(t, "why", c.excluded(op)[0].Sentence, "Stays with Dr. Bea: another provider would not make the numbers of patients more even.")
	after := c.fields()
	has := map[string]int{}
	for ref, fields := range after {
		if ref.Part == registry.ProfilePart {
			has[fields[registry.ProviderField]]++
		}
	}
	equal(t, "ann", has["ann"], 4)
	equal(t, "bea", has["bea"], 3)
	equal(t, "the visit of who moved", after[registry.VisitRef{Start: noon.AddDate(0, 0, 2), ID: "V1"}.Ref("P001")][registry.ProviderField], "ann")

	back := c.again(op, bulk.Rollback)
	equal(t, "rolled back", back.Final, bulk.Tally{Done: 3})
	for ref, fields := range c.fields() {
		if !maps.Equal(fields, before[ref]) {
			t.Errorf("%v was %v and is %v", ref, before[ref], fields)
		}
	}
}

// A visit in a facility is that facility's: who does not hold it changes nothing there.
func TestAVisitElsewhereTakesTheRightElsewhere(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(1), with(registry.FacilityField, "fac-2"))
	must(t, c.store.WriteByHand(t.Context(), registry.VisitRef{Start: noon.AddDate(0, 0, 1), ID: "V000"}.Ref("P1"),
		registry.Fields{registry.FacilityField: "fac-1"}, "Import", noon))

	op, err := c.Request(t.Context(), ben, toAnn(kind.GiveVisits, "P1", "P2")) // holds fac-2 only
	must(t, err)
	must(t, c.Plan(t.Context(), op.ID))
	op = c.header(op.ID)
	list(t, "changed", c.subjects(op), "P2")
	list(t, "left out", c.excluded(op), bulk.Exclusion{Subject: "P1", Name: canary + " P1", Code: bulk.OtherFacility,
		Sentence: "This change also touches Riverside, which you do not hold."})
	list(t, "facilities", op.Plan.Facilities, "fac-2")

	r := toAnn(kind.GiveVisits, "P1", "P2")
	r.Key += "-2"
	op = c.planned(r) // ada holds both
	list(t, "facilities", op.Plan.Facilities, "fac-1", "fac-2")
	op = c.submit(op)
	_, err = c.Decide(t.Context(), henry, op.ID, approval(op)) // holds fac-2 only
	equal(t, "to somebody who does not hold all of them", fault.CodeOf(err), fault.NotFound)
}

// What happens to a visit after the preview is found when the plan is run.
func TestAVisitThatWasGivenToSomebodyElseSinceIsNotTaken(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1"}, visits(2), with(registry.ProviderField, "bea"))
	c.admit(registry.Active, []string{"P2"}, with(registry.Upcoming, "2026-12-02T15:00Z/V000"), with(registry.ProviderField, "bea"))
	op := c.started(toAnn(kind.GiveVisits, "P1", "P2"))
	must(t, c.store.WriteByHand(t.Context(), registry.VisitRef{Start: noon.AddDate(0, 0, 2), ID: "V001"}.Ref("P1"),
		registry.Fields{registry.ProviderField: "cyd"}, "Nora Nurse", c.now))
	op = c.finish(op)
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	equal(t, "why", c.outcomes(op)["P1"].Sentence, `Changed since the preview by Nora Nurse, 1 Dec 2026, 12:00 UTC: Provider was "" and is now "cyd".`)
	equal(t, "the other", c.outcomes(op)["P2"].State, bulk.Done)
	equal(t, "provider of the one", c.store.Snapshot()[registry.ProfileRef("P1")].Get(registry.ProviderField), "bea")
}

// transfers is a request to move patients to Hilltop, with their visits.
func transfers(ids ...string) engine.Request {
	return engine.Request{Kind: "facility-transfer", Key: "key-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
		Params: bulk.Params{kind.TransferTo: "fac-2", kind.WithProvider: kind.AssignLater, kind.FutureVisits: kind.ShiftVisits}}
}

// Who moves patients out of a facility and into another holds both, and so does
// who approves it: when it is asked for, decided, and run.
func TestATransferTakesTheRightInBothFacilities(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1"})
	c.admit(registry.Active, []string{"H1"}, with(registry.FacilityField, "fac-2"))
	onlyRiverside := tom
	onlyRiverside.Sub = "sub-rita"
	must(t, c.store.PutPerson(t.Context(), onlyRiverside))
	_, err := c.Request(t.Context(), onlyRiverside, transfers("P1"))
	refused(t, err, fault.Forbidden, `You do not hold the facility "Hilltop". Choose among your own facilities.`)
	op, err := c.Request(t.Context(), ben, transfers("P1", "H1")) // holds fac-2 only
	must(t, err)
	must(t, c.Plan(t.Context(), op.ID))
	equal(t, "left out", c.header(op.ID).Plan.ByReason[bulk.OtherFacility], 1)
	equal(t, "changes", c.header(op.ID).Plan.Changes, 0)

	op = c.submitted(transfers("P1"))
	list(t, "facilities", op.Plan.Facilities, "fac-1", "fac-2")
	_, err = c.Decide(t.Context(), henry, op.ID, approval(op)) // holds fac-2 only
	equal(t, "to somebody who holds one of them", fault.CodeOf(err), fault.NotFound)
	_, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	less := grace
	less.Facilities = []string{"fac-1"}
	must(t, c.store.PutPerson(t.Context(), less))
	v, err := c.Verify(t.Context(), op.ID)
	must(t, err)
	equal(t, "runs after the approver lost the new facility", v.OK, false)
}

// The patients in the facility count, whoever is in the selection.
func TestAFacilitysPatientsAreCountedBeforePlanning(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory) // Hilltop may have six
	c.admit(registry.Discharged, []string{"H1", "H2", "H3", "H4"}, with(registry.FacilityField, "fac-2"))
	c.admit(registry.Active, numbered(3), with(registry.ProviderField, "ann"))
	op := c.planned(transfers(append([]string{"H1"}, numbered(3)...)...))
	list(t, "changed", c.subjects(op), "P001", "P002")
	equal(t, "left out", op.Plan.ByReason[bulk.NoRoom], 1)
	equal(t, "after", op.Plan.After[registry.FacilityField]["fac-2"], 2)
	equal(t, "without a provider", op.Plan.After[registry.ProviderField][""], 2)
	op = c.finished(func() engine.Request { r := transfers("P001"); r.Key += "-2"; return r }())
	equal(t, "state", op.State, bulk.Completed)
	found, _, err := c.Find(t.Context(), ada, registry.Filter{Provider: registry.Nobody, Facilities: []string{"fac-2"}}, 10)
	must(t, err)
	list(t, "who waits for a provider", found, "H1", "H2", "H3", "H4", "P001")
}

// A rollback gives visits back to the provider they were with, unless somebody
// else got that provider's time meanwhile.
func TestAVisitIsNotGivenBackIntoATimeThatIsTaken(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2", "P3"}, with(registry.ProviderField, "bea"))
	book := func(key string, ids ...string) bulk.Operation {
		r := engine.Request{Kind: "visit-scheduling", Key: "key-0123456789-" + key, Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
			Params: bulk.Params{kind.VisitsOf: "Wellness", kind.VisitsFrom: "2026-12-07", kind.VisitsTo: "2026-12-07", kind.VisitsLast: "30",
				kind.VisitsWith: kind.OneProvider, kind.VisitsProvider: "bea", kind.VisitsAt: kind.BetweenTimes, kind.VisitsEarliest: "09:00", kind.VisitsLatest: "10:00"}}
		return c.finished(r)
	}
	equal(t, "booked", book("1", "P1", "P2").Final.Done, 2) // all that there is
	moved := c.finished(toAnn(kind.GiveVisits, "P1", "P2"))
	equal(t, "moved", moved.Final.Done, 2)
	third := book("2", "P3") // into the time that P1's visit left
	equal(t, "booked", third.Final.Done, 1)

	back := c.again(moved, bulk.Rollback)
	equal(t, "given back", back.Final, bulk.Tally{Done: 1})
	left := c.excluded(back)[0]
	equal(t, "why", left.Code, bulk.ChangedAfter)
	equal(t, "provider of who was left alone", c.store.Snapshot()[registry.ProfileRef(left.Subject)].Get(registry.ProviderField), "ann")
}

// The rerun of a rollback touches what the rollback touched, and asks for the
// same rights.
func TestTheRerunOfARollbackKeepsItsFacilities(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(1), with(registry.FacilityField, "fac-2"))
	must(t, c.store.WriteByHand(t.Context(), registry.VisitRef{Start: noon.AddDate(0, 0, 1), ID: "V000"}.Ref("P1"),
		registry.Fields{registry.FacilityField: "fac-1"}, "Import", noon))
	op := c.finished(toAnn(kind.GiveVisits, "P1"))
	back := c.follow(op, bulk.Rollback)
	list(t, "facilities of the rollback", back.Plan.Facilities, "fac-1", "fac-2")
	back = c.approve(c.submit(back))
	c.byHand("P1", registry.LockedBy, "Nora")
	back = c.finish(c.start(back))
	equal(t, "locked meanwhile", back.Final, bulk.Tally{Skipped: 1})
	c.byHand("P1", registry.LockedBy, "")
	list(t, "facilities of its rerun", c.follow(back, bulk.Rerun).Plan.Facilities, "fac-1", "fac-2")
}

// A rerun that finds nobody to change stands in the way of no other.
func TestAnEmptyRerunBlocksNothing(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1", "P2"})
	op := c.approved(asks(registry.OnHold, "P1", "P2"))
	c.byHand("P1", registry.LockedBy, "Nora")
	op = c.finish(c.start(op))
	empty, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, "rerun-0123456789abcdef")
	must(t, err)
	must(t, c.Plan(t.Context(), empty.ID))
	equal(t, "still locked", c.header(empty.ID).Plan.Changes, 0)
	c.byHand("P1", registry.LockedBy, "")
	equal(t, "unlocked", c.again(op, bulk.Rerun).Final, bulk.Tally{Done: 1})
}
