package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"bulkops/internal/engine"
	"bulkops/internal/registry"
)

// sampled are the patients whom a page asks to check.
func sampled(p *page) (ids []string) {
	for _, n := range all(p.doc, func(n *html.Node) bool {
		return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/patients/") && has(n, "href")
	}) {
		if id := strings.TrimPrefix(attr(n, "href"), "/patients/"); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Requester and approver read the same impact, and are asked to check the same five.
func TestTheImpactIsTheSameForBoth(t *testing.T) {
	w := newWorld(t, 1000)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 1000)
	p := planned(sam, registry.Discharged, ids...)
	p.want(200, "Unusually many patients", "of all patients of Riverside Clinic: ", "Patients by provider", "Patients by status", "Five to check", "visits cancelled with it")
	checkMarkup(t, p)
	mine := sampled(p)
	if len(mine) != 5 {
		t.Fatalf("the requester is asked to check %v", mine)
	}
	op := submitted(p).operation()
	w.settle()
	queue := maria.get("/approvals").want(200, " % of Riverside Clinic")
	checkMarkup(t, queue)
	decision := maria.get("/operations/"+op+"/decision").want(200, "Unusually many patients", "Five to check")
	if theirs := sampled(decision); !slices.Equal(mine, theirs) {
		t.Errorf("the requester is asked to check %v, the approver %v", mine, theirs)
	}
	maria.get("/patients/" + mine[0]).want(200)

	few := planned(sam, registry.Inactive, ids[0], ids[1]).want(200, "Two to check", "under 1 %")
	if few.id("unusual") != nil {
		t.Error("two patients are called unusually many")
	}
	few = few.click("Continue: reason and checklist").press("submit", url.Values{"reason": {reason}, "checklist": engine.Checklist})
	few.want(200, "Two to check")
}
