package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// follow asks for an operation made from op and plans it.
func (c *clinic) follow(op bulk.Operation, as bulk.LinkKind) bulk.Operation {
	c.t.Helper()
	made, err := c.Again(c.t.Context(), ada, op.ID, as, fmt.Sprintf("%s-%s-0123456789", as, op.ID))
	must(c.t, err)
	must(c.t, c.Plan(c.t.Context(), made.ID))
	return c.header(made.ID)
}

// again makes an operation from op, takes it through all its steps and returns
// it ended. One whose plan is empty is returned as it is.
func (c *clinic) again(op bulk.Operation, as bulk.LinkKind) bulk.Operation {
	c.t.Helper()
	made := c.follow(op, as)
	if made.Plan.Changes == 0 {
		return made
	}
	return c.finish(c.start(c.approve(c.submit(made))))
}

func TestARerunTakesThoseForWhomItCanHelp(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1", "P2", "P3", "P4"})
	op := c.started(asks(registry.OnHold, "P1", "P2", "P3", "P4"))
	c.byHand("P2", registry.LockedBy, "Dr. No")
	c.store.Remove(registry.ProfileRef("P3"))
	op = c.finish(op)
	equal(t, "state", op.State, bulk.CompletedWithErrors)
	c.byHand("P2", registry.LockedBy, "")
	next := c.again(op, bulk.Rerun)
	list(t, "subjects", c.subjects(next), "P2")
	equal(t, "kind", next.Kind, op.Kind)
	equal(t, "state", next.State, bulk.Completed)
	equal(t, "status", c.status("P2"), registry.OnHold)

	t.Run("and there is nobody to run it for again after that", func(t *testing.T) {
		_, err := c.Again(t.Context(), ada, next.ID, bulk.Rerun, "a-key-0123456789abcdef")
		refused(t, err, fault.Conflict, next.ID+" changed everybody in its plan, so there is nobody to run it for again.")
	})
}

// Each reason is run again once, alone or with others; one for which nobody
// expects help can be chosen, too.
func TestARerunIsForTheReasonsThatAreChosen(t *testing.T) {
	c := newClinic(t)
	ids := numbered(5)
	c.admit(registry.Active, ids)
	op := c.started(asks(registry.OnHold, ids...))
	c.byHand("P002", registry.LockedBy, "Dr. No")
	c.byHand("P003", registry.StatusField, string(registry.Hospitalized))
	c.byHand("P004", registry.StatusField, string(registry.Hospitalized))
	c.store.Remove(registry.ProfileRef("P005"))
	op = c.finish(op)
	c.byHand("P003", registry.StatusField, string(registry.Active))
	c.byHand("P004", registry.StatusField, string(registry.Active))
	left := func() (all []string) {
		t.Helper()
		groups, err := c.Left(t.Context(), c.header(op.ID))
		must(t, err)
		for _, l := range groups {
			all = append(all, fmt.Sprint(l.Code, " ", l.Count, " ", l.Retryable, " ", l.AgainAs))
		}
		return all
	}
	list(t, "left", left(), "changed-since 2 true ", "gone 1 false ", "locked 1 true ")
	again := func(key string, codes ...string) (bulk.Operation, error) {
		made, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, key+"-0123456789abcdef", codes...)
		if err != nil {
			return made, err
		}
		must(t, c.Plan(t.Context(), made.ID))
		return c.header(made.ID), nil
	}
	_, err := again("none", "slot-taken")
	refused(t, err, fault.Invalid, op.ID+` left nobody for the reason "slot-taken".`)

	first, err := again("first", "gone", "changed-since", "gone")
	must(t, err)
	list(t, "subjects of the first", c.subjects(first), "P003", "P004")
	equal(t, "words", first.Selected.Words, "those whom "+op.ID+" did not change: changed since the preview, record no longer there")
	for _, x := range c.excluded(first) {
		equal(t, "left out "+x.Subject, x.Code, bulk.UnknownSubject)
	}
	list(t, "left", left(), "changed-since 2 true "+first.ID, "gone 1 false "+first.ID, "locked 1 true ")
	_, err = again("both", "locked", "gone")
	refused(t, err, fault.Conflict, op.ID+" is run again as "+first.ID+" already. Go on from that one.")
	same, err := again("first", "changed-since", "gone")
	must(t, err)
	equal(t, "asked twice", same.ID, first.ID)
	_, err = again("first", "locked")
	equal(t, "another with the same key", fault.CodeOf(err), fault.Conflict)

	c.byHand("P002", registry.LockedBy, "")
	second, err := again("second") // what is left of those whom it can help
	must(t, err)
	list(t, "subjects of the second", c.subjects(second), "P002")
	equal(t, "the rest", fault.CodeOf(c.MayNotFollow(t.Context(), c.header(op.ID), bulk.Rerun)), fault.Conflict)

	_, err = c.Cancel(t.Context(), ada, first.ID)
	must(t, err)
	list(t, "left", left(), "changed-since 2 true ", "gone 1 false ", "locked 1 true "+second.ID)
	third, err := again("third", "gone")
	must(t, err)
	equal(t, "changes of the third", third.Plan.Changes, 0)
}

