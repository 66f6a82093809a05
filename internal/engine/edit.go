package engine

import (
	"context"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// MayNotEdit says why the person cannot ask anew in the place of an operation;
// nil when they can: it is their own, has not run, and does not begin right now.
func (e *Engine) MayNotEdit(actor staff.Person, op bulk.Operation) error {
	switch {
	case op.Requester.Sub != actor.Sub:
		return fault.New(fault.Forbidden, "Only %s, who asked for it, can edit this request.", op.Requester.Name)
	case op.Selected.Source == bulk.FromDone || op.Selected.Source == bulk.FromLeft:
		return fault.New(fault.Conflict, "%s was made from another operation. Open that one and run it again, or roll it back, from there.", op.ID)
	case !op.State.Ended() && !op.State.MayBecome(bulk.Expired) && !op.StartsLater(e.Now()) || !op.Started.IsZero():
		return fault.New(fault.Conflict, "%s cannot be edited: it is %s.", op.ID, op.State.InSentence())
	}
	return e.MayNotReadSubjects(actor, op) // it shows whom they chose
}

// EditedSelection returns what was selected for an operation, for a request
// that takes its place.
func (e *Engine) EditedSelection(ctx context.Context, actor staff.Person, id string) (bulk.Operation, bulk.Selection, error) {
	op, err := e.Visible(ctx, actor, id)
	if err == nil {
		err = e.MayNotEdit(actor, op)
	}
	if err != nil {
		return op, bulk.Selection{}, err
	}
	s, err := e.Operations.Selection(ctx, id)
	return op, s, err
}

// copySelection completes a request that takes the place of an operation.
func (e *Engine) copySelection(ctx context.Context, actor staff.Person, r *Request) error {
	op, s, err := e.EditedSelection(ctx, actor, r.Edits)
	if err != nil {
		return err
	}
	r.origin = &bulk.Link{As: bulk.Edited, Operation: op.ID}
	if r.Selection.Source == "" {
		r.Selection, r.Duplicate = s, op.Selected.Duplicates
	}
	return nil
}

// withdraw takes an operation back, unless it has ended already.
func (e *Engine) withdraw(ctx context.Context, actor staff.Person, id string) error {
	op, err := e.Visible(ctx, actor, id)
	if err == nil && !op.State.Ended() {
		_, err = e.Cancel(ctx, actor, id)
	}
	return err
}
