package engine

import (
	"context"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// Cancel takes a request back before it runs.
func (e *Engine) Cancel(ctx context.Context, actor staff.Person, id string) (bulk.Operation, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, err
	}
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State == bulk.Cancelled {
			return bulk.Event{}, errNothingNew
		}
		if err := e.MayNotCancel(actor, *op); err != nil {
			return bulk.Event{}, err
		}
		op.State, op.Ended = bulk.Cancelled, e.Now()
		op.Cause = "Taken back by " + actor.Name + "."
		return bulk.Event{Actor: person(actor), What: "cancelled"}, nil
	})
	if err == nil {
		e.deliver(ctx, op)
		e.post(ctx, op)
	}
	return op, err
}

// MayNotCancel says why the person cannot take the operation back; nil when
// they can. Before the approval that is its requester's; what is approved and
// waits for its start, whoever may approve it can take back too.
func (e *Engine) MayNotCancel(actor staff.Person, op bulk.Operation) error {
	switch {
	case op.Requester.Sub != actor.Sub && (op.State != bulk.Scheduled || e.MayNotDecide(actor, op) != nil):
		if op.State == bulk.Scheduled {
			return fault.New(fault.Forbidden, "Only %s, who asked for it, or somebody who may approve it can take this operation back.", op.Requester.Name)
		}
		return fault.New(fault.Forbidden, "Only %s, who asked for it, can take this request back.", op.Requester.Name)
	case !op.State.MayBecome(bulk.Cancelled):
		return fault.New(fault.Conflict, "This request can no longer be taken back: it is %s.", op.State.InSentence())
	}
	return nil
}

// Stop ends a run after the groups in flight.
func (e *Engine) Stop(ctx context.Context, actor staff.Person, id string) (bulk.Operation, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, err
	}
	return e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		err := e.MayNotStop(actor, *op)
		switch {
		case fault.Is(err, fault.Conflict) && (op.State == bulk.Stopping || op.State == bulk.Stopped):
			return bulk.Event{}, errNothingNew
		case err != nil:
			return bulk.Event{}, err
		}
		op.State, op.Cause = bulk.Stopping, "Stopped by "+actor.Name+"."
		return bulk.Event{Actor: person(actor), What: "stopped"}, nil
	})
}

// MayNotStop says why the person cannot stop the operation; nil when they can: it
// runs, and they have asked for it or may approve it.
func (e *Engine) MayNotStop(actor staff.Person, op bulk.Operation) error {
	switch {
	case op.Requester.Sub != actor.Sub && e.MayNotDecide(actor, op) != nil:
		return fault.New(fault.Forbidden, "Only %s or somebody who may approve this operation can stop it.", op.Requester.Name)
	case op.State != bulk.Running:
		return fault.New(fault.Conflict, "This operation cannot be stopped: it is %s.", op.State.InSentence())
	}
	return nil
}
