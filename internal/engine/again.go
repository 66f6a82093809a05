package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Again asks for an operation made from one that has ended: the same again for
// those whom it did not change and for whom that can help (bulk.Rerun), or the
// reverse for those whom it changed (bulk.Rollback). Either is an operation
// like any other, with its own plan and approval. key is as in Request.
func (e *Engine) Again(ctx context.Context, actor staff.Person, id string, as bulk.LinkKind, key string) (bulk.Operation, error) {
	of, err := e.Visible(ctx, actor, id)
	if err != nil {
		return of, err
	}
	k, err := mustKind(of.Kind)
	if err != nil {
		return of, err
	}
	if err := mayFollow(of, k, as); err != nil {
		return of, err
	}
	if as == bulk.Rerun {
		made, err := e.Operations.MadeWith(ctx, actor.Sub, key)
		if err == nil && made == "" {
			err = e.notRunAgain(ctx, of)
		}
		if err != nil {
			return of, err
		}
	}
	r := Request{Kind: of.Kind, Params: of.Params, Key: key, origin: &bulk.Link{As: as, Operation: id},
		Selection: bulk.Selection{Source: bulk.FromLeft, Of: id}}
	if as == bulk.Rollback {
		directory, err := e.Registry.Directory(ctx)
		if err != nil {
			return of, err
		}
		root := of.Kind
		if of.Kind == kind.Rollback.Name {
			root = of.Params[kind.UndoesKind]
		}
		r.Kind, r.Selection.Source = kind.Rollback.Name, bulk.FromDone
		r.Params = bulk.Params{kind.Undoes: id, kind.UndoesKind: root, kind.UndoesWhat: k.Summary(of.Params, directory)}
	}
	return e.Request(ctx, actor, r)
}

// MayNotFollow says why no operation can be made from op in this way; nil when
// one can, by somebody who may ask for operations.
func (e *Engine) MayNotFollow(ctx context.Context, op bulk.Operation, as bulk.LinkKind) error {
	k, err := mustKind(op.Kind)
	if err != nil {
		return err
	}
	if err := mayFollow(op, k, as); err != nil || as != bulk.Rerun {
		return err
	}
	return e.notRunAgain(ctx, op)
}

// RunAgainAs returns the rerun of op that is still open or has run, "" where
// there is none. While there is one, only that one can be run again: what op
// left is its to do, and what it has done must not be done once more. A rerun
// that ended before it ran did nothing, and never will.
func (e *Engine) RunAgainAs(ctx context.Context, op bulk.Operation) (string, error) {
	for _, link := range slices.Backward(op.Follow) {
		if link.As != bulk.Rerun {
			continue
		}
		next, err := e.Operations.Operation(ctx, link.Operation)
		if err != nil {
			return "", err
		}
		if !next.State.Ended() || !next.Started.IsZero() {
			return next.ID, nil
		}
	}
	return "", nil
}

func (e *Engine) notRunAgain(ctx context.Context, op bulk.Operation) error {
	next, err := e.RunAgainAs(ctx, op)
	if err == nil && next != "" {
		err = fault.New(fault.Conflict, "%s is run again as %s already. Go on from that one.", op.ID, next)
	}
	return err
}

func mayFollow(op bulk.Operation, k kind.Kind, as bulk.LinkKind) error {
	switch {
	case as != bulk.Rerun && as != bulk.Rollback:
		return fault.New(fault.Invalid, "An operation can be followed by a rerun or a rollback.")
	case !op.State.Ended() || op.Started.IsZero():
		return fault.New(fault.Conflict, "%s has not run to its end, so there is nothing to run again or to roll back.", op.ID)
	case as == bulk.Rollback && !k.Undoable:
		return fault.New(fault.Conflict, "What %s did cannot be rolled back: it changed no records.", op.ID)
	case as == bulk.Rollback && op.Final.Done == 0:
		return fault.New(fault.Conflict, "%s changed nobody, so there is nothing to roll back.", op.ID)
	case as == bulk.Rerun && op.Final.Done == op.Plan.Changes && len(op.Bounced) == 0:
		return fault.New(fault.Conflict, "%s changed everybody in its plan, so there is nobody to run it for again.", op.ID)
	}
	return nil
}

// earlier yields the subjects of an earlier operation that a selection chooses.
func (e *Engine) earlier(ctx context.Context, s bulk.Selection) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		of, err := e.Operations.Operation(ctx, s.Of)
		if err != nil {
			yield(candidate{}, err)
			return
		}
		var given map[string]registry.Fields
		if s.Source == bulk.FromLeft {
			if given, err = e.givenTo(ctx, s.Of); err != nil {
				yield(candidate{}, err)
				return
			}
		}
		for line, err := range e.Lines(ctx, of) {
			if err != nil {
				yield(candidate{}, err)
				return
			}
			c := candidate{id: line.Change.Subject, given: given[line.Change.Subject]}
			switch {
			case s.Source == bulk.FromDone && line.Outcome.State == bulk.Done:
				done := line.Change
				c.change = &done
			case s.Source == bulk.FromLeft && (line.Outcome.Retryable || line.Outcome.State == bulk.NotAttempted):
				switch {
				case of.Kind == kind.Rollback.Name: // what it was to take back
					undone := line.Change.Inverse()
					c.change = &undone
				case line.Change.Notice != nil: // to whom it was to write
					c.change = noticeOf(of.ID, line.Change)
				}
			default:
				continue
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// earlierWords says what a selection takes from an earlier operation.
func earlierWords(s bulk.Selection) string {
	if s.Source == bulk.FromDone {
		return fmt.Sprintf("everybody whom %s changed", s.Of)
	}
	return fmt.Sprintf("those whom %s did not change and for whom another run can help", s.Of)
}
