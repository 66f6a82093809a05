package engine

import (
	"context"
	"errors"
	"time"

	"bulkops/internal/bulk"
)

// The state machine's two waits.
const (
	WaitReview  = "review"  // for the requester to submit
	WaitApprove = "approve" // for an approver to decide
)

// Answer is what the state machine gets when a wait ends.
type Answer struct {
	Next    string `json:"next"`              // one of the constants below
	StartAt string `json:"startAt,omitempty"` // with NextRun: not before this moment (RFC 3339)
}

// What the state machine does next. A rejection is an answer, not an error.
const (
	NextApprove = "approve" // after the review: wait for the approver
	NextRun     = "run"     // after the approval: run
	NextClose   = "close"   // nothing is left to do
)

// Await keeps the state machine's token for a wait on the server side, and sends
// the mails that are due: to the approvers, when it is for their decision. A decision
// that came before the token is delivered at once, and what has waited too long
// expires. The machine calls again, with another token, when it gave a call up or has
// waited for the whole time; since that call may still be on its way, and come later,
// every token is kept until it has been used.
func (e *Engine) Await(ctx context.Context, id, wait, token string) error {
	if err := e.Operations.PutToken(ctx, id, wait, token); err != nil {
		return err
	}
	op, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return err
	}
	if e.late(op) {
		_, err := e.expire(ctx, id)
		return err
	}
	e.deliver(ctx, op)
	e.post(ctx, op)
	return nil
}

// answers says what each stored token is to be told in the operation's state. A wait that is
// missing is still to be waited for.
func answers(op bulk.Operation) map[string]Answer {
	switch s := op.State; {
	case s == bulk.AwaitingApproval:
		return map[string]Answer{WaitReview: {Next: NextApprove}}
	case s == bulk.Scheduled, s == bulk.Running, s == bulk.Stopping:
		run := Answer{Next: NextRun}
		if !op.Start.IsZero() {
			run.StartAt = op.Start.At.UTC().Format(time.RFC3339)
		}
		return map[string]Answer{WaitReview: {Next: NextApprove}, WaitApprove: run}
	case s.Ended():
		return map[string]Answer{WaitReview: {Next: NextClose}, WaitApprove: {Next: NextClose}}
	}
	return nil
}

// deliver tells the state machine what has been recorded. What cannot be
// delivered now keeps its token, and the watch delivers it later.
func (e *Engine) deliver(ctx context.Context, op bulk.Operation) {
	for _, wait := range []string{WaitReview, WaitApprove} {
		answer, ok := answers(op)[wait]
		if !ok {
			continue
		}
		if err := e.deliverOne(ctx, op.ID, wait, answer); err != nil {
			e.Log(ctx, "an answer could not be delivered; the watch tries again", err, "operation", op.ID, "wait", wait)
		}
	}
}

// deliverOne answers a wait with every token there is for it: all but one are
// of calls that the machine gave up.
func (e *Engine) deliverOne(ctx context.Context, id, wait string, answer Answer) error {
	for {
		token, ok, err := e.Operations.Token(ctx, id, wait)
		if err != nil || !ok {
			return err
		}
		if err := e.Machine.Succeed(ctx, token, answer); err != nil && !errors.Is(err, ErrNoWait) {
			return err
		}
		if err := e.Operations.DeleteToken(ctx, id, wait, token); err != nil {
			return err
		}
	}
}
