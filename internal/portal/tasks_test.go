package portal_test

import (
	"net/url"
	"strings"
	"testing"
)

// After a transfer the people of both facilities share its tasks: each is given
// to somebody, ticked by whoever did it, and kept in the history.
func TestTasksOfATransferAreSharedAndTicked(t *testing.T) {
	w := newWorld(t, 300)
	ana, jonas, omar := w.signedIn("ana"), w.signedIn("jonas"), w.signedIn("omar")
	ids := activeIn(w, "riverside", 3)
	op := submitted(asked(ana, "facility-transfer", url.Values{"to": {"islands"}, "provider": {"later"}, "visits": {"cancel"}}, ids...)).operation()
	w.settle()
	if strings.Contains(ana.get("/operations/"+op).text(), "Tasks after the run") {
		t.Error("there are tasks before it has run")
	}
	ana.get("/operations/"+op+"/tasks").want(200, "Waiting for approval") // leads to the operation
	jonas.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	w.settle()

	page := ana.get("/operations/"+op).want(200, "Tasks after the run: 6 open", "Pharmacies and records are told", "Given to nobody yet.")
	checkMarkup(t, page)
	page = page.press("give-records", url.Values{"to": {w.people["jonas"].Sub}}).want(200, "It is recorded whose task it is.", "Given to "+w.people["jonas"].Name)
	checkMarkup(t, page)
	checkMarkup(t, page.press("give-sample", url.Values{"to": {"sub-of-nobody"}}).want(422, "This task cannot be given to that person"))
	checkMarkup(t, page.press("give-sample", nil).want(422, "Choose who gets this task."))
	checkMarkup(t, page.press("give-sample", url.Values{"act": {"burn"}}).want(422, "Choose what to do with a task"))

	page.press("give-records", url.Values{"to": {""}}).want(200, "Pharmacies and records are told Tell the patients’ pharmacies and whoever keeps their paper records where they are now. Given to nobody yet.").
		press("give-records", url.Values{"to": {w.people["jonas"].Sub}}).want(200)

	home := jonas.get("/").want(200, "Tasks given to you: 1", op)
	checkMarkup(t, home)
	mine := jonas.get("/operations/" + op + "/tasks")
	checkMarkup(t, mine.want(200, "Tasks after "+op))
	jonas.get("/operations/"+op).press("done-records", nil).want(200, "The task is ticked, with your name and the time.",
		"Tasks after the run: 5 open", "Done by "+w.people["jonas"].Name)
	jonas.get("/operations/"+op).want(200, "Task done", "Task given")
	if strings.Contains(jonas.get("/").text(), "Tasks given to you") {
		t.Error("a ticked task still waits")
	}
	checkMarkup(t, page.press("done-records", nil).want(409, w.people["jonas"].Name+" ticked “Pharmacies and records are told” at"))
	ana.get("/operations/"+op).press("reopen-records", nil).want(200, "The task is open again.", "6 open")

	// An auditor reads it, and changes nothing.
	seen := omar.get("/operations/"+op).want(200, "You may read how far people are with it.")
	if seen.id("give-records") != nil || seen.id("done-records") != nil {
		t.Error("an auditor is offered to see to a task")
	}

	// Those who wait for a provider are on a list of their own.
	checkMarkup(t, ana.get("/patients").want(200, "Patients without a provider"))
	list := ana.get("/patients/without-provider").want(200, "Patients without a provider", "These patients wait for a provider", ids[0], "Provider: nobody yet")
	checkMarkup(t, list)
	list.press("select-all", nil).want(200, "Patients without a provider").press("bulk-operations", nil).want(200, "Provider Reassignment")
}