func TestWhatNoRunCanHelpIsRunAgainOnlyWhenChosen(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1", "P2"})
	op := c.started(asks(registry.OnHold, "P1", "P2"))
	c.store.Remove(registry.ProfileRef("P2"))
	op = c.finish(op)
	_, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, "a-key-0123456789abcdef")
	refused(t, err, fault.Conflict, "Another run cannot help those whom "+op.ID+" did not change. Choose the reasons for which it is to be tried nevertheless.")
	equal(t, "chosen", c.MayNotFollow(t.Context(), op, bulk.Rerun, bulk.Gone), nil)
}

func TestARerunOfAStoppedOperationGoesOnWithTheRest(t *testing.T) {
	c := newClinic(t)
	ids := numbered(150)
	c.admit(registry.Active, ids)
	op := c.started(asks(registry.OnHold, ids...))
	_, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	_, err = c.Stop(t.Context(), ada, op.ID)
	must(t, err)
	op, err = c.Finish(t.Context(), op.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
	next := c.again(op, bulk.Rerun)
	list(t, "subjects", c.subjects(next), ids[100:]...)
	equal(t, "state", next.State, bulk.Completed)
}

// Who asks for the same rerun in two tabs at once gets one. Whichever way the
// other is found out, nothing of it is left open.
func TestOfTwoRerunsAtOnceOneGoesOn(t *testing.T) {
	c := newClinic(t)
	op := c.half()
	first := true
	var won bulk.Operation
	c.fault = func(call string, do func() error) error {
		if call == "Create" && first { // the other tab is quicker
			first = false
			var err error
			won, err = c.Again(t.Context(), ada, op.ID, bulk.Rerun, "quick-0123456789abcdef")
			must(t, err)
		}
		return do()
	}
	lost, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, "slow-0123456789abcdef")
	says := op.ID + " is run again as " + won.ID + " already. Go on from that one."
	refused(t, err, fault.Conflict, says)
	lost = c.header(lost.ID)
	equal(t, "the slower", lost.State, bulk.Cancelled)
	equal(t, "cause", lost.Cause, says)
	equal(t, "the quicker", c.header(won.ID).State, bulk.Planning)
	list(t, "follow", c.header(op.ID).Follow, bulk.Link{As: bulk.Rerun, Operation: won.ID})
}

// A request that died before it linked its rerun is not planned beside another.
func TestARerunThatWasNotLinkedIsNotPlannedBesideAnother(t *testing.T) {
	c := newClinic(t)
	op := c.half()
	c.outage("Update", false, errors.New("died"))
	lost, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, "slow-0123456789abcdef")
	equal(t, "died", err != nil, true)
	c.fault = noFault
	won, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, "quick-0123456789abcdef")
	must(t, err)
	equal(t, "planned", fault.CodeOf(c.Plan(t.Context(), lost.ID)), fault.Conflict)
	equal(t, "the first", c.header(lost.ID).State, bulk.Cancelled)
	must(t, c.Plan(t.Context(), lost.ID))
	must(t, c.Plan(t.Context(), won.ID))
	equal(t, "the second", c.header(won.ID).State, bulk.Ready)
}

// half is an operation that changed one of two patients.
func (c *clinic) half() bulk.Operation {
	c.t.Helper()
	c.admit(registry.Active, []string{"P1", "P2"})
	op := c.started(asks(registry.OnHold, "P1", "P2"))
	c.byHand("P2", registry.LockedBy, "Dr. No")
	return c.finish(op)
}

