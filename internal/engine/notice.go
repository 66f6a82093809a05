package engine

import (
	"context"
	"fmt"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
)

// A notice is sent at most once, whatever happens. Who sends it claims it first:
// of all calls one gets the claim. What became of it is stored with the claim;
// a claim without that means that the notice may have been sent, and nobody
// sends it again.

// sendNotices sends the notices of a group that nobody has set out to send, and
// returns the outcomes of the group's notices that are not done.
func (e *Engine) sendNotices(ctx context.Context, op bulk.Operation, b bulk.Batch, group int) ([]bulk.Outcome, error) {
	var others []bulk.Outcome
	for n := b.Begin(group); n < b.Groups[group]; n++ {
		if b.Changes[n].Notice == nil {
			continue
		}
		if closing(ctx) {
			return nil, fault.New(fault.Busy, "The notices of batch %d of %s take long; the next call sends the others.", b.Number, op.ID)
		}
		outcome, err := e.sendNotice(ctx, op, b, n)
		if err != nil {
			return nil, err
		}
		if outcome.State != bulk.Done {
			others = append(others, outcome)
		}
	}
	return others, nil
}

// sendNotice sends the notice of the batch's change n, unless another call has
// set out to, and returns what became of it.
func (e *Engine) sendNotice(ctx context.Context, op bulk.Operation, b bulk.Batch, n int) (bulk.Outcome, error) {
	mine := bulk.Claim{By: e.Secret(), At: e.Now(), Recipient: b.Changes[n].Subject}
	held, err := e.claim(ctx, op.ID, b.Number, n, mine)
	for try := 0; err == nil && held.By != mine.By && held.Outcome == nil && try < maxTries; try++ {
		e.Pause(ctx, jitter(try)) // another call may be sending it just now
		held, err = e.claim(ctx, op.ID, b.Number, n, mine)
	}
	if err != nil || held.By != mine.By {
		return outcomeOf(held, b.Changes[n]), err
	}
	outcome := e.send(ctx, e.noticeMail(op, b, n), b.Changes[n])
	mine.Outcome = &outcome
	if err := e.Operations.PutOutcome(ctx, op.ID, b.Number, n, mine); err != nil {
		e.Log(ctx, "what became of a notice could not be stored with its claim", err, "operation", op.ID, "batch", b.Number, "change", n)
	}
	return outcome, nil
}

// closeGroup returns the result of a group that is not to be attempted any
// more. Of its notices, those that nobody has set out to send never will be.
func (e *Engine) closeGroup(ctx context.Context, op bulk.Operation, b bulk.Batch, group int) (bulk.Result, error) {
	r := bulk.Result{Batch: b.Number, Group: group}
	for n := b.Begin(group); n < b.Groups[group]; n++ {
		outcome := bulk.Outcome{Subject: b.Changes[n].Subject, State: bulk.NotAttempted}
		if b.Changes[n].Notice != nil {
			held, err := e.claim(ctx, op.ID, b.Number, n, bulk.Claim{By: e.Secret(), At: e.Now(), Recipient: outcome.Subject, Outcome: &outcome})
			if err != nil {
				return r, err
			}
			outcome = outcomeOf(held, b.Changes[n])
		}
		if outcome.State != bulk.Done {
			r.Others = append(r.Others, outcome)
		}
	}
	if size := len(b.Group(group)); bulk.TallyOf(size, r.Others).Attempted() == 0 {
		return bulk.Result{Batch: b.Number, Group: group, Closed: true}, nil
	}
	return r, nil
}

// claim returns the claim that counts: c, or one made before.
func (e *Engine) claim(ctx context.Context, id string, batch, n int, c bulk.Claim) (held bulk.Claim, err error) {
	for try := range maxTries {
		if ctx.Err() != nil {
			break
		}
		if held, err = e.Operations.Claim(ctx, id, batch, n, c); err == nil {
			return held, nil
		}
		e.Pause(ctx, jitter(try))
	}
	return held, fault.Wrap(err, fault.Busy, "A notice of %s could not be claimed now; it is tried again.", id)
}

// outcomeOf is what became of a notice that another call has claimed.
func outcomeOf(held bulk.Claim, c bulk.Change) bulk.Outcome {
	if held.Outcome == nil {
		return mayBeSent(c)
	}
	return *held.Outcome
}

func mayBeSent(c bulk.Change) bulk.Outcome {
	return bulk.Outcome{Subject: c.Subject, State: bulk.Failed, Code: bulk.MailUnknown,
		Sentence: "It may have been sent: no answer came back. It is not sent again by itself. Ask whether it arrived before you write again."}
}

// noticeTime is more than it takes to send one notice and to store what became of it.
const noticeTime = 15 * time.Second

// closing reports whether a call has no time for another notice: were it killed
// in the middle, nobody could say that a notice was not sent.
func closing(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < noticeTime
}

// send sends a claimed notice, again only where it is sure that it was not sent.
func (e *Engine) send(ctx context.Context, m Mail, c bulk.Change) bulk.Outcome {
	refused := bulk.Outcome{Subject: c.Subject, State: bulk.Failed, Code: bulk.MailRefused, Retryable: true}
	for try := 0; try == 0 || try < maxTries && !closing(ctx); try++ {
		err := e.Mailer.Send(ctx, m)
		switch fault.CodeOf(err) {
		case "":
			return bulk.Outcome{Subject: c.Subject, State: bulk.Done}
		case fault.Busy:
			e.Pause(ctx, jitter(try))
			continue
		case fault.Invalid:
			refused.Sentence = fault.Sentence(err)
			return refused
		}
		e.Log(ctx, "no answer to a notice came back", err)
		return mayBeSent(c)
	}
	refused.Sentence = "It was not sent: the mail service was too busy for too long."
	return refused
}

// noticeMail is a notice as it is sent. Its link leads to the patients whom it
// is about, for who may see them.
func (e *Engine) noticeMail(op bulk.Operation, b bulk.Batch, n int) Mail {
	notice, number := b.Changes[n].Notice, NoticeNumber(b.Number, n)
	m := letter(notice.To, notice.Heading, []string{notice.Text},
		[][2]string{{"Patients", english.Number(notice.Patients)}, {"Sent for", op.Requester.Name}, {"Operation", op.ID}},
		"See which patients", e.PortalURL+"/operations/"+op.ID+"/notices/"+number,
		"You sign in before you see them. Mails hold no names or numbers of patients; leave them out of an answer, too.")
	m.Operation, m.Notice = op.ID, number
	return m
}

// NoticeNumber is the number under which pages know the notice of a change,
// counted from 0 in its batch.
func NoticeNumber(batch, change int) string { return fmt.Sprintf("%d-%d", batch, change+1) }
