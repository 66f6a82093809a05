package portal_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/html"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// A request goes from Maria to Jonas: Maria sees who has it, and Jonas gets it.
func TestARequestIsHandedOn(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria, jonas := w.signedIn("sam"), w.signedIn("maria"), w.signedIn("jonas")
	op := submitted(planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...)).operation()
	w.settle()

	p := maria.get("/approvals").want(200, "1 request waits for your decision", "you, Jonas Weber")
	form := p.click("Change status to Inactive").want(200, "Waits for Maria Duarte, Jonas Weber").click("Ask another approver").want(200, "Maria Duarte (you)", "Jonas WeberManager; asked already")
	checkMarkup(t, form)
	checkMarkup(t, form.press("confirm", nil).want(422, "Choose one of those who may decide on this request."))
	mails := len(w.mails)
	p = form.press("confirm", url.Values{"to": {"sub-jonas"}}).want(200, "The request was handed on", "Handed on to Jonas Weber by Maria Duarte", "Reassigned")
	if p.path != "/operations/"+op+"?note=reassigned" || len(w.mails) != mails+1 || w.mails[mails].To != "jonas.manager@example.org" {
		t.Errorf("at %s, mails %v", p.path, w.mails[mails:])
	}

	maria.get("/approvals").want(200, "No request waits for your decision", "Handed on", "Jonas Weber has it; Maria Duarte handed it on")
	checkMarkup(t, maria.get("/approvals"))
	maria.get("/operations/"+op+"/decision").want(200, "Jonas Weber has this request now")
	link := w.linkTo(t, "jonas.manager@example.org")
	jonas.get(link).want(200, "Handed on to Jonas Weber").press("reject", url.Values{"comment": {"Not this week."}}).want(200, "Your rejection is recorded")
	maria.get("/approvals").want(200, "No request waits for your decision")
	if p := maria.get("/operations/" + op + "/reassign"); p.path != "/operations/"+op+"?note=moved-on" {
		t.Errorf("after the decision: %s", p.path)
	}
}

// The requester may hand it on too; what they are offered holds nobody who may
// not decide.
func TestARequesterAsksAnotherApprover(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	op := submitted(planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...)).click("Ask another approver")
	var offered []string
	for _, n := range all(op.doc, func(n *html.Node) bool { return attr(n, "name") == "to" }) {
		offered = append(offered, attr(n, "value"))
	}
	if want := []string{"sub-maria", "sub-jonas", "sub-priya", "sub-ida"}; !slices.Equal(offered, want) {
		t.Errorf("offered %v, want %v", offered, want)
	}
	op.press("confirm", url.Values{"to": {"sub-ida"}}).want(200, "Asked by mail: Ida Admin-Castro.")
	if n := find(w.signedIn("ida").get("/").doc, func(n *html.Node) bool { return attr(n, "id") == "approvals-count" }); n == nil || squeeze(text(n)) != "1 waiting for you" {
		t.Error("the menu of whom it waits for does not count it")
	}
}

// The page claims that everybody was asked only where that is so.
func TestWhoWasAskedWhenNobodyAnswered(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 4)
	page := func(ids []string) string {
		return "/operations/" + submitted(planned(sam, registry.Inactive, ids...)).operation()
	}
	few := page(ids[:2])
	sam.get(few).want(200, "Others are asked if they do not answer.")
	w.pass(48 * time.Hour)
	_, err := w.engine.Watch(t.Context())
	must(t, err)
	sam = w.signedIn("sam")
	sam.get(few).want(200, "Everybody who may decide has been asked.")

	for n := range 8 { // besides four
		must(t, w.store.PutPerson(t.Context(), staff.Person{Sub: fmt.Sprint("sub-", n), Name: fmt.Sprint("Manager ", n),
			Email: fmt.Sprint(n, "@example.org"), Role: staff.Manager, Facilities: []string{"riverside"}}))
	}
	many := page(ids[2:])
	w.pass(48 * time.Hour)
	_, err = w.engine.Watch(t.Context())
	must(t, err)
	w.signedIn("sam").get(many).want(200, "2 others may decide too, and find it under Approvals.")
}

// Maria goes away; Jonas decides in her place, and the queue says for whom.
func TestADelegateDecides(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria, ida := w.signedIn("sam"), w.signedIn("maria"), w.signedIn("ida")
	form := maria.get("/approvals").click("Going away?").want(200, "When are you away?", "Ida Admin-Castro", "Jonas Weber")
	checkMarkup(t, form)
	checkMarkup(t, form.press("save", nil).want(422, "Enter the first day that you are away.", "Enter the last day that you are away."))
	checkMarkup(t, form.press("save", url.Values{"from": {"2026-12-05"}, "until": {"2026-12-01"}, "delegate": {"sub-theo"}}).want(422,
		"The last day is before the first. Swap them, or correct one.", "Choose one of those who could decide in your place"))
	saved := form.press("save", url.Values{"from": {"2026-12-01"}, "until": {"2026-12-05"}, "delegate": {"sub-ida"}}).want(200,
		"Your absence is recorded", "You are away until 5 Dec 2026", "Ida Admin-Castro decides in your place")
	checkMarkup(t, saved)
	if saved.path != "/away?note=away" || w.mails[len(w.mails)-1].To != "ida.admin@example.org" {
		t.Errorf("at %s, the last mail to %s", saved.path, w.mails[len(w.mails)-1].To)
	}

	op := submitted(planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...)).want(200, "Asked by mail: Maria Duarte, Jonas Weber, Ida Admin-Castro for Maria Duarte").operation()
	w.settle()
	ida.get("/approvals").want(200, "Maria Duarte, Jonas Weber, you for Maria Duarte")
	checkMarkup(t, ida.get("/away").want(200, "Maria DuarteManager; not for"))
	maria.get("/operations/"+op+"/reassign").want(200, "Maria Duarte (you)Manager; asked already; away until 5 Dec 2026")
	ida.get(w.linkTo(t, "ida.admin@example.org")).press("approve", nil).want(200, "Success", "Delegated", "Ida Admin-Castro for Maria Duarte")

	back := maria.get("/away").press("back", nil).want(200, "Your absence is no longer recorded", "When are you away?")
	if back.id("away-now") != nil {
		t.Error("the page says that she is away")
	}
}

// Where nobody may decide, the page says so before anything is sent, and whom
// to ask.
func TestARequestThatNobodyMayDecideOnCannotBeSent(t *testing.T) {
	w := newWorld(t, 200)
	for _, name := range []string{"maria", "jonas", "priya", "ida"} {
		p := w.people[name]
		p.Facilities = []string{"mesa"}
		must(t, w.store.PutPerson(t.Context(), p))
	}
	sam := w.signedIn("sam")
	plan := planned(sam, registry.Inactive, activeIn(w, "riverside", 2)...).want(200, "nobody may, so it cannot be sent; ask an administrator")
	form := plan.click("Continue: reason and checklist").want(200, "Nobody may approve this operation: it needs a Manager, other than you", "Ask an administrator (Ida Admin-Castro)")
	form.press("submit", url.Values{"reason": {reason}, "checklist": engine.Checklist}).want(403, "Nobody may approve this operation", "Ask an administrator (Ida Admin-Castro)")
	if op, err := w.store.Operation(t.Context(), plan.operation()); err != nil || op.State != bulk.Ready {
		t.Errorf("it is %s, %v", op.State, err)
	}
}
