package engine

import (
	"context"
	"iter"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// Visible returns an operation that the person may see: their own; as
// administrator or auditor any; as somebody who may approve, those that touch
// only facilities they hold. Everything else is the same fault.NotFound as an
// unknown id. Its state and counts are for all of them; MayNotReadSubjects says
// who may read more.
func (e *Engine) Visible(ctx context.Context, actor staff.Person, id string) (bulk.Operation, error) {
	op, err := e.Operations.Operation(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return bulk.Operation{}, errUnknown(id)
	}
	if err != nil {
		return bulk.Operation{}, err
	}
	if !sees(actor, op) {
		return bulk.Operation{}, errUnknown(id)
	}
	return op, nil
}

func sees(actor staff.Person, op bulk.Operation) bool {
	switch {
	case actor.Disabled:
		return false
	case op.Requester.Sub == actor.Sub, actor.ReadsAll():
		return true
	}
	return actor.Role.AtLeast(staff.TeamLead) && len(op.Plan.Facilities) > 0 && actor.HoldsAll(op.Plan.Facilities)
}

// MayNotReadSubjects says why the person, who may see an operation, may not read
// who its subjects are and what becomes of each; nil when they may. A requester
// may as long as they hold every facility of the plan. All or nothing: a part of
// a plan would be taken for the whole.
func (e *Engine) MayNotReadSubjects(actor staff.Person, op bulk.Operation) error {
	switch {
	case !sees(actor, op):
		return errUnknown(op.ID)
	case actor.ReadsAll(), actor.HoldsAll(op.Plan.Facilities) && (op.Requester.Sub != actor.Sub || actor.HoldsAll(op.Plan.LeftOut)):
		return nil
	}
	return fault.New(fault.Forbidden, "You no longer hold every facility that %s is about, so its patients are not shown to you. If you need them, ask an administrator for the right in these facilities; for patients of your own facilities, ask for a new operation.", op.ID)
}

// ByRef returns the operation behind the link of an approval mail. The link
// alone shows nothing: it must be the actor's own.
func (e *Engine) ByRef(ctx context.Context, actor staff.Person, ref string) (bulk.Operation, error) {
	a, err := e.Staff.ApprovalRef(ctx, ref, e.Now())
	if fault.Is(err, fault.NotFound) || err == nil && a.Approver != actor.Sub {
		return bulk.Operation{}, fault.New(fault.NotFound, "This link is not for you, or it has expired. Requests that wait for you are listed under Approvals.")
	}
	if err != nil {
		return bulk.Operation{}, err
	}
	return e.Visible(ctx, actor, a.Operation)
}

// Changes returns a page of a plan's changes: one batch. Pages count from 1; a
// page that is not there is empty.
func (e *Engine) Changes(ctx context.Context, op bulk.Operation, page int) ([]bulk.Change, error) {
	if page < 1 || page > op.Plan.Batches {
		return nil, nil
	}
	b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, page)
	return b.Changes, err
}

// Exclusions yields the exclusions of a plan, in its order.
func (e *Engine) Exclusions(ctx context.Context, op bulk.Operation) iter.Seq2[bulk.Exclusion, error] {
	return func(yield func(bulk.Exclusion, error) bool) {
		for page := 1; page <= op.Plan.Pages; page++ {
			exclusions, err := e.Operations.Exclusions(ctx, op.ID, op.Plan.Run, page)
			if err != nil {
				yield(bulk.Exclusion{}, err)
				return
			}
			for _, x := range exclusions {
				if !yield(x, nil) {
					return
				}
			}
		}
	}
}

// Line is one change of a plan with what became of it.
type Line struct {
	Change  bulk.Change
	Outcome bulk.Outcome // State NotAttempted while there is none
}

// PageOfLines returns the changes of one batch with their outcomes. Pages count
// from 1; a page that is not there is empty.
func (e *Engine) PageOfLines(ctx context.Context, op bulk.Operation, page int) ([]Line, error) {
	if page < 1 || page > op.Plan.Batches {
		return nil, nil
	}
	b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, page)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, 0, len(b.Changes))
	for group := range b.Groups {
		result, have, err := e.Operations.Result(ctx, op.ID, page, group)
		if err != nil {
			return nil, err
		}
		for n := b.Begin(group); n < b.Groups[group]; n++ {
			lines = append(lines, lineOf(op, b, n, result, have))
		}
	}
	return lines, nil
}

