package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

func TestALostAnswerIsNotSentAgain(t *testing.T) {
	for _, made := range []bool{false, true} {
		c := newClinic(t)
		c.twoFacilities()
		op := c.started(tells("P1"))
		c.outage("Send", made, errLost)
		_, err := c.RunBatch(t.Context(), op.ID, 1)
		must(t, err)
		c.fault = noFault
		_, err = c.RunBatch(t.Context(), op.ID, 1)
		must(t, err)
		op, err = c.Finish(t.Context(), op.ID, "")
		must(t, err)
		o := c.outcomes(op)["fac-1"]
		if o.State != bulk.Failed || o.Code != bulk.MailUnknown || o.Retryable || !strings.HasPrefix(o.Sentence, "It may have been sent") {
			t.Errorf("made %v: %+v", made, o)
		}
		if n := len(c.notices()["desk@riverside.example"]); made && n != 1 || !made && n != 0 {
			t.Errorf("made %v: %d mails", made, n)
		}
		if c.MayNotFollow(t.Context(), op, bulk.Rerun) == nil {
			op := c.again(op, bulk.Rerun)
			equal(t, "it is run again for", op.Plan.Changes, 0)
		}
	}
}

// A call that claimed a notice and died leaves it unknown whether it was sent:
// nobody sends it.
func TestAClaimWithoutAnOutcomeIsUnknown(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.started(tells("P1", "P4"))
	_, err := c.store.Claim(t.Context(), op.ID, 1, 1, bulk.Claim{By: "who died", At: c.now})
	must(t, err)
	op = c.finish(op)
	equal(t, "counts", op.Final, bulk.Tally{Done: 1, Failed: 1})
	equal(t, "code", c.outcomes(op)["fac-1"].Code, bulk.MailUnknown)
	equal(t, "mails to Riverside", len(c.notices()["desk@riverside.example"]), 0)
	equal(t, "mails to Hilltop", len(c.notices()["desk@hilltop.example"]), 1)
}

// A call that waits for another one learns what became of the notice.
func TestACallWaitsForTheOneThatSends(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.started(tells("P1"))
	other := bulk.Claim{By: "the other", At: c.now}
	_, err := c.store.Claim(t.Context(), op.ID, 1, 0, other)
	must(t, err)
	waited := 0
	c.Pause = func(context.Context, time.Duration) {
		if waited++; waited == 3 {
			other.Outcome = &bulk.Outcome{Subject: "fac-1", State: bulk.Done}
			must(t, c.store.PutOutcome(t.Context(), op.ID, 1, 0, other))
		}
	}
	op = c.finish(op)
	equal(t, "counts", op.Final, bulk.Tally{Done: 1})
	equal(t, "mails of this call", len(c.notices()), 0)
}

func TestABusyMailServiceIsTriedAgain(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	op := c.started(tells("P1", "P4"))
	busy := 3
	c.fault = func(call string, do func() error) error {
		if call == "Send" && busy > 0 {
			busy--
			return fault.New(fault.Busy, "Busy.")
		}
		return do()
	}
	op = c.finish(op)
	equal(t, "counts", op.Final, bulk.Tally{Done: 2})

	t.Run("and given up, to be run again, when it stays busy", func(t *testing.T) {
		r := tells("P1")
		r.Key = "another-key-0123456789"
		op := c.started(r)
		busy = 1000
		_, err := c.RunBatch(t.Context(), op.ID, 1)
		must(t, err)
		busy = 0
		op = c.finish(op)
		o := c.outcomes(op)["fac-1"]
		equal(t, "outcome", o, bulk.Outcome{Subject: "fac-1", State: bulk.Failed, Code: bulk.MailRefused, Retryable: true,
			Sentence: "It was not sent: the mail service was too busy for too long."})
		equal(t, "state after a rerun", c.again(op, bulk.Rerun).State, bulk.Completed)
	})
}

