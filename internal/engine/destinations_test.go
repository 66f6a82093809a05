package engine_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// reassigns is a request to give patients another provider.
func reassigns(to, visits string, ids ...string) engine.Request {
	return engine.Request{Kind: "provider-reassignment", Key: "key-0123456789abcdef", Selection: bulk.Selection{Source: bulk.Pasted, IDs: ids},
		Params: bulk.Params{kind.ReassignTo: kind.ToOne, kind.NewProvider: to, kind.FutureVisits: visits}}
}

// Those whom a provider has already count, also patients of other facilities
// and those who are not in the selection.
func TestAProvidersPatientsAreCountedBeforePlanning(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory) // ann may have four
	c.admit(registry.Active, []string{"H1", "H2"}, with(registry.ProviderField, "ann"), with(registry.FacilityField, "fac-2"))
	c.admit(registry.Discharged, []string{"H3"}, with(registry.ProviderField, "ann"))
	c.admit(registry.Active, []string{"P1", "P2", "P3"}, with(registry.ProviderField, "bea"))
	op := c.planned(reassigns("ann", kind.KeepVisits, "H1", "P1", "P2", "P3"))
	list(t, "changed", c.subjects(op), "P1")
	list(t, "left out", c.excluded(op),
		bulk.Exclusion{Subject: "H1", Name: canary + " H1", Code: bulk.AlreadySo, Sentence: "The provider is already Dr. Ann."},
		bulk.Exclusion{Subject: "P2", Name: canary + " P2", Code: bulk.NoRoom, Sentence: "Dr. Ann may have at most 4 patients and would have more."},
		bulk.Exclusion{Subject: "P3", Name: canary + " P3", Code: bulk.NoRoom, Sentence: "Dr. Ann may have at most 4 patients and would have more."})
	equal(t, "before", op.Plan.Before[registry.ProviderField]["bea"], 1)
	equal(t, "after", op.Plan.After[registry.ProviderField]["ann"], 1)
}

// A visit in a facility is that facility's: who does not hold it changes nothing there.
func TestAVisitElsewhereTakesTheRightElsewhere(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(1), with(registry.FacilityField, "fac-2"))
	must(t, c.store.WriteByHand(t.Context(), registry.VisitRef{Start: noon.AddDate(0, 0, 1), ID: "V000"}.Ref("P1"),
		registry.Fields{registry.FacilityField: "fac-1"}, "Import", noon))

	op, err := c.Request(t.Context(), ben, reassigns("ann", kind.GiveVisits, "P1", "P2")) // holds fac-2 only
	must(t, err)
	must(t, c.Plan(t.Context(), op.ID))
	op = c.header(op.ID)
	list(t, "changed", c.subjects(op), "P2")
	list(t, "left out", c.excluded(op), bulk.Exclusion{Subject: "P1", Name: canary + " P1", Code: bulk.OtherFacility,
		Sentence: "This change also touches Riverside, which you do not hold."})
	list(t, "facilities", op.Plan.Facilities, "fac-2")

	r := reassigns("ann", kind.GiveVisits, "P1", "P2")
	r.Key += "-2"
	op = c.planned(r) // ada holds both
	list(t, "facilities", op.Plan.Facilities, "fac-1", "fac-2")
	_, err = c.Submit(t.Context(), ada, op.ID, submission(op))
	must(t, err)
	_, err = c.Decide(t.Context(), henry, op.ID, approval(op)) // holds fac-2 only
	equal(t, "to somebody who does not hold all of them", fault.CodeOf(err), fault.NotFound)
}

// What happens to a visit after the preview is found when the plan is run.
func TestAVisitThatWasGivenToSomebodyElseSinceIsNotTaken(t *testing.T) {
	c := newClinic(t)
	c.employ(kindtest.Directory)
	c.admit(registry.Active, []string{"P1", "P2"}, visits(2), with(registry.ProviderField, "bea"))
	op := c.started(reassigns("ann", kind.GiveVisits, "P1", "P2"))
	must(t, c.store.WriteByHand(t.Context(), registry.VisitRef{Start: noon.AddDate(0, 0, 2), ID: "V001"}.Ref("P1"),
		registry.Fields{registry.ProviderField: "cyd"}, "Nora Nurse", c.now))
	op = c.finish(op)
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	equal(t, "why", c.outcomes(op)["P1"].Sentence, `Changed since the preview by Nora Nurse: Provider was "" and is now "cyd".`)
	equal(t, "the other", c.outcomes(op)["P2"].State, bulk.Done)
	equal(t, "provider of the one", c.store.Snapshot()[registry.ProfileRef("P1")].Get(registry.ProviderField), "bea")
}
