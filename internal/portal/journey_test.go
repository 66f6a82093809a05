package portal_test

import (
	"encoding/csv"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

const reason = "The contract with this facility ends on 31 December."

// planned asks for a status change of the ids and returns the page of its plan.
func planned(b *browser, to registry.Status, ids ...string) *page {
	b.t.Helper()
	return plannedAs(b, kind.StatusChange.Name, url.Values{"to": {string(to)}}, ids...)
}

// plannedAs asks for an operation of any kind.
func plannedAs(b *browser, kind string, answers url.Values, ids ...string) *page {
	b.t.Helper()
	p := whatPage(b, kind, ids...).press("continue", answers).want(200, "Planning")
	b.w.settle()
	return b.get(p.path)
}

// whatPage is the form of a kind for the patients.
func whatPage(b *browser, kind string, ids ...string) *page {
	b.t.Helper()
	p := b.get("/operations/new/"+kind).press("continue", url.Values{"way": {"paste"}}).want(200, "Paste the patient ids")
	return p.press("continue", url.Values{"ids": {strings.Join(ids, "\n")}}).want(200, "Make the plan")
}

// submitted sends the plan for approval and returns the operation's page.
func submitted(p *page) *page {
	p.b.t.Helper()
	form := p.click("Continue: reason and checklist")
	number := regexp.MustCompile(`\d[\d,]*`).FindString(form.says("submit"))
	op, err := p.b.w.store.Operation(p.b.w.t.Context(), p.operation())
	must(p.b.t, err)
	return form.press("submit", url.Values{"reason": {reason}, "checklist": engine.ChecklistOf(op), "typed": {number}}).want(200, "Sent for approval")
}

// operationOf is the id of the operation that the page is about.
func (p *page) operation() string { return p.says("operation-id") }

// activeIn returns ids of a facility's patients who are Active and not locked.
func activeIn(w *world, facility string, most int) (ids []string) {
	for id, err := range w.store.PatientIDs(w.t.Context(), facility) {
		must(w.t, err)
		found, _ := w.store.Patients(w.t.Context(), []string{id})
		if p := found[id]; p.Status() == registry.Active && p.LockedBy() == "" && len(ids) < most {
			ids = append(ids, id)
		}
	}
	return ids
}

// The main job of the product, by two people, without JavaScript.
func TestTheMainJob(t *testing.T) {
	w := newWorld(t, 1000)
	sam := w.signedIn("sam")

	// Who: everybody who is Active at Riverside, but one.
	p := sam.get("/patients").want(200, "patients match")
	p = p.press("apply", url.Values{"status": {"Active"}}).want(200, "Status: Active", "None selected")
	p = p.press("select-all", nil)
	matching, _ := strconv.Atoi(strings.Fields(p.says("selection-text"))[0])
	if matching < 100 {
		t.Fatalf("the selection says %q", p.says("selection-text"))
	}
	ticks := controls(p.id("patients"))["tick"]
	p = p.press("bulk-operations", url.Values{"tick": ticks[1:]})
	p.want(200, "What do you want to do?", "All that match the filter: "+strconv.Itoa(matching)+" patients", "1 left out")

	// What.
	p = p.click("Status Change").want(200, "What should be changed?")
	p = p.press("continue", url.Values{"to": {"Discharged"}}).want(200, "Planning", "Nothing has been changed")
	w.settle()

	// The plan.
	p = sam.get(p.path).want(200, "Ready to submit", "Active", "Discharged", "Record locked", "Will be asked to approve: Maria Duarte")
	op := p.operation()
	changes, _ := strconv.Atoi(p.says("changes-count"))
	excluded, _ := strconv.Atoi(p.says("excluded-count"))
	if changes+excluded != matching-1 {
		t.Errorf("%d changes and %d left out do not make %d", changes, excluded, matching-1)
	}
	if rows := all(p.id("plan"), isRow); len(rows) != 100+1 {
		t.Errorf("the first batch shows %d rows", len(rows)-1)
	}
	p.click("2").want(200, "Batch 2 of")
	if strings.Contains(p.body, `>`+ticks[0]+`<`) {
		t.Error("the patient who was left out is in the plan")
	}

	// Reason, checklist, number.
	form := p.click("Continue: reason and checklist").want(200, "Check and send for approval")
	if want := "Send " + strconv.Itoa(changes) + " status changes for approval"; form.says("submit") != want {
		t.Errorf("the button says %q, want %q", form.says("submit"), want)
	}
	bad := form.press("submit", url.Values{"reason": {"short"}, "typed": {"1"}})
	bad.want(422, "There is a problem", "at least 10 characters", "Tick every item", "Type the number of patients")
	if !strings.HasPrefix(bad.title(), "Error: ") || bad.value("reason") != "short" || bad.value("typed") != "1" {
		t.Error("what was typed is not kept, or the title says nothing")
	}
	sent := url.Values{"reason": {reason}, "checklist": engine.Checklist, "typed": {strconv.Itoa(changes)}}
	p = bad.press("submit", sent).want(200, "Sent for approval: "+op, "Asked by mail: Maria Duarte", "They decide before 8 Dec 2026, 12:00 UTC")
	again := bad.press("submit", sent) // the button pressed twice
	if again.path != p.path || len(eventsOf(w, op, "submitted")) != 1 {
		t.Errorf("the second press leads to %s", again.path)
	}

	// The mail, and the approver.
	w.settle()
	link := w.linkTo(t, "maria.manager@example.org")
	maria := w.browser()
	p = maria.back(maria.get(link), "maria").want(200, "Your decision", reason, "Active", "Discharged")
	if p.path != link || p.says("approvals-count") != "1 waiting for you" {
		t.Errorf("after the sign-in: %s, count %q", p.path, p.says("approvals-count"))
	}
	if digest := w.header(t, op).Plan.Digest; !strings.Contains(p.text(), bulk.Speak(digest)) {
		t.Error("the approver's page does not name the plan's digest")
	}
	p.press("reject", nil).want(422, "Write why you reject it")
	p.press("approve", url.Values{"comment": {"Agreed."}}).want(200, "Success", "Approved")

	// The run, watched.
	w.machine.step(t.Context()) // the answer reaches the machine: verify
	w.machine.step(t.Context()) // the first batch
	p = sam.get("/operations/"+op).want(200, "Running")
	if p.says("processed") != "100" || p.says("remaining") != strconv.Itoa(changes-100) || p.says("errors") != "0" || p.id("to-stop") == nil {
		t.Errorf("processed %s, remaining %s, errors %s", p.says("processed"), p.says("remaining"), p.says("errors"))
	}
	if !strings.Contains(p.body, `id="look-again"`) {
		t.Error("without a script there is no way to look again")
	}
	// The numbers that are renewed all the time are in nothing that is read aloud.
	if told := p.id("progress-told"); attr(told, "role") != "status" || text(told) != "" || within(told, "progress") ||
		find(p.id("progress"), func(n *html.Node) bool { return has(n, "role") || has(n, "aria-live") }) != nil {
		t.Error("what the script renews is read aloud each time, or nothing is")
	}
	part := sam.get("/operations/" + op + "/progress")
	if part.header.Get("Bulkops-State") != "running" || part.says("processed") != "100" || find(part.doc, isTag("title")) != nil {
		t.Errorf("the script gets:\n%s", part.body)
	}
	w.settle()

	// The result, as page, file and audit record.
	p = sam.get("/operations/"+op).want(200, "Completed", "Every patient in the plan was changed")
	if p.says("done") != strconv.Itoa(changes) || p.says("remaining") != "0" || strings.Contains(p.body, `id="look-again"`) {
		t.Errorf("done %s of %d", p.says("done"), changes)
	}
	file := p.click("Download all outcomes (CSV)")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff"))).ReadAll()
	must(t, err)
	if len(rows) != 1+changes+excluded || file.header.Get("Content-Disposition") != `attachment; filename="`+op+`-outcomes.csv"` {
		t.Errorf("the file has %d rows", len(rows))
	}
	record := sam.get("/operations/"+op+"/audit").want(200, "Timestamp", "Operator", "Sam Okafor", "Approver", "Maria Duarte", "Operation type", "Status Change",
		"Patients affected", strconv.Itoa(changes)+"; listed below", "Old values", "New values", "Reason", reason)
	if record.id("still-written") != nil {
		t.Error("the complete record is said to be still being written")
	}
	sam.get("/patients/"+firstPatient(record)).want(200, "Discharged", op, "Sam Okafor", "approved by Maria Duarte")
}

func isRow(n *html.Node) bool { return n.Data == "tr" }
func isTag(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

func firstPatient(audit *page) string {
	return squeeze(text(find(audit.id("audit-changes"), func(n *html.Node) bool { return n.Data == "th" && attr(n, "scope") == "row" })))
}

func eventsOf(w *world, op, what string) (found []bulk.Event) {
	events, err := w.store.Events(w.t.Context(), op)
	must(w.t, err)
	return slices.DeleteFunc(events, func(e bulk.Event) bool { return e.What != what })
}

func (w *world) header(t *testing.T, op string) bulk.Operation {
	t.Helper()
	o, err := w.store.Operation(t.Context(), op)
	must(t, err)
	return o
}

// linkTo returns the path of the link in the last mail to somebody.
func (w *world) linkTo(t *testing.T, address string) string {
	t.Helper()
	for _, m := range slices.Backward(w.mails) {
		if m.To == address {
			_, rest, _ := strings.Cut(m.Text, portalURL)
			path, _, _ := strings.Cut(rest, "\n")
			return path
		}
	}
	t.Fatalf("no mail to %s", address)
	return ""
}

func TestPatientsByUpload(t *testing.T) {
	w := newWorld(t, 200)
	ids := activeIn(w, "riverside", 3)
	sam := w.signedIn("sam")
	p := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"upload"}}).want(200, "Upload a CSV file")
	p.press("continue", nil).want(422, "Choose a CSV file with patient ids.")
	p.pressWith("continue", nil, &upload{"a.csv", "name\nBo\n"}).want(422, "There is a problem")
	content := "Patient ID;Name\n" + ids[0] + ";x\n" + ids[1] + ";y\n999999;z\n" + ids[0] + ";again\n"
	p = p.pressWith("continue", nil, &upload{"../../a.csv", content}).want(200, "3 patient ids from the uploaded file", "1 id was listed more than once")
	p = p.press("continue", url.Values{"to": {"Hospitalized"}})
	w.settle()
	sam.get(p.path).want(200, "2 patients to change", "No patient with this id: 1", "Row in your file", "uploaded CSV file")
	// The same file again says so.
	p = sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"upload"}})
	p.pressWith("continue", nil, &upload{"b.csv", content}).want(200, "This file was already used: "+w.last(t, "sam"))
}