// lineOf is the batch's change n, counted from 0, with its outcome in the result
// of its group, if there is one.
func lineOf(op bulk.Operation, b bulk.Batch, n int, r bulk.Result, have bool) Line {
	c := b.Changes[n]
	if !have {
		return Line{c, bulk.Outcome{Subject: c.Subject, State: bulk.NotAttempted}}
	}
	return Line{c, cameBack(op, b.Number, n, r.Outcome(c.Subject))}
}

// Lines yields every change of a plan with its outcome, in the plan's order.
func (e *Engine) Lines(ctx context.Context, op bulk.Operation) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		next, stop := iter.Pull2(e.Operations.Results(ctx, op.ID))
		defer stop()
		result, err, more := next()
		for number := 1; number <= op.Plan.Batches; number++ {
			if err != nil {
				yield(Line{}, err)
				return
			}
			batch, batchErr := e.Operations.Batch(ctx, op.ID, op.Plan.Run, number)
			if batchErr != nil {
				yield(Line{}, batchErr)
				return
			}
			for group := range batch.Groups {
				have := more && result.Batch == number && result.Group == group
				for n := batch.Begin(group); n < batch.Groups[group]; n++ {
					if !yield(lineOf(op, batch, n, result, have), nil) {
						return
					}
				}
				if have {
					if result, err, more = next(); err != nil {
						yield(Line{}, err)
						return
					}
				}
			}
		}
	}
}

// Progress returns how far an operation is.
func (e *Engine) Progress(ctx context.Context, op bulk.Operation) (bulk.Tally, error) {
	if op.State.Ended() {
		return op.Final, nil
	}
	if op.Started.IsZero() {
		return bulk.Tally{}, nil
	}
	return e.Operations.Progress(ctx, op.ID)
}

// Approvals returns the operations that wait for a decision which the person
// may take, longest wait first, without those of HandedOn.
func (e *Engine) Approvals(ctx context.Context, actor staff.Person) ([]bulk.Operation, error) {
	return e.pick(ctx, e.Operations.Open(ctx, bulk.WaitsForApproval), 1000, func(op bulk.Operation) bool {
		return e.MayDecideOn(actor, op) && op.Approval.TakenFrom(actor.Sub) == nil
	})
}

// HandedOn returns the operations about which the person was asked, and which
// now wait for somebody else's decision.
func (e *Engine) HandedOn(ctx context.Context, actor staff.Person) ([]bulk.Operation, error) {
	return e.pick(ctx, e.Operations.Open(ctx, bulk.WaitsForApproval), 1000, func(op bulk.Operation) bool {
		return sees(actor, op) && op.Approval.TakenFrom(actor.Sub) != nil
	})
}

// Mine returns the person's latest operations, newest first.
func (e *Engine) Mine(ctx context.Context, actor staff.Person, most int) ([]bulk.Operation, error) {
	return e.pick(ctx, e.Operations.ByRequester(ctx, actor.Sub), most, func(bulk.Operation) bool { return true })
}

// Recent returns the operations of the last days that the person may see,
// newest first.
func (e *Engine) Recent(ctx context.Context, actor staff.Person, days, most int) ([]bulk.Operation, error) {
	return e.pick(ctx, e.recentIDs(ctx, days), most, func(op bulk.Operation) bool { return sees(actor, op) })
}

// pick reads the headers of ids and keeps the first most that pass.
func (e *Engine) pick(ctx context.Context, ids iter.Seq2[string, error], most int, pass func(bulk.Operation) bool) ([]bulk.Operation, error) {
	var picked []bulk.Operation
	var chunk []string
	flush := func() error {
		headers, err := e.Operations.OperationsByID(ctx, chunk)
		for _, id := range chunk {
			if op, ok := headers[id]; ok && pass(op) && len(picked) < most {
				picked = append(picked, op)
			}
		}
		chunk = chunk[:0]
		return err
	}
	for id, err := range ids {
		if err != nil {
			return nil, err
		}
		if slices.Contains(chunk, id) {
			continue
		}
		chunk = append(chunk, id)
		if len(chunk) == 50 {
			if err := flush(); err != nil {
				return nil, err
			}
			if len(picked) >= most {
				return picked, nil
			}
		}
	}
	return picked, flush()
}
