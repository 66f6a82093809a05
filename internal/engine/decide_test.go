package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestAnApprovalIsRecordedAndTold(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	r := approval(op)
	r.Comment = " Agreed. "
	c.now = noon.Add(time.Hour)
	op, err := c.Decide(t.Context(), grace, op.ID, r)
	must(t, err)
	equal(t, "state", op.State, bulk.Scheduled)
	equal(t, "decision", *op.Decision, bulk.Decision{Verdict: bulk.Approve, By: bulk.Person{Sub: grace.Sub, Name: grace.Name, Email: grace.Email},
		At: c.now, Comment: "Agreed.", Digest: op.Plan.Digest})
	list(t, "told", c.sent("Approved: "+op.ID), ada.Email)
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "approved")
	equal(t, "status before the run", c.status("P001"), registry.Active)
}

func TestARejectionTakesACommentAndEndsIt(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	r := engine.DecisionRequest{Verdict: bulk.Reject, Digest: op.Plan.Digest, Comment: "  "}
	_, err := c.Decide(t.Context(), grace, op.ID, r)
	refused(t, err, fault.Invalid, "Write why you reject it. The requester reads it and can ask again.")

	r.Comment = "Wrong patients."
	op, err = c.Decide(t.Context(), grace, op.ID, r)
	must(t, err)
	equal(t, "state", op.State, bulk.Rejected)
	equal(t, "comment", op.Decision.Comment, "Wrong patients.")
	list(t, "told", c.sent("Rejected: "+op.ID), ada.Email)
}

func TestRefusedDecisions(t *testing.T) {
	tests := []struct {
		name     string
		prepare  func(c *clinic, op bulk.Operation, actor *staff.Person, r *engine.DecisionRequest)
		code     fault.Code
		sentence string
	}{
		{"on one's own request", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) { *actor = ada }, fault.Forbidden,
			"You asked for this operation yourself, so somebody else has to decide on it."},
		{"on one's own request, as a manager", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) {
			*actor = ada
			actor.Role = staff.Manager
		}, fault.Forbidden, "You asked for this operation yourself, so somebody else has to decide on it."},
		{"by a team lead", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) { *actor = tom }, fault.Forbidden,
			"Deciding on this operation takes the right Manager; yours is Team Lead. Ask an administrator if you need it."},
		{"by an auditor", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) { *actor = ula }, fault.Forbidden,
			"Deciding on this operation takes the right Manager; yours is Auditor. Ask an administrator if you need it."},
		{"by an administrator of another facility", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) {
			*actor = amir
			actor.Facilities = []string{"fac-2"}
		}, fault.Forbidden, "This operation touches a facility that you do not hold, so somebody else has to decide on it."},
		{"by a manager of another facility", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) { *actor = henry }, fault.NotFound, ""},
		{"by somebody disabled", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.DecisionRequest) {
			actor.Disabled = true
		}, fault.NotFound, ""},
		{"that says nothing", func(_ *clinic, _ bulk.Operation, _ *staff.Person, r *engine.DecisionRequest) { r.Verdict = "" }, fault.Invalid,
			"Choose whether you approve or reject."},
		{"with an endless comment", func(_ *clinic, _ bulk.Operation, _ *staff.Person, r *engine.DecisionRequest) {
			r.Comment = strings.Repeat("x", 1001)
		}, fault.Invalid,
			"Shorten the comment to 1000 characters."},
		{"on another plan", func(_ *clinic, _ bulk.Operation, _ *staff.Person, r *engine.DecisionRequest) { r.Digest = "0000" }, fault.Stale,
			"This form belongs to another plan. Read the plan that is shown now and decide again."},
		{"unaware of what changed", func(c *clinic, _ bulk.Operation, _ *staff.Person, _ *engine.DecisionRequest) {
			c.byHand("P001", registry.StatusField, "Hospitalized")
		}, fault.Stale, "1 patient has changed since this plan was made. They would be skipped; the others would be changed as shown. Read this again and decide."},
		{"aware of more than changed", func(_ *clinic, _ bulk.Operation, _ *staff.Person, r *engine.DecisionRequest) { r.Stale = 1 }, fault.Stale,
			"No patient has changed since this plan was made. All would be changed as shown. Read this again and decide."},
		{"where nothing is left to do", func(c *clinic, _ bulk.Operation, _ *staff.Person, r *engine.DecisionRequest) {
			c.byHand("P001", registry.StatusField, "Hospitalized")
			c.byHand("P002", registry.LockedBy, "Nora Nurse")
			r.Stale = 2
		}, fault.Stale, "2 patients have changed since this plan was made. That is everybody in this plan, so nothing would be done. Reject it, so that Ada Asks can make a new plan."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.submitted(asks(registry.OnHold, numbered(2)...))
			actor, r := grace, approval(op)
			test.prepare(c, op, &actor, &r)
			_, err := c.Decide(t.Context(), actor, op.ID, r)
			if test.sentence == "" {
				test.sentence = "There is no operation " + op.ID + ", or you may not see it."
			}
			refused(t, err, test.code, test.sentence)
			equal(t, "state", c.header(op.ID).State, bulk.AwaitingApproval)
		})
	}
}

