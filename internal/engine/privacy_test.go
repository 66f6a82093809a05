package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// A patient's name belongs into the plan, the results and the audit, and
// nowhere else. This takes an operation through its whole life, trouble
// included, and looks everywhere else for the name that every patient has.
func TestPatientDataStaysWhereItBelongs(t *testing.T) {
	c := newClinic(t)
	var spread []string // what leaves the places where patient data belongs
	leave := func(where string, v any) {
		text, err := json.Marshal(v)
		must(t, err)
		spread = append(spread, where+": "+string(text))
	}
	busy := map[string]int{"PutBatch": 1, "CommitGroup": 3, "Records": 1, "Send": 1, "Succeed": 1, "Update": 1}
	c.fault = func(call string, do func() error) error {
		if busy[call] > 0 {
			busy[call]--
			return errLost
		}
		return do()
	}

	c.admit(registry.Active, numbered(120), with(registry.Upcoming, "2026-12-20T15:00Z/V000"), with(registry.Address, canary+" Street"))
	r := asksFor(registry.Discharged, registry.Filter{Text: canary})
	r.Selection.Except = []string{"P050"}
	op, err := c.Request(t.Context(), ada, r)
	must(t, err)
	for range 4 {
		_ = c.Plan(t.Context(), op.ID)
	}
	c.wait(op.ID, engine.WaitReview, "t1")
	op = c.header(op.ID)
	leave("planned", op)
	op, err = c.Submit(t.Context(), ada, op.ID, submission(op))
	must(t, err)
	c.wait(op.ID, engine.WaitApprove, "t2")
	c.now = c.now.Add(c.Limits.RemindAfter)
	c.watch()
	c.now = c.now.Add(c.Limits.EscalateAfter)
	c.watch()
	for i, field := range []string{registry.Name, registry.LockedBy, registry.LockedWhy, registry.StatusField, registry.HoldReason} {
		c.byHand(fmt.Sprintf("P%03d", i+1), field, canary) // what a hand may write where it does not belong
	}
	_, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	leave("stale", fault.Sentence(err))
	stale, err := c.Stale(t.Context(), op)
	must(t, err)
	decision := approval(op)
	decision.Stale = stale
	op, err = c.Decide(t.Context(), grace, op.ID, decision)
	must(t, err)
	v, err := c.Verify(t.Context(), op.ID)
	must(t, err)
	leave("verified", v)
	_, _ = c.RunBatch(t.Context(), op.ID, 1)
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	leave("tally", tally)
	c.watch()
	_, err = c.Finish(t.Context(), op.ID, "Busy")
	must(t, err)

	op = c.header(op.ID)
	leave("header", op)
	events, err := c.store.Events(t.Context(), op.ID)
	must(t, err)
	leave("events", events)
	leave("mails", c.mails)
	leave("logs", c.logs)
	leave("answers", c.machine.answers)
	for _, text := range spread {
		if strings.Contains(text, canary) || strings.Contains(text, "P003") {
			t.Errorf("patient data in %s", text)
		}
	}
	if len(c.mails) < 5 || len(c.logs) < 2 || len(events) < 7 || op.Final.Skipped == 0 {
		t.Errorf("the test lost its reach: %d mails, %d logs, events %v, %+v", len(c.mails), len(c.logs), c.happened(op.ID), op.Final)
	}
	if !strings.Contains(fmt.Sprint(c.outcomes(op)), canary) {
		t.Error("not even the results have the name: the test looks for the wrong thing")
	}
}

// A mail names the operation, its kind and its size, and carries a link that
// only its receiver can use after signing in.
func TestAnApprovalMail(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1200))
	op := c.planned(asks(registry.OnHold, numbered(1200)...))
	op, err := c.Submit(t.Context(), ada, op.ID, submission(op))
	must(t, err)
	c.wait(op.ID, engine.WaitApprove, "token-secret")
	want := strings.Join([]string{
		"Dear Grace Manages,",
		"",
		"Ada Asks asks you to decide on a bulk operation.",
		"",
		"Operation:     " + op.ID,
		"Type:          Status Change",
		"Patients:      1,200",
		"Asked for:     1 Dec 2026, 12:00 UTC",
		"Decide before: 8 Dec 2026, 12:00 UTC",
		"",
		"Read the plan and decide:",
		"https://portal.example/approvals/secret-2",
		"",
		"Opening the link decides nothing. You sign in, read the plan, and then approve or reject it.",
		"",
	}, "\n")
	equal(t, "text", c.mails[0].Text, want)
	if strings.Contains(c.mails[0].HTML, "token-secret") || !strings.Contains(c.mails[0].HTML, `href="https://portal.example/approvals/secret-2"`) {
		t.Errorf("html: %s", c.mails[0].HTML)
	}
}

func TestAResultMail(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.started(asks(registry.OnHold, numbered(2)...))
	c.byHand("P001", registry.StatusField, "Hospitalized")
	c.now = noon.Add(time.Minute)
	op = c.finish(op)
	mail := c.mails[len(c.mails)-1]
	equal(t, "to", mail.To, ada.Email)
	for _, line := range []string{"State:         Completed with errors", "Patients:      2", "Decided by:    Grace Manages",
		"Result:        1 done, 1 skipped, 0 failed, 0 not attempted", "https://portal.example/operations/" + op.ID} {
		if !strings.Contains(mail.Text, line) {
			t.Errorf("%q is missing in:\n%s", line, mail.Text)
		}
	}
}

// Names of staff come from people, too.
func TestMailsEscapeWhatPeopleTyped(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	hostile := ada
	hostile.Name = `<img src=x onerror="alert(1)">`
	must(t, c.store.PutPerson(t.Context(), hostile))
	op, err := c.Request(t.Context(), hostile, asks(registry.OnHold, "P001"))
	must(t, err)
	must(t, c.Plan(t.Context(), op.ID))
	op = c.header(op.ID)
	_, err = c.Submit(t.Context(), hostile, op.ID, submission(op))
	must(t, err)
	c.wait(op.ID, engine.WaitApprove, "token")
	if mail := c.mails[0]; strings.Contains(mail.HTML, "<img") || !strings.Contains(mail.HTML, "&lt;img") {
		t.Errorf("html: %s", mail.HTML)
	}
}
