package portal_test

import (
	"net/url"
	"testing"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/registry"
)

// sentWith sends the plan of the page for approval, with further answers.
func sentWith(p *page, answers url.Values) *page {
	form := p.click("Continue: reason and checklist")
	answers.Set("reason", reason)
	answers["checklist"] = engine.Checklist
	return form.press("submit", answers)
}

// status is what is stored of a patient.
func status(w *world, id string) string {
	records, err := w.store.Records(w.t.Context(), []registry.Ref{registry.ProfileRef(id)})
	must(w.t, err)
	return records[registry.ProfileRef(id)].Get(registry.StatusField)
}

// inTwoDays is a start two days after the tests begin, in the time of the
// first facility.
var inTwoDays = url.Values{"start_date": {noon.AddDate(0, 0, 2).Format(time.DateOnly)}, "start_time": {"22:30"}}

func TestARunStartsAtTheTimeThatWasChosen(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	id := activeIn(w, "riverside", 1)[0]
	p := sentWith(planned(sam, registry.Hospitalized, id), inTwoDays).want(200, "Sent for approval", "it starts by itself", ", 22:30 (America/")
	op := p.operation()
	start := p.says("start")
	w.settle()
	maria.get("/operations/"+op+"/decision").want(200, start).press("approve", nil).want(200, "Approved", "It starts "+start)
	w.settle()
	checkMarkup(t, sam.get("/operations/"+op).want(200, "the run begins "+start, "Until then it can be taken back", "To begin at another time, choose Edit"))
	if got := status(w, id); got != "Active" {
		t.Errorf("the patient is %s before the start", got)
	}
	w.pass(3 * 24 * time.Hour)
	w.settle()
	w.signedIn("sam").get("/operations/"+op).want(200, "Completed", start)
	if got := status(w, id); got != "Hospitalized" {
		t.Errorf("the patient is %s after the start", got)
	}
}

func TestAnApproverTakesBackWhatWaitsForItsStart(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	id := activeIn(w, "riverside", 1)[0]
	op := sentWith(planned(sam, registry.Hospitalized, id), inTwoDays).want(200).operation()
	w.settle()
	p := maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	p.click("Take back").want(200, "Take this request back?", "does not run").press("confirm", nil).want(200, "Cancelled", "Taken back by Maria Duarte.")
	w.pass(3 * 24 * time.Hour)
	w.settle()
	w.signedIn("sam").get("/operations/"+op).want(200, "Cancelled")
	if got := status(w, id); got != "Active" {
		t.Errorf("the patient is %s", got)
	}
}

// A start is moved by a request that takes the place of the first.
func TestAnApprovedStartIsMovedByAnEdit(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	id := activeIn(w, "riverside", 1)[0]
	op := sentWith(planned(sam, registry.Hospitalized, id), inTwoDays).want(200).operation()
	w.settle()
	maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	maria.get("/operations/"+op).want(200, "Sam Okafor edits it")
	p := sam.get("/operations/"+op).click("Edit").press("confirm", nil).press("continue", nil)
	w.settle()
	p = sam.get(p.path)
	sentWith(p, url.Values{"start_date": {noon.AddDate(0, 0, 5).Format(time.DateOnly)}, "start_time": {"22:30"}}).want(200, "Sent for approval")
	w.settle()
	maria.get("/operations/"+p.operation()+"/decision").press("approve", nil).want(200)
	w.pass(3 * 24 * time.Hour)
	w.settle()
	w.signedIn("sam").get("/operations/"+op).want(200, "Cancelled", "Followed by")
	if got := status(w, id); got != "Active" {
		t.Errorf("the patient is %s at the first start", got)
	}
	w.pass(3 * 24 * time.Hour)
	w.settle()
	w.signedIn("sam").get("/operations/"+p.operation()).want(200, "Completed")
}

func TestAnApproverIsToldThatTheStartHasPassed(t *testing.T) {
	w := newWorld(t, 200)
	op := sentWith(planned(w.signedIn("sam"), registry.Hospitalized, activeIn(w, "riverside", 1)[0]), inTwoDays).want(200).operation()
	w.settle()
	w.pass(3 * 24 * time.Hour)
	w.signedIn("maria").get("/operations/"+op+"/decision").want(200, "has passed. If you approve it, it starts at once.").
		press("approve", nil).want(200, "That had passed when it was approved, so it began at once")
	w.settle()
	w.signedIn("sam").get("/operations/"+op).want(200, "Completed")
}

func TestWhatIsWrongWithTheStartOrTheStopStandsBesideIt(t *testing.T) {
	w := newWorld(t, 200)
	p := planned(w.signedIn("sam"), registry.Hospitalized, activeIn(w, "riverside", 1)[0])
	p = sentWith(p, url.Values{"start_date": {"2020-01-01"}, "start_time": {"02:30"}, "stop_percent": {"200"}}).
		want(422, "Choose a start that is still to come", "Write the percentage as a whole number from 1 to 100.")
	checkMarkup(t, p)
	if p.value("start_time") != "02:30" || p.value("stop_percent") != "200" || !has(p.id("stop-rule"), "open") {
		t.Error("what was typed is not shown again")
	}
	p.press("submit", url.Values{"start_date": nil, "start_time": nil, "stop_percent": {"20"}, "stop_after": {"10"}}).
		want(200, "At once after the approval", "When 20 % of at least 10 patients were skipped or failed")
}
