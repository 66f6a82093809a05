package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"bulkops/internal/registry"
)

// decided lets somebody approve the operation, runs it, and returns its page.
func decided(by *browser, operation string) *page {
	by.t.Helper()
	by.w.settle()
	by.get("/operations/"+operation+"/decision").press("approve", nil).want(200, "Success")
	by.w.settle()
	return by.get("/operations/" + operation)
}

// profile is what the registry holds of a patient.
func (w *world) profile(id string) registry.Patient {
	w.t.Helper()
	found, err := w.store.Patients(w.t.Context(), []string{id})
	must(w.t, err)
	return found[id]
}

// Everybody who asks sees who decides, before anything else.
func TestTheKindsSayWhoDecides(t *testing.T) {
	w := newWorld(t, 50)
	w.signedIn("sam").get("/operations/new").want(200,
		"Tag/Label Assignment Add tags to many patients, remove others, or both in one step. A Team Lead decides.",
		"Insurance Change Give many patients another insurance plan from a day on.", "with it. A Manager decides.")
}

func TestTagsFromTheFormToTheRollback(t *testing.T) {
	w := newWorld(t, 400)
	sam, theo := w.signedIn("sam"), w.signedIn("theo")
	ids := activeIn(w, "riverside", 3)
	for id, tags := range map[string]string{ids[0]: "old-tag", ids[1]: "fall-risk", ids[2]: "a b c d e f g h i j k l m n o p q r s t"} {
		must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(id), registry.Fields{registry.Tags: tags}, "Rita", noon))
	}
	form := whatPage(sam, "tags", ids...).want(200, "Fall Risk is kept as fall-risk")
	form.press("continue", nil).want(422, "There is a problem", "Name a tag to add or a tag to remove.")
	p := form.press("continue", url.Values{"add": {"Fall Risk\nnew!"}, "remove": {"FALL-RISK"}}).want(422, `"new!" cannot be a tag`, "The tag fall-risk is to be added and to be removed.")
	p = p.press("continue", url.Values{"add": {"Fall Risk"}, "remove": {"old-tag"}}).want(200)
	w.settle()
	p = sam.get(p.path).want(200, `Add tag fall-risk; remove tag old-tag ("Fall Risk" becomes fall-risk)`, "1 patient to change", "Tags old-tag → fall-risk",
		"Already as asked: 1", "Too many tags: 1", "The patient has 20 tags and would have 21; at most 20 are allowed.", "Will be asked to approve: Theo Lam")
	if strings.Contains(p.text(), "Patients by status") {
		t.Error("a change of tags shows a table of statuses")
	}
	submitted(p)
	decided(theo, p.operation()).want(200, "Every patient in the plan was changed.")
	if got := w.profile(ids[0]).Get(registry.Tags); got != "fall-risk" {
		t.Errorf("the tags are %q", got)
	}

	back := sam.get("/operations/"+p.operation()).click("Roll back").press("confirm", nil)
	w.settle()
	back = sam.get(back.path).want(200, "1 patient will be restored", "Tags fall-risk → old-tag")
	submitted(back)
	decided(theo, back.operation()).want(200, "Every patient in the plan was changed.")
	if got := w.profile(ids[0]).Get(registry.Tags); got != "old-tag" {
		t.Errorf("after the rollback the tags are %q", got)
	}
}

func TestAnInsuranceChangeWithAHold(t *testing.T) {
	w := newWorld(t, 400)
	sam, theo, maria := w.signedIn("sam"), w.signedIn("theo"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 2)
	for i, status := range []string{"Active", "Hospitalized"} {
		must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[i]), registry.Fields{registry.StatusField: status,
			registry.InsurancePlan: "Medicare", registry.InsuranceID: "ME1", registry.InsuranceFrom: "2020-01-01"}, "Rita", noon))
	}
	form := whatPage(sam, "insurance-change", ids...)
	p := form.press("continue", url.Values{"plan": {"Aetna"}, "effective": {"2027-02-30"}, "ended": {"yes"}}).
		want(422, `"2027-02-30" is no date.`, "Choose whether the member ids are kept, cleared, or taken from a file.")
	if kept := find(p.doc, func(n *html.Node) bool { return attr(n, "id") == "plan" }); attr(kept, "value") != "Aetna" {
		t.Error("what was typed is gone")
	}
	if box := p.id("ended"); !slices.ContainsFunc(box.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
		t.Error("what was ticked is not ticked any more")
	}
	p = plannedAs(sam, "insurance-change", url.Values{"plan": {"Aetna"}, "effective": {"2027-01-01"}, "member_ids": {"clear"}, "ended": {"yes"}}, ids...).
		want(200, "Change insurance plan to Aetna from 1 Jan 2027, clear member ids, and put on hold (insurance lapse)",
			"Status Active → On Hold", "Hold reason none → Insurance lapse", "Insurance plan Medicare → Aetna", "Insurance member id ME1 → none",
			"Insured from 1 Jan 2020 → 1 Jan 2027", "Change not allowed: 1", "Active 1 0", "On Hold 0 1")
	submitted(p)
	w.settle()
	theo.get("/operations/"+p.operation()+"/decision").want(200, "Manager")
	decided(maria, p.operation()).want(200, "Every patient in the plan was changed.")
	if got := w.profile(ids[0]); got.Status() != registry.OnHold || got.Get(registry.InsuranceID) != "" {
		t.Errorf("the patient is %v", got.Fields)
	}
	if got := w.profile(ids[1]); got.Get(registry.InsurancePlan) != "Medicare" {
		t.Errorf("who cannot be put on hold is %v", got.Fields)
	}
}