// crowd puts n further managers of Riverside into the directory.
func (c *clinic) crowd(n int) {
	for i := range n {
		p := henry
		p.Sub, p.Name, p.Email = fmt.Sprintf("sub-%03d", i), fmt.Sprintf("Manager %03d", i), fmt.Sprintf("m%03d@clinic.example", i)
		p.Facilities = []string{"fac-1"}
		must(c.t, c.store.PutPerson(c.t.Context(), p))
	}
}

func TestAStopEndsAfterTheGroupUnderWay(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	c.crowd(28) // and Grace and Lin
	op := c.started(tellsStaff("manager", "P1"))
	equal(t, "recipients", op.Plan.Changes, 30)
	sent := 0
	c.fault = func(call string, do func() error) error {
		if call == "Send" {
			if sent++; sent == 12 {
				_, err := c.Stop(t.Context(), ada, op.ID)
				must(t, err)
			}
		}
		return do()
	}
	op = c.finish(op)
	equal(t, "state", op.State, bulk.Stopped)
	equal(t, "counts", op.Final, bulk.Tally{Done: 20})
	equal(t, "mails", len(c.notices()), 20)

	t.Run("and a rerun reaches the rest", func(t *testing.T) {
		again := c.again(op, bulk.Rerun)
		equal(t, "counts", again.Final, bulk.Tally{Done: 10})
		for to, mails := range c.notices() {
			equal(t, to, len(mails), 1)
		}
		equal(t, "reached", len(c.notices()), 30)
	})
}

// The execution dies amid a group: what was sent counts as sent, and a call
// that is still under way sends nothing more.
func TestTheEndOfARunClosesItsNotices(t *testing.T) {
	c := newClinic(t)
	c.twoFacilities()
	c.crowd(5)
	op := c.started(tellsStaff("manager", "P1"))
	sent := 0
	c.fault = func(call string, do func() error) error {
		if call != "Send" {
			return do()
		}
		if sent++; sent == 3 { // the machine gives up while the third is being sent
			ended, err := c.Finish(t.Context(), op.ID, "States.Timeout")
			must(t, err)
			equal(t, "state", ended.State, bulk.Stopped)
			equal(t, "counts", ended.Final, bulk.Tally{Done: 2, Failed: 1})
			equal(t, "not attempted", ended.NotAttempted(ended.Final), 4)
		}
		return do()
	}
	_, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	op = c.header(op.ID)
	equal(t, "counts afterwards", op.Final, bulk.Tally{Done: 2, Failed: 1})
	tally, err := c.store.Progress(t.Context(), op.ID)
	must(t, err)
	equal(t, "tally", tally, op.Final)
	equal(t, "mails", len(c.notices()), 3)
	var states []string
	for line, err := range c.Lines(t.Context(), op) {
		must(t, err)
		states = append(states, string(line.Outcome.State))
	}
	list(t, "outcomes", states, "done", "done", "failed", "not attempted", "not attempted", "not attempted", "not attempted")
	c.fault = noFault
	again := c.again(op, bulk.Rerun)
	equal(t, "the rerun is for", again.Final, bulk.Tally{Done: 4})
}

// busyAfter is a mail service that takes its time to say that it is busy.
type busyAfter time.Duration

func (b busyAfter) Send(ctx context.Context, _ engine.Mail) error {
	engine.Pause(ctx, time.Duration(b))
	return fault.New(fault.Busy, "The mail service is busy.")
}

// A call that is about to be ended does not wait for a busy mail service: it says
// that the notice was not sent while it still can, and sets out with no other.
func TestACallSaysInTimeThatANoticeWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t)
		c.twoFacilities()
		op := c.started(tells("P1", "P4", "P5"))
		works := c.Mailer
		c.Mailer = busyAfter(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := c.RunBatch(ctx, op.ID, 1)
		equal(t, "the machine calls again after", fault.CodeOf(err), fault.Busy)
		must(t, ctx.Err())
		c.Mailer = works
		op = c.finish(op)
		equal(t, "counts", op.Final, bulk.Tally{Done: 1, Failed: 1})
		list(t, "left", op.Left, bulk.Left{Code: bulk.MailRefused, Count: 1, Retryable: true})
		equal(t, "mails", len(c.notices()), 1)
	})
}
