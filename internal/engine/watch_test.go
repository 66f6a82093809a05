package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestApproversAreRemindedThenOthersAskedThenItExpires(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "token")
	needed, reminder := "Approval needed: "+op.ID, "Reminder: approval needed: "+op.ID

	sweep := func(after time.Duration, want engine.Swept) {
		t.Helper()
		c.now = noon.Add(after)
		got := c.watch()
		got.Looked = 0
		equal(t, "sweep after "+after.String(), got, want)
	}
	sweep(24*time.Hour-time.Second, engine.Swept{})
	list(t, "asked", c.sent(needed), grace.Email, lin.Email)
	list(t, "reminded", c.sent(reminder))

	sweep(24*time.Hour, engine.Swept{Reminded: 1, Mailed: 1})
	sweep(25*time.Hour, engine.Swept{})
	list(t, "reminded", c.sent(reminder), grace.Email, lin.Email)

	sweep(48*time.Hour, engine.Swept{Escalated: 1, Mailed: 1})
	sweep(49*time.Hour, engine.Swept{})
	list(t, "asked", c.sent(needed), grace.Email, lin.Email, amir.Email)

	sweep(7*24*time.Hour, engine.Swept{Expired: 1, Mailed: 1})
	sweep(8*24*time.Hour, engine.Swept{})
	list(t, "told", c.sent("Expired: "+op.ID), ada.Email)
	list(t, "answers", c.machine.answers, "token: close")
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "reminded", "escalated", "expired")
}

// Of very many who may decide, only the nearest get a mail; how many others there
// are is known.
func TestOfManyTheNearestAreAsked(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	for n := range 12 { // besides grace, lin and amir
		must(t, c.store.PutPerson(t.Context(), staff.Person{Sub: fmt.Sprint("sub-", n), Name: fmt.Sprintf("Manager %02d", n),
			Email: fmt.Sprint(n, "@clinic.example"), Role: staff.Manager, Facilities: []string{"fac-1"}}))
	}
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.now = noon.Add(48 * time.Hour)
	c.watch()
	op = c.header(op.ID)
	equal(t, "asked", len(op.Approval.Everybody()), 10)
	equal(t, "not asked", op.Approval.Unasked, 5)
	events, err := c.Operations.Events(t.Context(), op.ID)
	must(t, err)
	equal(t, "the history says so", strings.HasSuffix(events[3].Detail, "; 5 more may decide"), true)
	op, err = c.Reassign(t.Context(), grace, op.ID, lin.Sub)
	must(t, err)
	equal(t, "not asked, once it was handed on", op.Approval.Unasked, 0)
}

// Where nobody else may decide, that is found out once, not at every sweep.
func TestEscalationToNobodyHappensOnce(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	for _, p := range []staff.Person{lin, amir} {
		p.Disabled = true
		must(t, c.store.PutPerson(t.Context(), p))
	}
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.now = noon.Add(48 * time.Hour)
	for range 3 {
		c.watch()
	}
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "escalated", "reminded")
}

func TestMailsThatCouldNotBeSentAreTriedAgain(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	refuse := true
	c.fault = func(call string, do func() error) error {
		if call == "Send" && refuse {
			return fault.New(fault.Busy, "Throttled.")
		}
		return do()
	}
	c.wait(op.ID, engine.WaitApprove, "token") // the machine waits, mail or not
	list(t, "asked", c.sent("Approval needed: "+op.ID))
	refuse = false
	c.watch()
	c.watch()
	list(t, "asked", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email)
}

func TestAPlanThatNobodySubmitsExpires(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.planned(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitReview, "token")
	c.now = noon.Add(c.Limits.ReviewExpires - time.Second)
	equal(t, "expired too early", c.watch().Expired, 0)
	c.now = noon.Add(c.Limits.ReviewExpires)
	equal(t, "expired", c.watch().Expired, 1)
	op = c.header(op.ID)
	equal(t, "state", op.State, bulk.Expired)
	equal(t, "cause", op.Cause, "It was not sent for approval within 7 days.")
	list(t, "answers", c.machine.answers, "token: close")
}

func TestAStateMachineThatWasNotStartedIsStarted(t *testing.T) {
	c := newClinic(t)
	c.fault = func(call string, do func() error) error {
		if call == "Start" {
			return errLost
		}
		return do()
	}
	op, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err) // the request is stored; that is what counts
	c.fault = noFault
	equal(t, "within the grace", c.watch(), engine.Swept{Looked: 1})
	c.now = noon.Add(time.Minute)
	equal(t, "after it", c.watch(), engine.Swept{Looked: 1, Restarted: 1})
	list(t, "started", c.machine.started, op.ID)
}

// Whoever looks at an execution right after its start may not see it yet: it runs.
func TestAnExecutionThatTheWatchHasJustStartedIsNotTakenForDead(t *testing.T) {
	c := newClinic(t)
	c.fault = func(call string, do func() error) error {
		if call == "Start" {
			return errLost
		}
		return do()
	}
	op, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err)
	c.fault = noFault
	c.Machine = lagging{c.Machine}
	c.now = noon.Add(time.Minute)
	equal(t, "sweep", c.watch(), engine.Swept{Looked: 1, Restarted: 1})
	equal(t, "state", c.header(op.ID).State, bulk.Planning)
}

// lagging has not heard of any execution yet.
type lagging struct{ engine.Machine }

func (lagging) Alive(context.Context, string) (bool, error) { return false, nil }

func TestAnOperationWhoseExecutionDiedIsClosed(t *testing.T) {
	tests := []struct {
		name  string
		reach func(*clinic) bulk.Operation
		want  bulk.State
	}{
		{"while planning", func(c *clinic) bulk.Operation {
			op, err := c.Request(c.t.Context(), ada, asks(registry.OnHold, numbered(2)...))
			must(c.t, err)
			return op
		}, bulk.FailedState},
		{"when approved", func(c *clinic) bulk.Operation { return c.approved(asks(registry.OnHold, numbered(2)...)) }, bulk.FailedState},
		{"before any change", func(c *clinic) bulk.Operation { return c.started(asks(registry.OnHold, numbered(2)...)) }, bulk.FailedState},
		{"with all changes made", func(c *clinic) bulk.Operation {
			op := c.started(asks(registry.OnHold, numbered(2)...))
			_, err := c.RunBatch(c.t.Context(), op.ID, 1)
			must(c.t, err)
			return op
		}, bulk.Completed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := test.reach(c)
			c.machine.alive[op.ID] = false
			c.now = noon.Add(time.Minute)
			equal(t, "closed", c.watch().Closed, 1)
			equal(t, "state", c.header(op.ID).State, test.want)
			equal(t, "closed again", c.watch(), engine.Swept{})
		})
	}
}

func TestTheTroubleOfOneOperationDoesNotHoldUpTheOthers(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	first := c.planned(asks(registry.OnHold, "P001"))
	r := asks(registry.OnHold, "P002")
	r.Key += "-2"
	c.now = noon.Add(time.Second)
	second := c.planned(r)
	c.now = noon.Add(c.Limits.ReviewExpires + time.Hour)
	calls := 0
	c.fault = func(call string, do func() error) error {
		if call == "Update" {
			if calls++; calls == 1 {
				return fault.New(fault.Busy, "Busy.")
			}
		}
		return do()
	}
	c.watch()
	equal(t, "the first", c.header(first.ID).State, bulk.Ready)
	equal(t, "the second", c.header(second.ID).State, bulk.Expired)
	c.watch()
	equal(t, "the first at the next sweep", c.header(first.ID).State, bulk.Expired)
}
