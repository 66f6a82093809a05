package engine

import (
	"context"
	"errors"
	"time"

	"bulkops/internal/bulk"
)

// Swept counts what one sweep of the watch did.
type Swept struct {
	Looked    int `json:"looked"`    // open operations looked at
	Reminded  int `json:"reminded"`  // requests for approval
	Escalated int `json:"escalated"` // requests for approval
	Expired   int `json:"expired"`
	Restarted int `json:"restarted"` // executions that had not been started
	Closed    int `json:"closed"`    // operations whose execution had died
	Deleted   int `json:"deleted"`   // files of exports, and what may be left of some
	Mailed    int `json:"mailed"`    // operations whose mails that were left have been tried
}

// callsLast is longer than any call of a function.
const callsLast = time.Hour

// startGrace is how long an execution may take to appear before the watch
// starts it again.
const startGrace = time.Minute

// Watch sweeps over the open operations: it delivers answers that were not
// delivered, reminds, escalates, expires, deletes the files of exports whose
// time has come and what others may have left, starts what was not started,
// closes what has died, and sends the mails that are due. It is the truth about
// time; the state machine's own time-outs are the second line. One operation's
// trouble does not keep it from the others, and none waits for the mail service:
// mails are last, and after one without an answer no more are tried.
func (e *Engine) Watch(ctx context.Context) (Swept, error) {
	var s Swept
	silent := *e
	silent.Mailer = nil
	if err := silent.sweep(ctx, &s); err != nil {
		return s, err
	}
	mailing, done := timeFor(ctx, sweepMailTime)
	defer done()
	return s, e.visit(ctx, bulk.WaitsForMail, func(op bulk.Operation) error {
		err := e.sendDue(ctx, mailing, op)
		s.Mailed++
		return err
	})
}

// visit looks at every operation that waits for what, unless there is no time.
func (e *Engine) visit(ctx context.Context, what string, look func(bulk.Operation) error) error {
	var ids []string // first all, then act: acting moves entries of the index
	listed := map[string]bool{}
	for id, err := range e.Operations.Open(ctx, what) {
		if err != nil {
			return err
		}
		if !listed[id] {
			ids, listed[id] = append(ids, id), true
		}
	}
	for _, id := range ids {
		op, err := e.Operations.Operation(ctx, id)
		if err == nil {
			err = look(op)
		}
		if errors.Is(err, errNoTime) {
			return nil
		}
		if err != nil {
			e.Log(ctx, "the watch could not see to an operation; it tries again", err, "operation", id)
		}
	}
	return nil
}

// sweep does what is due, but for mails.
func (e *Engine) sweep(ctx context.Context, s *Swept) error {
	visit := func(what string, look func(bulk.Operation) error) error {
		return e.visit(ctx, what, func(op bulk.Operation) error {
			s.Looked++
			return look(op)
		})
	}
	if err := visit(bulk.WaitsForAnswer, func(op bulk.Operation) error {
		e.deliver(ctx, op)
		return nil
	}); err != nil {
		return err
	}
	if err := visit(bulk.WaitsForApproval, func(op bulk.Operation) error { return e.watchApproval(ctx, op, s) }); err != nil {
		return err
	}
	if err := visit(bulk.WaitsForRequester, func(op bulk.Operation) error {
		if !e.late(op) {
			return nil
		}
		s.Expired++
		_, err := e.expire(ctx, op.ID)
		return err
	}); err != nil {
		return err
	}
	if err := visit(bulk.WaitsForDeletion, func(op bulk.Operation) error {
		switch {
		case op.Remains && e.Now().Sub(op.Ended) >= callsLast:
			s.Deleted++
			return e.deleteRemains(ctx, op)
		case op.File != nil && !e.Now().Before(op.File.Expires):
			s.Deleted++
			return e.deleteFile(ctx, op)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, what := range []string{bulk.WaitsForPlan, bulk.WaitsForMachine} {
		if err := visit(what, func(op bulk.Operation) error { return e.watchExecution(ctx, op, s) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) watchApproval(ctx context.Context, op bulk.Operation, s *Swept) error {
	if e.late(op) {
		s.Expired++
		_, err := e.expire(ctx, op.ID)
		return err
	}
	op = e.delegate(ctx, op) // of those who have gone away since
	waited := e.Now().Sub(op.Approval.Asked)
	switch {
	case waited >= e.Limits.EscalateAfter && op.Approval.Widened.IsZero():
		s.Escalated++
		return e.escalate(ctx, op)
	case waited >= e.Limits.RemindAfter && op.Approval.Reminded.IsZero():
		s.Reminded++
		return e.remind(ctx, op)
	}
	return nil
}

// watchExecution looks whether the execution of an operation is there. One that
// never started is started; one that died is closed.
func (e *Engine) watchExecution(ctx context.Context, op bulk.Operation, s *Swept) error {
	if e.Now().Sub(op.Since) < startGrace {
		return nil
	}
	alive, err := e.Machine.Alive(ctx, op.ID)
	if err != nil || alive {
		return err
	}
	if op.State == bulk.Planning {
		if runs, err := e.Machine.Start(ctx, op.ID); err != nil {
			return err
		} else if runs {
			s.Restarted++
			return nil
		}
	}
	s.Closed++
	_, err = e.Finish(ctx, op.ID, "Died")
	return err
}
