package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/registry"
)

// asked fills in a kind's form for the ids and returns the page of the plan.
func asked(b *browser, kind string, answers url.Values, ids ...string) *page {
	b.t.Helper()
	p := b.get("/operations/new/"+kind).press("continue", url.Values{"way": {"paste"}})
	p = p.press("continue", url.Values{"ids": {strings.Join(ids, "\n")}}).want(200, "What should be changed?")
	p = p.press("continue", answers).want(200, "Planning")
	b.w.settle()
	return b.get(p.path)
}

func TestPatientsAreSharedOutByTheForm(t *testing.T) {
	w := newWorld(t, 300)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 20)
	must(t, w.store.PutProvider(t.Context(), registry.Provider{ID: "N1", Name: "Dr. New", Specialty: "Geriatrics", Facilities: []string{"riverside"}, Active: true}))
	must(t, w.store.PutProvider(t.Context(), registry.Provider{ID: "N2", Name: "Dr. Newer", Specialty: "Geriatrics", Facilities: []string{"riverside"}, Active: true, Limit: 4}))

	sam.get("/operations/new/provider-reassignment").want(200, "All patients of a provider, all at a facility")
	form := sam.get("/operations/new/provider-reassignment").press("continue", url.Values{"way": {"paste"}}).press("continue", url.Values{"ids": {ids[0]}})
	form.want(200, "Dr. Newer", "Geriatrics; Riverside Clinic; at most 4 patients")
	form.press("continue", url.Values{"to": {"several"}, "providers": {"N1"}}).want(422,
		"Choose at least two providers.", "Choose how the patients are shared out.", "Choose what happens to future visits.")

	p := asked(sam, "provider-reassignment", url.Values{"to": {"several"}, "providers": {"N1", "N2"}, "by": {"load"}, "visits": {"reassign"}}, ids...)
	p.want(200, "Patients by provider", "Dr. New", "Dr. Newer", "Provider: ", "A visit cannot be moved: 1")
	if strings.Contains(p.text(), "Patients by status") || strings.Contains(p.text(), "cancelled with it") {
		t.Errorf("the page says what does not happen: %s", p.text())
	}
	op := submitted(p).operation()
	w.settle()
	maria.get("/operations/"+op+"/decision").want(200, "Patients by provider").press("approve", nil).want(200)
	w.settle()
	sam.get("/operations/"+op).want(200, "Completed")
	has := map[string]int{}
	profiles, err := w.store.Patients(t.Context(), ids)
	must(t, err)
	for _, p := range profiles {
		has[p.Provider()]++
	}
	if has["N1"] != 15 || has["N2"] != 4 {
		t.Errorf("the patients are with %v", has)
	}
}

func TestPatientsAreTransferredByTheForm(t *testing.T) {
	w := newWorld(t, 300)
	ana, sam, jonas := w.signedIn("ana"), w.signedIn("sam"), w.signedIn("jonas")
	ids := activeIn(w, "riverside", 10)
	form := ana.get("/operations/new/facility-transfer").press("continue", url.Values{"way": {"paste"}}).press("continue", url.Values{"ids": {ids[0]}})
	form.want(200, "Islands Community Clinic (at most 200 patients)")
	form.press("continue", nil).want(422, "Choose the new facility.", "Choose who the provider is at the new facility.", "Choose what happens to future visits.")
	own := sam.get("/operations/new/facility-transfer").press("continue", url.Values{"way": {"paste"}}).press("continue", url.Values{"ids": {ids[0]}})
	if strings.Contains(own.text(), "Islands") {
		t.Error("a facility is offered to somebody who does not hold it")
	}

	p := asked(ana, "facility-transfer", url.Values{"to": {"islands"}, "provider": {"later"}, "visits": {"cancel"}}, ids...)
	p.want(200, "Patients by facility", "Islands Community Clinic", "Patients by provider", "Facility Riverside Clinic → Islands Community Clinic")
	op := submitted(p).operation()
	w.settle()
	jonas.get("/operations/"+op+"/decision").want(200, "Islands Community Clinic").press("approve", nil).want(200)
	w.settle()
	ana.get("/operations/"+op).want(200, "Completed")
	found, err := w.store.Patients(t.Context(), ids)
	must(t, err)
	for id, p := range found {
		toCome := slices.ContainsFunc(p.Visits(), func(v registry.VisitRef) bool { return v.Start.After(noon.AddDate(0, 0, 1)) })
		if p.Facility() != "islands" || p.Provider() != "" || toCome {
			t.Errorf("%s is at %s with %q; has visits to come: %v", id, p.Facility(), p.Provider(), toCome)
		}
	}
	ana.get("/patients").press("search", url.Values{"provider": {"-"}, "facility": {"islands"}}).want(200, "Provider: nobody yet", squeeze(found[ids[0]].Name()))
}

// By capacity, who sees three times as many a day gets three times as many; what
// is chosen comes back when the request is edited. Visits are booked anew.
func TestPatientsAreSharedOutByCapacityAndVisitsBookedAnew(t *testing.T) {
	w := newWorld(t, 300)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 20)
	for id, daily := range map[string]int{"N1": 0, "N2": 12} {
		must(t, w.store.PutProvider(t.Context(), registry.Provider{ID: id, Name: "Dr. " + id, Specialty: "Geriatrics", Facilities: []string{"riverside"}, Active: true, Daily: daily}))
	}
	answers := url.Values{"to": {"several"}, "providers": {"N1", "N2"}, "by": {"capacity"}, "capacity": {"", "N2=10"}, "visits": {"reschedule"}}
	form := sam.get("/operations/new/provider-reassignment").press("continue", url.Values{"way": {"paste"}}).press("continue", url.Values{"ids": {ids[0]}})
	form.want(200, "How many patients does each provider see a day?", "12 (calendar)")
	checkMarkup(t, form.press("continue", answers).want(422, "Say how many patients Dr. N1 sees a day, from 10 to 30."))

	answers["capacity"] = []string{"N1=30", "", "N2=10"}
	p := asked(sam, "provider-reassignment", answers, ids...)
	p.want(200, "Reassign to Dr. N1 (30 a day), Dr. N2 (10 a day), by capacity; future visits are cancelled and booked anew", "cancelled")
	op, err := w.store.Operation(t.Context(), p.operation())
	must(t, err)
	after := op.Plan.After[registry.ProviderField]
	if n := op.Plan.Changes; n < 15 || after["N1"] < n*3/4-1 || after["N1"] > n*3/4+1 || op.Plan.Booked == 0 || op.Plan.Booked != op.Plan.Cancelled {
		t.Errorf("%+v", op.Plan)
	}
	again := sam.get("/operations/"+p.operation()+"/edit").press("confirm", nil).want(200, "This request takes the place of")
	if chosen := controls(formOf(again, again.id("continue"))); !slices.Equal(chosen["providers"], []string{"N1", "N2"}) || !slices.Contains(chosen["capacity"], "N1=30") || !slices.Contains(chosen["capacity"], "N2=10") {
		t.Errorf("the form has %v", chosen)
	}
}