func (w *world) last(t *testing.T, name string) string {
	t.Helper()
	ops, err := w.engine.Mine(t.Context(), w.people[name], 1)
	must(t, err)
	if len(ops) == 0 {
		return ""
	}
	return ops[0].ID
}

func TestPatientsByFilterOfTheForm(t *testing.T) {
	w := newWorld(t, 400)
	sam := w.signedIn("sam")
	p := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"filter"}}).want(200, "Which patients?")
	p.press("continue", url.Values{"registered_from": {"tomorrow"}}).want(422, "Write the date as year-month-day")
	p.press("continue", url.Values{"registered_from": {"2026-02-01"}, "registered_to": {"2026-01-01"}}).want(422, "the last day is before the first. Swap them")
	p.press("continue", url.Values{"facility": {"lakeside"}}).want(422, "Choose among your own facilities")
	p.press("continue", url.Values{"tag": {"no-such-tag"}}).want(422, "No patient of your facilities matches")
	p = p.press("continue", url.Values{"status": {"On Hold"}}).want(200, "Status: On Hold")
	back := p.click("Change")
	if n := back.id("status-2"); n == nil || !has(n, "checked") {
		t.Error("going back does not keep the answers")
	}
	p = p.press("continue", url.Values{"to": {"Active"}})
	w.settle()
	sam.get(p.path).want(200, "Ready to submit", "status On Hold")
}

