package engine_test

import (
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

func TestASubmissionAnswersTheReview(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.planned(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitReview, "t1")
	list(t, "answers before the submission", c.machine.answers)
	_, err := c.Submit(t.Context(), ada, op.ID, submission(op))
	must(t, err)
	list(t, "answers", c.machine.answers, "t1: approve")
	_, kept, err := c.store.Token(t.Context(), op.ID, engine.WaitReview)
	must(t, err)
	equal(t, "the used token is kept", kept, false)
}

func TestEachEndOfAWaitHasItsAnswer(t *testing.T) {
	tests := []struct {
		name string
		wait string
		act  func(*clinic, bulk.Operation)
		want string
	}{
		{"approved", engine.WaitApprove, func(c *clinic, op bulk.Operation) {
			_, err := c.Decide(c.t.Context(), grace, op.ID, approval(op))
			must(c.t, err)
		}, "token: run"},
		{"rejected", engine.WaitApprove, func(c *clinic, op bulk.Operation) {
			_, err := c.Decide(c.t.Context(), grace, op.ID, engine.DecisionRequest{Verdict: bulk.Reject, Digest: op.Plan.Digest, Comment: "No."})
			must(c.t, err)
		}, "token: close"},
		{"taken back", engine.WaitApprove, func(c *clinic, op bulk.Operation) {
			_, err := c.Cancel(c.t.Context(), ada, op.ID)
			must(c.t, err)
		}, "token: close"},
		{"expired", engine.WaitApprove, func(c *clinic, op bulk.Operation) {
			c.now = op.Approval.Expires
			c.watch()
		}, "token: close"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.submitted(asks(registry.OnHold, numbered(2)...))
			c.wait(op.ID, test.wait, "token")
			test.act(c, op)
			list(t, "answers", c.machine.answers, test.want)
			c.watch()
			list(t, "answers after a sweep", c.machine.answers, test.want)
		})
	}
}

// The state machine may reach its wait after the people were done with it.
func TestATokenThatComesAfterTheDecisionIsAnsweredAtOnce(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.approved(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitReview, "t1")
	c.wait(op.ID, engine.WaitApprove, "t2")
	list(t, "answers", c.machine.answers, "t1: approve", "t2: run")
}

// The machine gave a call up and asks again with a new token. The call that was
// given up may come last: whatever the order, the machine must be answered.
func TestTheMachineIsAnsweredWhicheverTokenCameLast(t *testing.T) {
	for _, order := range [][]string{{"old", "new"}, {"new", "old"}, {"new", "old", "new"}} {
		c := newClinic(t)
		c.admit(registry.Active, numbered(2))
		op := c.submitted(asks(registry.OnHold, numbered(2)...))
		for _, token := range order {
			c.wait(op.ID, engine.WaitApprove, token)
		}
		delete(c.machine.waits, "old")
		_, err := c.Decide(t.Context(), grace, op.ID, approval(op))
		must(t, err)
		list(t, "answers", c.machine.answers, "new: run")
		_, kept, err := c.store.Token(t.Context(), op.ID, engine.WaitApprove)
		must(t, err)
		equal(t, "a token is kept", kept, false)
	}
}

// While one call answers with the old token, the machine asks anew; forgetting
// the old token must not forget the new one, or nobody would ever answer.
func TestATokenStoredMeanwhileIsNotForgotten(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "old")
	c.fault = func(call string, do func() error) error {
		if call == "Succeed" {
			delete(c.machine.waits, "old")
			c.machine.waits["new"] = true
			must(t, c.store.PutToken(t.Context(), op.ID, engine.WaitApprove, "new")) // and its own answer failed
		}
		return do()
	}
	_, err := c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	c.fault = noFault
	c.watch()
	list(t, "answers", c.machine.answers, "new: run")
}

