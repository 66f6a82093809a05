package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

// Nobody waits for the mail service. A change of a header makes the mails due
// that it calls for, in the same write. Who made the change sends them at once,
// as far as that takes no time; what is left the watch sends.

const (
	// mailTime is how long the mails of one call may take, all together, while a
	// person or the state machine waits for it; and how long one mail may take.
	mailTime = 5 * time.Second
	// sweepMailTime is the same for the mails of one sweep of the watch.
	sweepMailTime = time.Minute
	// newsLast is how long a requester is still told of a state.
	newsLast = 7 * 24 * time.Hour
)

// The names of mails that are due begin with what they are, and name whom they
// go to where the header does not say it. Stored: a contract.
const (
	mailAsk    = "ask"    // #<handovers so far>#<sub>: who gets a request back is mailed again
	mailRemind = "remind" // the same
	mailTell   = "tell"   // #<state>: the requester
	mailTask   = "task"   // #<name>#<sub>
)

// mailsFor names the mails that a change of a header calls for. Nobody is mailed
// of what they did themselves.
func mailsFor(before, after bulk.Operation, by bulk.Person) (due []string) {
	was, is := before.Approval, after.Approval
	if after.State == bulk.AwaitingApproval {
		anew := before.State != after.State || len(was.Reassigned) != len(is.Reassigned)
		for _, p := range is.Everybody() {
			if anew || !was.Asks(p.Sub) {
				due = append(due, toName(mailAsk, is, p))
			}
			if was.Reminded.IsZero() && !is.Reminded.IsZero() {
				due = append(due, toName(mailRemind, is, p))
			}
		}
	}
	if after.State != before.State && (after.State == bulk.Scheduled || after.State.Ended()) && by.Sub != after.Requester.Sub {
		due = append(due, mailTell+"#"+string(after.State))
	}
	for _, t := range after.Tasks {
		if to := t.Given.Sub; to != "" && to != by.Sub && to != before.Task(t.Name).Given.Sub {
			due = append(due, mailTask+"#"+t.Name+"#"+to)
		}
	}
	return due
}

func toName(what string, a bulk.Approval, to bulk.Person) string {
	return fmt.Sprintf("%s#%d#%s", what, len(a.Reassigned), to.Sub)
}

// write writes a mail that is due for an operation as it stands in op; ok is
// false where that has nothing to say.
func (e *Engine) write(ctx context.Context, op bulk.Operation, name string) (m Mail, ok bool, err error) {
	what, rest, _ := strings.Cut(name, "#")
	switch what {
	case mailTell:
		if string(op.State) == rest && e.Now().Sub(op.Since) < newsLast {
			m, err = e.toRequester(op)
			return m, true, err
		}
	case mailTask:
		task, sub, _ := strings.Cut(rest, "#")
		for _, t := range e.Tasks(op) {
			if given := op.Task(task); t.Name == task && given.Given.Sub == sub && !given.Done() {
				m, err = e.toTasked(op, t.Task, given)
				return m, true, err
			}
		}
	case mailAsk, mailRemind:
		everybody := op.Approval.Everybody()
		i := slices.IndexFunc(everybody, func(p bulk.Person) bool { return toName(what, op.Approval, p) == name })
		if i >= 0 && op.State == bulk.AwaitingApproval {
			m, err = e.toApprover(ctx, op, everybody[i], what == mailRemind)
			return m, true, err
		}
	}
	return m, false, nil
}

// post sends the mails of an operation that are due, as far as the time for
// mails allows. Without a Mailer they stay due.
func (e *Engine) post(ctx context.Context, op bulk.Operation) {
	if e.Mailer == nil {
		return
	}
	mailing, done := timeFor(ctx, mailTime)
	defer done()
	_ = e.sendDue(ctx, mailing, op) // it is logged, and the watch sends what is left
}

// timeFor returns a context that mails are sent in: for so long, and for half
// of the time that the call has left.
func timeFor(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(end)/2)
	}
	return context.WithTimeout(ctx, most)
}

// errNoTime says that the time for mails has passed, or that the mail service
// gave no answer in it: what is left is not tried now.
var errNoTime = errors.New("no time is left for mails")

// sendDue sends the mails of an operation that are due. One that cannot be sent
// keeps none of the others from being sent, unless it is for errNoTime. Two calls
// at the same time may send the same mail, which does no harm: its link decides
// nothing.
func (e *Engine) sendDue(ctx, mailing context.Context, op bulk.Operation) error {
	due, err := e.Operations.MailsDue(ctx, op.ID)
	for _, name := range due {
		if err = e.settleMail(ctx, mailing, op, name); err != nil {
			e.Log(ctx, "a mail could not be sent; the watch tries again", err, "operation", op.ID)
		}
		if errors.Is(err, errNoTime) {
			return err
		}
	}
	return err
}

func (e *Engine) settleMail(ctx, mailing context.Context, op bulk.Operation, name string) error {
	m, ok, err := e.write(ctx, op, name)
	if err == nil && !ok { // or op is older than the mail
		if op, err = e.Operations.Operation(ctx, op.ID); err == nil {
			m, ok, err = e.write(ctx, op, name)
		}
	}
	if err == nil && ok {
		err = e.mail(mailing, m)
	}
	if err != nil {
		return err
	}
	return e.Operations.SettleMail(ctx, op.ID, name)
}

// mail sends a mail that may be sent twice: it is tried again at once, unless no
// answer came. ctx is from timeFor.
func (e *Engine) mail(ctx context.Context, m Mail) error {
	const tries = 3
	for try := 1; ; try++ {
		one, done := context.WithTimeout(ctx, mailTime)
		err := e.Mailer.Send(one, m)
		late := one.Err() != nil
		done()
		switch {
		case err == nil:
			return nil
		case late:
			return fmt.Errorf("%w: %w", errNoTime, err)
		case fault.Is(err, fault.Invalid) || try == tries:
			return err
		}
		e.Pause(ctx, jitter(try))
	}
}