// A later step's address without the earlier answers leads to the first that is
// missing.
func TestAStepWithoutThoseBeforeIt(t *testing.T) {
	w := newWorld(t, 20)
	sam := w.signedIn("sam")
	p := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"paste"}})
	if got := sam.get(strings.Replace(p.path, "/who", "/what", 1)); got.path != p.path {
		t.Errorf("leads to %s, want %s", got.path, p.path)
	}
	w.signedIn("ana").get(p.path).want(404, "no longer kept")
}

// The same answers are one operation; going back and answering differently is
// another.
func TestADraftMakesOneOperation(t *testing.T) {
	w := newWorld(t, 100)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 4)
	p := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"paste"}})
	what := p.press("continue", url.Values{"ids": {strings.Join(ids, " ")}})
	first := what.press("continue", url.Values{"to": {"Hospitalized"}})
	again := what.press("continue", url.Values{"to": {"Hospitalized"}})
	if first.operation() != again.operation() {
		t.Errorf("the same form twice makes %s and %s", first.operation(), again.operation())
	}
	sam.get(what.path).want(200, "From these answers "+first.operation()+" was made")
	if other := what.press("continue", url.Values{"to": {"Inactive"}}); other.operation() == first.operation() {
		t.Error("other answers lead to the operation of the former ones")
	}
}

func TestNobodyCanBeChanged(t *testing.T) {
	w := newWorld(t, 50)
	sam := w.signedIn("sam")
	p := planned(sam, registry.Active, "no-such-1", "no-such-2").want(200, "there is nothing to approve", "No patient with this id: 2")
	if p.id("to-submit") != nil {
		t.Error("nothing can be sent for approval")
	}
	if got := sam.get(p.path + "/submit"); got.path != p.path {
		t.Errorf("the form is at %s", got.path)
	}
}