func TestAnApproverAwareOfWhatChangedMayApprove(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.byHand("P001", registry.StatusField, "Hospitalized")
	stale, err := c.Stale(t.Context(), op)
	must(t, err)
	equal(t, "changed since the preview", stale, 1)
	r := approval(op)
	r.Stale = stale
	op, err = c.Decide(t.Context(), grace, op.ID, r)
	must(t, err)
	equal(t, "recorded", op.Decision.Stale, 1)
}

// A rejection says nothing about single patients, so it needs no fresh count.
func TestAStalePlanMayBeRejected(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.byHand("P001", registry.StatusField, "Hospitalized")
	_, err := c.Decide(t.Context(), grace, op.ID, engine.DecisionRequest{Verdict: bulk.Reject, Digest: op.Plan.Digest, Comment: "Stale."})
	must(t, err)
}

func TestLaterDecisionsSeeTheRecordedOne(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.approved(asks(registry.OnHold, numbered(2)...))
	reject := engine.DecisionRequest{Verdict: bulk.Reject, Digest: op.Plan.Digest, Comment: "No."}
	_, err := c.Decide(t.Context(), lin, op.ID, reject)
	refused(t, err, fault.Conflict, "Grace Manages approved this operation at 12:00 UTC on 1 December 2026. Your decision was not recorded.")
	_, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	refused(t, err, fault.Conflict, "You approved this operation at 12:00 UTC on 1 December 2026. That decision stands; nothing new was recorded.")
	equal(t, "version", c.header(op.ID).Version, op.Version)
}

func TestADecisionThatComesTooLateFindsItExpired(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.now = op.Approval.Expires
	for range 2 {
		got, err := c.Decide(t.Context(), grace, op.ID, approval(op))
		refused(t, err, fault.Conflict, "This request expired at 12:00 UTC on 8 December 2026, before anybody decided. Your decision was not recorded; Ada Asks can ask again.")
		equal(t, "state", got.State, bulk.Expired)
	}
	equal(t, "cause", c.header(op.ID).Cause, "Nobody decided within 7 days.")
	list(t, "told once", c.sent("Expired: "+op.ID), ada.Email)
}

