package engine

import (
	"context"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
)

// maxBounced is how many of its notices that came back an operation lists: they
// stand in its header.
const maxBounced = 5000

// Bounced records that a notice which the mail service had taken came back, by
// the number that its mail has. The counts of the operation stay: it was sent.
// Told again, it changes nothing.
func (e *Engine) Bounced(ctx context.Context, id, number string) error {
	_, err := e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if slices.Contains(op.Bounced, number) {
			return bulk.Event{}, errNothingNew
		}
		batch, n := parseNoticeNumber(number)
		changes, err := e.Changes(ctx, *op, batch)
		if err != nil {
			return bulk.Event{}, err
		}
		if n < 0 || n >= len(changes) || changes[n].Notice == nil || op.Started.IsZero() {
			return bulk.Event{}, fault.New(fault.NotFound, "%s has sent no message %s.", id, english.Brief(number))
		}
		if len(op.Bounced) == maxBounced {
			return bulk.Event{}, fault.New(fault.TooLarge, "%s has had %d messages come back; no more are listed.", id, maxBounced)
		}
		op.Bounced = append(op.Bounced, number)
		return bulk.Event{What: "came back", Detail: "Message " + number + " to " + changes[n].Subject}, nil
	})
	return err
}

// cameBack is the outcome of the batch's change n, counted from 0, where its
// notice was sent and came back.
func cameBack(op bulk.Operation, batch, n int, o bulk.Outcome) bulk.Outcome {
	if len(op.Bounced) == 0 || o.State != bulk.Done || !slices.Contains(op.Bounced, NoticeNumber(batch, n)) {
		return o
	}
	return bulk.Outcome{Subject: o.Subject, State: bulk.Failed, Code: bulk.MailBounced, Retryable: true,
		Sentence: "It was sent and came back: the address did not take it. Check the address with your administrator, then run it again."}
}