func TestTakingARequestBack(t *testing.T) {
	w := newWorld(t, 100)
	sam := w.signedIn("sam")
	p := submitted(planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...))
	p = p.click("Take back").want(200, "Take this request back?")
	if w.header(t, strings.Split(p.path, "/")[2]).State != bulk.AwaitingApproval {
		t.Fatal("opening the page took it back")
	}
	p.press("confirm", nil).want(200, "Cancelled", "taken back")
	p.press("confirm", nil).want(200, "Cancelled") // twice
}

func TestStoppingARun(t *testing.T) {
	w := newWorld(t, 1000)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	p := submitted(planned(sam, registry.Inactive, activeIn(w, "riverside", 150)...))
	op := p.operation()
	w.settle()
	maria.get("/operations/"+op+"/decision").press("approve", nil).want(200, "Approved")
	w.machine.step(t.Context())
	w.machine.step(t.Context())
	p = sam.get("/operations/"+op).click("Stop").want(200, "Stop this operation?")
	p.press("confirm", nil).want(200, "Stopping")
	w.settle()
	p = sam.get("/operations/"+op).want(200, "Stopped by Sam Okafor", "Not attempted: 50")
	p.click("List them: Not attempted").want(200, "No batch got to this patient")
}

// What the approver sees changes when patients have changed, before they act.
func TestAStalePlan(t *testing.T) {
	w := newWorld(t, 100)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 3)
	op := submitted(planned(sam, registry.Hospitalized, ids...)).operation()
	w.settle()
	open := maria.get("/operations/"+op+"/decision").want(200, "Your decision")
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.StatusField: "Inactive"}, "Rita", noon))
	open.press("approve", nil).want(409, "1 patient has changed since this plan was made. They would be skipped", "1 patient has changed since this plan was made")
	now := maria.get("/operations/"+op+"/decision").want(200, "1 patient has changed since this plan was made", "They would be skipped")
	now.press("approve", nil).want(200, "Success")
	w.settle()
	sam.get("/operations/"+op).want(200, "Completed with errors", "Changed since the preview: 1").
		click("List them: Changed since the preview").want(200, "Changed since the preview by Rita")
}

// A link that somebody else wrote cannot make a page say what is not so.
func TestANoteIsShownOnlyWhereItIsTrue(t *testing.T) {
	w := newWorld(t, 100)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	op := submitted(planned(sam, registry.Hospitalized, activeIn(w, "riverside", 2)...)).operation()
	w.settle()
	for _, at := range []string{"/operations/" + op, "/away"} {
		for _, note := range []string{"approved", "rejected", "reassigned", "away", "taken-back", "stopping", "task-given", "task-done", "task-reopened"} {
			if p := maria.get(at + "?note=" + note); p.status != 200 || p.id("banner") != nil {
				t.Errorf("%s says %q", at, p.says("banner"))
			}
		}
	}
	maria.get("/operations/"+op+"/decision").press("approve", nil).want(200, "Your approval is recorded")
	if p := sam.get("/operations/" + op + "?note=approved"); p.id("banner") != nil {
		t.Errorf("the requester reads %q", p.says("banner"))
	}
}

// Late, double, foreign and self decisions change nothing and show the truth.
func TestDecisionsThatDoNotCount(t *testing.T) {
	w := newWorld(t, 100)
	sam, maria, jonas := w.signedIn("sam"), w.signedIn("maria"), w.signedIn("jonas")
	op := submitted(planned(sam, registry.Hospitalized, activeIn(w, "riverside", 2)...)).operation()
	w.settle()
	late := jonas.get("/operations/"+op+"/decision").want(200, "Your decision")
	maria.get("/operations/"+op+"/decision").press("reject", url.Values{"comment": {"Not these patients."}}).want(200, "Success")
	late.press("approve", nil).want(409, "Maria Duarte rejected this operation", "Your decision was not recorded")
	jonas.get("/operations/"+op+"/decision").want(200, "There is nothing to decide any more", "Maria Duarte rejected")
	sam.get("/operations/"+op).want(200, "Rejected", "Not these patients.")

	// One's own request.
	own := submitted(planned(maria, registry.Hospitalized, activeIn(w, "riverside", 1)...)).operation()
	w.settle()
	p := maria.get("/operations/"+own+"/decision").want(200, "You cannot decide on this request", "You asked for this operation yourself")
	if p.id("approve") != nil {
		t.Error("the requester is offered the decision")
	}
	token := attr(find(p.doc, func(n *html.Node) bool { return attr(n, "name") == "form_token" }), "value")
	maria.post("/operations/"+own+"/decision", url.Values{"form_token": {token}, "verdict": {"approved"}, "digest": {w.header(t, own).Plan.Digest}, "stale": {"0"}}).
		want(403, "You asked for this operation yourself")
	if w.header(t, own).State != bulk.AwaitingApproval {
		t.Error("a self-approval counted")
	}
	// Another's link.
	jonas.get(w.linkTo(t, "priya.manager@example.org")).want(404, "This link is not for you")
}