func TestOfTwentyDecisionsAtOnceOneCounts(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	var managers []staff.Person
	for i := range 20 {
		m := staff.Person{Sub: fmt.Sprintf("sub-%d", i), Name: fmt.Sprintf("Manager %d", i), Role: staff.Manager, Facilities: []string{"fac-1"}}
		must(t, c.store.PutPerson(t.Context(), m))
		managers = append(managers, m)
	}
	op := c.submitted(asks(registry.OnHold, numbered(2)...))

	var wait sync.WaitGroup
	errs := make([]error, len(managers))
	for i, m := range managers {
		wait.Go(func() {
			r := approval(op)
			if i%2 == 1 {
				r.Verdict, r.Comment = bulk.Reject, "No."
			}
			_, errs[i] = c.Decide(t.Context(), m, op.ID, r)
		})
	}
	wait.Wait()

	truth := c.header(op.ID).Decision
	winners := 0
	for i, err := range errs {
		if err == nil {
			winners++
			equal(t, "recorded", truth.By.Sub, managers[i].Sub)
			continue
		}
		refused(t, err, fault.Conflict, fmt.Sprintf("%s %s this operation at 12:00 UTC on 1 December 2026. Your decision was not recorded.", truth.By.Name, truth.Verdict))
	}
	equal(t, "winners", winners, 1)
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", string(truth.Verdict))
}

// Both have read the plan and passed every check when one of them is recorded.
func TestADecisionIsCheckedAgainWhenItIsWritten(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	first := true
	c.fault = func(call string, do func() error) error {
		if call == "Patients" && first { // grace is about to write, lin is faster
			first = false
			_, err := c.Decide(t.Context(), lin, op.ID, engine.DecisionRequest{Verdict: bulk.Reject, Digest: op.Plan.Digest, Comment: "No."})
			must(t, err)
		}
		return do()
	}
	_, err := c.Decide(t.Context(), grace, op.ID, approval(op))
	refused(t, err, fault.Conflict, "Lin Manages All rejected this operation at 12:00 UTC on 1 December 2026. Your decision was not recorded.")
	equal(t, "state", c.header(op.ID).State, bulk.Rejected)
}

// The answer to the write was lost, or the client library repeated the write
// and was told that the header has moved on: it was moved by this decision.
func TestADecisionWhoseAnswerWasLostIsRecognised(t *testing.T) {
	for name, answer := range map[string]error{"lost": errLost, "repeated": fault.New(fault.Conflict, "moved on")} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.submitted(asks(registry.OnHold, numbered(2)...))
			c.wait(op.ID, engine.WaitApprove, "token")
			c.fault = func(call string, do func() error) error {
				if err := do(); err != nil || call != "Update" {
					return err
				}
				return answer
			}
			op, err := c.Decide(t.Context(), grace, op.ID, approval(op))
			must(t, err)
			equal(t, "state", op.State, bulk.Scheduled)
			equal(t, "by", op.Decision.By.Sub, grace.Sub)
			list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "approved")
			list(t, "answers", c.machine.answers, "token: run")
		})
	}
}

func TestADecisionThatWasNotWrittenIsReported(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.fault = func(call string, do func() error) error {
		if call == "Update" {
			return errLost
		}
		return do()
	}
	if _, err := c.Decide(t.Context(), grace, op.ID, approval(op)); err == nil {
		t.Error("a decision that is not stored was confirmed")
	}
	equal(t, "state", c.header(op.ID).State, bulk.AwaitingApproval)
}

// Whoever keeps writing the header at the same time only costs waits.
func TestADecisionOutlivesOtherWrites(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	others := 5
	c.fault = func(call string, do func() error) error {
		if call == "Update" && others > 0 {
			others--
			now := c.header(op.ID)
			must(t, c.store.Update(context.Background(), now, bulk.Event{What: "reminded"}))
		}
		return do()
	}
	op, err := c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	equal(t, "state", op.State, bulk.Scheduled)
	equal(t, "waits", c.pauses, 5)
}

func TestWhoMayDecideIsShownTheButton(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	op := c.submitted(asks(registry.OnHold, "P001"))
	for _, p := range everybody {
		may := p.Sub == grace.Sub || p.Sub == lin.Sub || p.Sub == amir.Sub
		equal(t, p.Name, c.MayDecideOn(p, op), may)
	}
	op.State = bulk.Scheduled
	equal(t, "after the decision", c.MayDecideOn(grace, op), false)
}
