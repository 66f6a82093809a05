package engine_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// hanging is a mail service that takes calls and answers none of them.
type hanging struct{ calls int }

func (h *hanging) Send(ctx context.Context, _ engine.Mail) error {
	h.calls++
	<-ctx.Done()
	return ctx.Err()
}

// slow answers, but takes its time, and longer than any caller would like.
type slow struct {
	engine.Mailer
	takes time.Duration
}

func (s slow) Send(ctx context.Context, m engine.Mail) error {
	engine.Pause(ctx, s.takes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Mailer.Send(ctx, m)
}

// unasked has been submitted, and the machine has not come to ask the approvers.
func (c *clinic) unasked() bulk.Operation {
	c.t.Helper()
	c.admit(registry.Active, numbered(2))
	return c.submitted(asks(registry.OnHold, numbered(2)...))
}

// inMailTime is for what a person or the state machine waits for: it takes no
// longer than mails may take.
func (c *clinic) inMailTime(what string, do func()) {
	c.t.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took > 5*time.Second {
		c.t.Errorf("%s took %s", what, took)
	}
}

// Whatever the mail service does, whoever waits gets the answer, and what was
// recorded is.
func TestNobodyWaitsForTheMailService(t *testing.T) {
	acts := []struct {
		name  string
		reach func(*clinic) bulk.Operation // before the mail service hangs
		act   func(*clinic, bulk.Operation) error
	}{
		{"the machine, which asks the approvers", (*clinic).unasked, func(c *clinic, op bulk.Operation) error {
			c.machine.waits["token"] = true
			return c.Await(c.t.Context(), op.ID, engine.WaitApprove, "token")
		}},
		{"an approver", (*clinic).waiting, func(c *clinic, op bulk.Operation) error {
			_, err := c.Decide(c.t.Context(), grace, op.ID, approval(op))
			return err
		}},
		{"who hands a request on", (*clinic).waiting, func(c *clinic, op bulk.Operation) error {
			_, err := c.Reassign(c.t.Context(), grace, op.ID, amir.Sub)
			return err
		}},
		{"who takes back what was approved", func(c *clinic) bulk.Operation { return c.approve(c.waiting()) }, func(c *clinic, op bulk.Operation) error {
			_, err := c.Cancel(c.t.Context(), grace, op.ID)
			return err
		}},
		{"the machine, which has finished", func(c *clinic) bulk.Operation { return c.start(c.approve(c.waiting())) }, func(c *clinic, op bulk.Operation) error {
			_, err := c.Finish(c.t.Context(), op.ID, "")
			return err
		}},
		{"who changes rights", (*clinic).waiting, func(c *clinic, _ bulk.Operation) error {
			_, err := c.SetRights(c.t.Context(), c.person(amir), henry.Sub, c.person(henry).Version, engine.Rights{Role: staff.Staff, Facilities: []string{"fac-2"}})
			return err
		}},
		{"who goes away", (*clinic).waiting, func(c *clinic, _ bulk.Operation) error {
			_, err := c.SetAway(c.t.Context(), c.person(grace), staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: amir.Sub})
			return err
		}},
	}
	for _, test := range acts {
		for _, takes := range []time.Duration{0, 2 * time.Second} { // 0: for ever
			t.Run(fmt.Sprintf("%s, %s", test.name, takes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newClinic(t)
					op := test.reach(c)
					c.Mailer = &hanging{}
					if takes > 0 {
						c.Mailer = slow{c, takes}
					}
					c.inMailTime(test.name, func() { must(t, test.act(c, op)) })
				})
			})
		}
	}
}

// A call that has little time left gives the mails half of it.
func TestMailsLeaveACallTimeToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t)
		op := c.waiting()
		c.Mailer = &hanging{}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Decide(ctx, grace, op.ID, approval(op))
		must(t, err)
		equal(t, "it took", time.Since(began), 2*time.Second)
	})
}

// The approvers were not mailed when the machine asked: the token is stored, and
// the watch mails them.
func TestWhoWasNotMailedIsMailedByTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t)
		op := c.unasked()
		works := c.Mailer
		c.Mailer = &hanging{}
		c.wait(op.ID, engine.WaitApprove, "token")
		c.Mailer = works
		list(t, "asked", c.sent("Approval needed: "+op.ID))
		c.watch()
		c.watch()
		list(t, "asked", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email)
		c.approve(c.header(op.ID))
		list(t, "answers", c.machine.answers, "token: run")
	})
}