// Whatever is run again, from whichever operation, in whatever order: from each
// at most one other has run, and nobody is written to once more who was reached.
func TestWhatIsRunAgainRepeatsNoSuccess(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newClinic(t)
		c.twoFacilities()
		deaf := map[string]bool{}
		c.Mailer = deafTo{c.Mailer, deaf}
		hear := func() {
			for _, name := range []string{"ada", "grace", "henry", "lin", "tom"} {
				deaf[name+"@clinic.example"] = rapid.Bool().Draw(r, "refused: "+name)
			}
		}
		hear()
		all := []bulk.Operation{c.finished(tellsStaff(kind.EveryRole, "P1", "P4"))}
		for n := range rapid.IntRange(1, 8).Draw(r, "steps") {
			hear()
			op := c.header(rapid.SampledFrom(all).Draw(r, "from").ID)
			var taken string
			for _, link := range op.Follow {
				if next := c.header(link.Operation); !next.State.Ended() || !next.Started.IsZero() {
					taken = next.ID
				}
			}
			may := op.Final.Done < op.Plan.Changes && op.State.Ended() && !op.Started.IsZero() && taken == ""
			codes := rapid.SampledFrom([][]string{nil, {bulk.MailRefused}}).Draw(r, "for")
			may = may && (codes == nil || len(op.Left) > 0)
			equal(t, "offered", c.MayNotFollow(t.Context(), op, bulk.Rerun, codes...) == nil, may)
			made, err := c.Again(t.Context(), ada, op.ID, bulk.Rerun, fmt.Sprintf("step-%d-0123456789abcdef", n), codes...)
			if !may {
				equal(t, "run again", fault.CodeOf(err), fault.Conflict)
				continue
			}
			must(t, err)
			must(t, c.Plan(t.Context(), made.ID))
			switch rapid.SampledFrom([]string{"runs", "runs", "is cancelled", "stays open"}).Draw(r, "it") {
			case "runs":
				c.finish(c.start(c.approve(c.submit(c.header(made.ID)))))
			case "is cancelled":
				_, err = c.Cancel(t.Context(), ada, made.ID)
				must(t, err)
			}
			all = append(all, made)
		}
		done := map[string]string{}
		for _, op := range all {
			if op = c.header(op.ID); op.Started.IsZero() {
				continue
			}
			for subject, o := range c.outcomes(op) {
				if o.State == bulk.Done && done[subject] != "" {
					r.Fatalf("%s was reached by %s and by %s", subject, done[subject], op.ID)
				}
				if o.State == bulk.Done {
					done[subject] = op.ID
				}
			}
		}
		for to, mails := range c.notices() {
			if len(mails) > 1 {
				r.Fatalf("%d mails to %s", len(mails), to)
			}
		}
	})
}

// deafTo is a mail service that refuses some addresses.
type deafTo struct {
	engine.Mailer
	deaf map[string]bool
}

func (d deafTo) Send(ctx context.Context, m engine.Mail) error {
	if m.Notice != "" && d.deaf[m.To] {
		return fault.New(fault.Invalid, "The mail service refused the address.")
	}
	return d.Mailer.Send(ctx, m)
}

func TestWhatCannotBeFollowed(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, []string{"P1"})
	op := c.submitted(asks(registry.OnHold, "P1"))
	_, err := c.Again(t.Context(), ada, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
	refused(t, err, fault.Conflict, op.ID+" has not run to its end, so there is nothing to run again or to roll back.")
	_, err = c.Again(t.Context(), ben, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
	equal(t, "to somebody who may not see it", fault.CodeOf(err), fault.NotFound)
	_, err = c.Again(t.Context(), ula, op.ID, bulk.Rollback, "a-key-0123456789abcdef")
	equal(t, "to an auditor", fault.CodeOf(err), fault.Conflict)
	_, err = c.Request(t.Context(), ada, engine.Request{Kind: "rollback", Key: "a-key-0123456789abcdef", Params: bulk.Params{kind.Undoes: op.ID},
		Selection: bulk.Selection{Source: bulk.Pasted, IDs: []string{"P1"}}})
	refused(t, err, fault.Invalid, "Run an operation again, or roll it back, from its own page.")
	r := asks(registry.Active)
	r.Selection = bulk.Selection{Source: bulk.FromDone, Of: op.ID}
	_, err = c.Request(t.Context(), ada, r)
	refused(t, err, fault.Invalid, "Run an operation again, or roll it back, from its own page.")
}
