package portal_test

import (
	"net/url"
	"strings"
	"testing"

	"bulkops/internal/registry"
)

// Who asks later learns which of the patients are in another operation, and so
// do those who decide, and whoever opens a patient.
func TestPatientsInTwoOperations(t *testing.T) {
	w := newWorld(t, 1000)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 150)
	first := submitted(planned(sam, registry.Hospitalized, ids[:130]...)).operation()
	w.settle()
	p := planned(sam, registry.Inactive, ids[10:]...).
		want(200, "Some of these patients are in another operation too", "120 patients: "+first, "Change status to Hospitalized; asked by Sam Okafor; waiting for approval")
	checkMarkup(t, p)
	listed := p.click("List these patients").want(200, "120 patients of "+p.operation()+" are also in "+first, ids[10])
	checkMarkup(t, listed)
	sam.get(listed.path+"?page=2").want(200, ids[129])
	sam.get(listed.path+"?page=99").want(200, ids[10])
	checkMarkup(t, p.click("Continue: reason and checklist").want(200, "120 patients: "+first))
	submitted(p)
	w.settle()
	for _, id := range []string{first, p.operation()} {
		checkMarkup(t, maria.get("/operations/"+id+"/decision").want(200, "Some of these patients are in another operation too", "120 patients: "))
	}
	page := sam.get("/patients/"+ids[0]).want(200, "A bulk operation is to change this patient: "+first)
	checkMarkup(t, page)
	sam.get("/patients/"+ids[20]).want(200, "Bulk operations are to change this patient:", first, p.operation())

	maria.get("/operations/"+first+"/decision").press("approve", nil).want(200)
	w.settle()
	if sam.get("/operations/"+p.operation()).id("overlap") != nil || sam.get("/patients/"+ids[0]).id("pending") != nil {
		t.Error("what has ended is still named")
	}
	sam.get(listed.path).want(404, "have no patient in common any more")
}

// An operation that somebody may not see is a number to them, also where it has
// the same patients.
func TestPatientsAlsoInAnOperationThatIsNotSeen(t *testing.T) {
	w := newWorld(t, 400)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 3)
	first := submitted(plannedAs(maria, "status-change", url.Values{"to": {"On Hold"}, "hold_reason": {"Insurance lapse"}}, ids...)).operation()
	w.settle()
	p := planned(sam, registry.Inactive, ids...).want(200, "3 patients: "+first+" (which you may not see; waiting for approval)")
	for _, q := range []*page{p, p.click("List these patients"), sam.get("/operations/" + p.operation() + "/submit"), sam.get("/patients/"+ids[0]).want(200, first)} {
		checkMarkup(t, q)
		if strings.Contains(q.body, "Insurance lapse") || strings.Contains(q.text(), "asked by "+w.people["maria"].Name) {
			t.Errorf("%s tells of %s", q.path, first)
		}
	}
}