// The watch does everything else first. After a mail without an answer it tries
// no other, whatever waits.
func TestMailsDoNotKeepTheWatchFromItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t)
		c.admit(registry.Active, numbered(8))
		var ops []bulk.Operation
		for i := range 4 {
			r := asks(registry.OnHold, numbered(8)[2*i:2*i+2]...)
			r.Key += fmt.Sprint(i)
			c.now = c.now.Add(time.Second)
			ops = append(ops, c.submitted(r))
		}
		c.machine.alive[ops[0].ID] = false
		c.approve(ops[0])
		works, hangs := c.Mailer, &hanging{}
		c.Mailer = hangs
		c.now = c.now.Add(c.Limits.ExpireAfter)
		var swept engine.Swept
		c.inMailTime("a sweep", func() { swept = c.watch() })
		equal(t, "swept", swept, engine.Swept{Looked: 4, Expired: 3, Closed: 1, Mailed: 1})
		equal(t, "mails tried", hangs.calls, 1)
		c.Mailer = works
		equal(t, "the next sweep", c.watch(), engine.Swept{Mailed: 4})
		for _, op := range ops[1:] {
			list(t, "told", c.sent("Expired: "+op.ID), ada.Email)
			list(t, "of those asked, who need not decide any more", c.sent("Approval needed: "+op.ID))
		}
		list(t, "told", c.sent("Failed: "+ops[0].ID), ada.Email)
		equal(t, "a further sweep", c.watch(), engine.Swept{})
	})
}

// Mails that are slow take at most half of what the sweep has left.
func TestSlowMailsAreSentInSeveralSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t)
		for n := range 9 {
			must(t, c.store.PutPerson(t.Context(), staff.Person{Sub: fmt.Sprint("sub-", n), Name: fmt.Sprint("Manager ", n),
				Email: fmt.Sprint(n, "@clinic.example"), Role: staff.Manager, Facilities: []string{"fac-1"}}))
		}
		op := c.waiting()
		c.now = noon.Add(48 * time.Hour)
		c.Mailer = slow{c, 3 * time.Second}
		before, sweeps := len(c.mails), 0
		for ; len(c.header(op.ID).Approval.Escalated) != 8 || len(sure(c.store.MailsDue(t.Context(), op.ID))) > 0; sweeps++ {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, err := c.Watch(ctx)
			must(t, err)
			must(t, ctx.Err())
			cancel()
		}
		equal(t, "reminders and requests", len(c.mails)-before, 8+10)
		equal(t, "sweeps", sweeps, 6) // three mails each
	})
}

// Each end of an operation has its mail to the requester, which is sent later
// where it could not be sent at once, whatever it was that went wrong.
func TestTheRequesterIsToldInTheEnd(t *testing.T) {
	ends := []struct {
		name  string
		act   func(*clinic, bulk.Operation) (bulk.Operation, error)
		title string
	}{
		{"approved", func(c *clinic, op bulk.Operation) (bulk.Operation, error) {
			return c.Decide(c.t.Context(), grace, op.ID, approval(op))
		}, "Approved"},
		{"rejected", func(c *clinic, op bulk.Operation) (bulk.Operation, error) {
			r := approval(op)
			r.Verdict, r.Comment = bulk.Reject, "Not these."
			return c.Decide(c.t.Context(), grace, op.ID, r)
		}, "Rejected"},
		{"expired", func(c *clinic, op bulk.Operation) (bulk.Operation, error) {
			c.now = op.Approval.Expires
			_, err := c.Watch(c.t.Context())
			return c.header(op.ID), err
		}, "Expired"},
		{"given up", func(c *clinic, op bulk.Operation) (bulk.Operation, error) {
			return c.Finish(c.t.Context(), op.ID, "Internal")
		}, "Failed"},
	}
	for _, end := range ends {
		for call, err := range map[string]error{"Send": fault.New(fault.Busy, "Throttled."), "MailsDue": errLost, "SettleMail": errLost} {
			t.Run(end.name+", "+call, func(t *testing.T) {
				c := newClinic(t)
				op := c.waiting()
				c.fault = func(name string, do func() error) error {
					if name == call {
						return err
					}
					return do()
				}
				op, err := end.act(c, op)
				must(t, err)
				c.fault = noFault
				for range 3 {
					c.watch()
				}
				told := c.sent(end.title + ": " + op.ID)
				if call == "SettleMail" { // nobody knows that it was sent
					told = told[1:]
				}
				list(t, "told", told, ada.Email)
			})
		}
	}
}

// What the mail service never takes is tried for a week.
func TestNewsGrowOld(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	works := c.Mailer
	c.Mailer = refuser{c.Mailer, ada.Email}
	c.now = op.Approval.Expires
	c.watch()
	c.now = c.now.Add(7*24*time.Hour - time.Second)
	c.watch()
	list(t, "due", sure(c.store.MailsDue(t.Context(), op.ID)), "tell#expired")
	c.now, c.Mailer = c.now.Add(time.Second), works
	c.watch()
	list(t, "due", sure(c.store.MailsDue(t.Context(), op.ID)))
	list(t, "told", c.sent("Expired: "+op.ID))
}

// A function that may not send mails leaves them to those that may: planning.
func TestAPlanThatFailsIsToldOfByAnotherFunction(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op, err := c.Request(t.Context(), ada, asksFor(registry.OnHold, registry.Filter{Facilities: []string{"fac-1"}}))
	must(t, err)
	planning := *c.Engine
	planning.Mailer, planning.Limits.MaxSubjects = nil, 1
	must(t, planning.Plan(t.Context(), op.ID))
	equal(t, "state", c.header(op.ID).State, bulk.FailedState)
	c.wait(op.ID, engine.WaitReview, "token")
	list(t, "told", c.sent("Failed: "+op.ID), ada.Email)
}
