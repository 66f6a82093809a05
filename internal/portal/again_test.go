package portal_test

import (
	"strconv"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// ended takes two Active patients of Riverside to Hospitalized; the first is
// changed by hand before the run, so one is done and one is skipped.
func ended(t *testing.T, w *world, sam *browser) (op string, skipped, done string) {
	ids := activeIn(w, "riverside", 2)
	p := planned(sam, registry.Hospitalized, ids...)
	op = p.operation()
	submitted(p)
	w.settle()
	w.signedIn("maria").get("/operations/"+op+"/decision").press("approve", nil).want(200)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.StatusField: "On Hold"}, "Rita", noon))
	w.settle()
	return op, ids[0], ids[1]
}

func TestRollingBackFromTheResults(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	op, _, done := ended(t, w, sam)
	p := sam.get("/operations/"+op).click("Roll back").want(200, "Roll this operation back?", "the same approval is needed")
	twice := p
	p = p.press("confirm", nil).want(200, "Planning", "Undo "+op)
	if again := twice.press("confirm", nil); again.path != p.path {
		t.Errorf("the form sent twice makes %s and %s", p.path, again.path)
	}
	w.settle()
	p = sam.get(p.path).want(200, "Hospitalized", "Active", "Rollback of", op)
	back := p.operation()
	submitted(p)
	w.settle()
	w.signedIn("maria").get("/operations/"+back+"/decision").want(200, "Approve 1 restoration").press("approve", nil).want(200)
	w.settle()
	sam.get("/operations/"+back).want(200, "Completed")
	records, err := w.store.Records(t.Context(), []registry.Ref{registry.ProfileRef(done)})
	must(t, err)
	if got := records[registry.ProfileRef(done)].Get(registry.StatusField); got != "Active" {
		t.Errorf("the status is %s", got)
	}
	sam.get("/operations/"+op).want(200, "Followed by", back, "rollback")
}

// The plan of a rollback says of everybody what becomes of them, and of those
// left alone who changed them and when.
func TestARollbackIsReadInThreeGroups(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 4)
	op := submitted(planned(sam, registry.Hospitalized, ids...)).operation()
	w.settle()
	w.signedIn("maria").get("/operations/"+op+"/decision").press("approve", nil).want(200)
	w.settle()
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.StatusField: "Active"}, "Rita", noon.Add(time.Hour)))
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[1]), registry.Fields{registry.LockedBy: "Rita"}, "Rita", noon))
	p := sam.get("/operations/"+op).click("Roll back").press("confirm", nil)
	w.settle()
	p = sam.get(p.path).want(200, "2 patients will be restored", "1 changed since, left alone", "1 cannot be undone",
		"Changed since, left alone: 1", "by Rita, 1 Dec 2026, 13:00 UTC", "Cannot be undone: 1", "The record is locked by Rita.", "Will be restored: old and new values")
	checkMarkup(t, p)
	submitted(p)
	w.settle()
	checkMarkup(t, w.signedIn("maria").get("/operations/"+p.operation()+"/decision").want(200, "2 patients will be restored", "Changed since, left alone: 1"))
}

func TestRunningAgainFromTheResults(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	op, skipped, _ := ended(t, w, sam)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(skipped), registry.Fields{registry.StatusField: "Active"}, "Rita", noon))
	p := sam.get("/operations/"+op).want(200, "Changed since the preview: 1").press("run-again", nil)
	w.settle()
	p = sam.get(p.path).want(200, "Ready to submit", "Rerun of", skipped)
	if got := p.says("changes-count"); got != strconv.Itoa(1) {
		t.Errorf("it changes %s", got)
	}
	if follow := w.header(t, op).Follow; len(follow) != 1 || follow[0].As != bulk.Rerun {
		t.Errorf("the first operation leads to %v", follow)
	}
	next := p.operation()
	again := sam.get("/operations/"+op).want(200, "It is run again as", next)
	checkMarkup(t, again)
	if again.id("run-again") != nil {
		t.Error("it can be run again beside its rerun")
	}
	sam.get("/operations/"+op+"/rerun").want(200, "It has moved on", "It is run again as")
	sam.get("/operations/"+next+"/take-back").press("confirm", nil)
	if again = sam.get("/operations/"+op).want(200, "Run again for those ticked"); again.id("run-again-as") != nil {
		t.Error("it says that it is run again as what was taken back")
	}
}