func TestAnAnswerThatDidNotGetThroughIsSentByTheWatch(t *testing.T) {
	for _, broken := range []string{"Token", "Succeed", "DeleteToken"} {
		t.Run(broken, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.submitted(asks(registry.OnHold, numbered(2)...))
			c.wait(op.ID, engine.WaitApprove, "token")
			c.fault = func(call string, do func() error) error {
				if call == broken {
					return fault.New(fault.Busy, "Busy.")
				}
				return do()
			}
			op, err := c.Decide(t.Context(), grace, op.ID, approval(op))
			must(t, err) // the decision stands, whatever the state machine knows
			equal(t, "state", op.State, bulk.Scheduled)
			c.fault = noFault
			c.watch()
			list(t, "answers", c.machine.answers, "token: run")
			equal(t, "looked at by a further sweep", c.watch().Looked, 1) // the operation itself, no token
		})
	}
}

// The answer arrived, only its receipt was lost: the token no longer counts.
// The machine has waited for its whole time, and asks once more: what was decided
// in the last minutes, and did not get through, is not lost.
func TestWhatWasDecidedInTheLastMinutesIsDone(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "first")
	c.now = op.Approval.Expires.Add(-10 * time.Minute)
	c.fault = func(call string, do func() error) error {
		if call == "Succeed" {
			return fault.New(fault.Busy, "Busy.")
		}
		return do()
	}
	_, err := c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	c.fault = noFault
	c.now = op.Approval.Expires.Add(time.Second)
	delete(c.machine.waits, "first")
	c.wait(op.ID, engine.WaitApprove, "second")
	equal(t, "state", c.header(op.ID).State, bulk.Scheduled)
	list(t, "answers", c.machine.answers, "second: run")
}

// The machine asks once more, and nobody has answered: it need not wait for the watch.
func TestWhatHasWaitedTooLongExpiresWhenTheMachineAsksAgain(t *testing.T) {
	tests := []struct {
		wait  string
		reach func(*clinic) bulk.Operation
		after time.Duration
	}{
		{engine.WaitReview, func(c *clinic) bulk.Operation { return c.planned(asks(registry.OnHold, numbered(2)...)) }, engine.DefaultLimits.ReviewExpires},
		{engine.WaitApprove, func(c *clinic) bulk.Operation { return c.submitted(asks(registry.OnHold, numbered(2)...)) }, engine.DefaultLimits.ExpireAfter},
	}
	for _, test := range tests {
		t.Run(test.wait, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := test.reach(c)
			c.now = c.now.Add(test.after - time.Second)
			c.wait(op.ID, test.wait, "first")
			list(t, "answers", c.machine.answers)
			c.now = c.now.Add(time.Second)
			delete(c.machine.waits, "first")
			c.wait(op.ID, test.wait, "second")
			equal(t, "state", c.header(op.ID).State, bulk.Expired)
			list(t, "answers", c.machine.answers, "second: close")
		})
	}
}

func TestAnAnswerIsNotRepeatedWhenOnlyTheReceiptWasLost(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "token")
	c.fault = func(call string, do func() error) error {
		if err := do(); err != nil || call != "Succeed" {
			return err
		}
		return errLost
	}
	_, err := c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	c.fault = noFault
	c.watch()
	list(t, "answers", c.machine.answers, "token: run")
	_, kept, err := c.store.Token(t.Context(), op.ID, engine.WaitApprove)
	must(t, err)
	equal(t, "the used token is kept", kept, false)
}

func TestApproversAreMailedWhenTheMachineWaitsForThem(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "token")
	list(t, "asked", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email)
	c.wait(op.ID, engine.WaitApprove, "again")
	list(t, "asked once", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email)
}

func TestAnApprovalLinkIsOnesOwnAndExpires(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "token")
	found, err := c.ByRef(t.Context(), grace, "secret-2") // the first named the run of planning
	must(t, err)
	equal(t, "operation", found.ID, op.ID)

	const not = "This link is not for you, or it has expired. Requests that wait for you are listed under Approvals."
	_, err = c.ByRef(t.Context(), lin, "secret-2")
	refused(t, err, fault.NotFound, not)
	_, err = c.ByRef(t.Context(), grace, "guess")
	refused(t, err, fault.NotFound, not)
	c.now = op.Approval.Expires.Add(time.Second)
	_, err = c.ByRef(t.Context(), grace, "secret-2")
	refused(t, err, fault.NotFound, not)
}
