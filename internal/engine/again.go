package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Again asks for an operation made from one that has ended: the same again for
// those whom it did not change (bulk.Rerun), or the reverse for those whom it
// changed (bulk.Rollback). Either is an operation like any other, with its own
// plan and approval. key is as in Request. codes are the reasons for which those
// of a rerun were left, as bulk.Outcome.Reason names them; without any, it is for
// all whom another run can help.
func (e *Engine) Again(ctx context.Context, actor staff.Person, id string, as bulk.LinkKind, key string, codes ...string) (bulk.Operation, error) {
	of, err := e.Visible(ctx, actor, id)
	if err == nil {
		err = e.MayNotReadSubjects(actor, of) // its plan names them
	}
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
		if err := e.canBeAsked(ctx, of, k); err != nil {
			return of, err
		}
		if codes, err = e.codesFor(ctx, actor, of, key, codes); err != nil {
			return of, err
		}
	}
	r := Request{Kind: of.Kind, Params: of.Params, Key: key, origin: &bulk.Link{As: as, Operation: id},
		Selection: bulk.Selection{Source: bulk.FromLeft, Of: id, Codes: codes}}
	if as == bulk.Rollback {
		root := of.Kind
		if of.Kind == kind.Rollback.Name {
			root = of.Params[kind.UndoesKind]
		}
		r.Kind, r.Selection = kind.Rollback.Name, bulk.Selection{Source: bulk.FromDone, Of: id}
		r.Params = bulk.Params{kind.Undoes: id, kind.UndoesKind: root, kind.UndoesWhat: of.Summary}
	}
	return e.Request(ctx, actor, r)
}

// canBeAsked refuses to ask again for what nobody could ask for by now.
func (e *Engine) canBeAsked(ctx context.Context, of bulk.Operation, k kind.Kind) error {
	directory, err := e.Registry.Directory(ctx)
	if err != nil {
		return err
	}
	if problems := k.Check(of.Params, directory); len(problems) > 0 {
		return fault.New(fault.Invalid, "%s cannot be asked again as it was: %s Ask for a new operation: download the list of those who were not changed, and upload it there.",
			of.ID, Problems(problems).Error())
	}
	return nil
}

// codesFor are the reasons, sorted, for which a rerun of an operation is asked.
// A request that was made before with the key keeps its own: others may have
// come up since.
func (e *Engine) codesFor(ctx context.Context, actor staff.Person, of bulk.Operation, key string, asked []string) ([]string, error) {
	made, err := e.Operations.MadeWith(ctx, actor.Sub, key)
	if err != nil {
		return nil, err
	}
	if made == "" {
		return e.codesLeft(ctx, of, asked)
	}
	if len(asked) > 0 {
		return sorted(asked), nil
	}
	s, err := e.Operations.Selection(ctx, made)
	return s.Codes, err
}

// codesLeft are the reasons, sorted, for which an operation can be run again:
// those that are asked for, or, without any, those for which that can help. It
// refuses what no operation or another one is run again for.
func (e *Engine) codesLeft(ctx context.Context, of bulk.Operation, asked []string) ([]string, error) {
	all, err := e.Left(ctx, of)
	if err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		again := ""
		for _, l := range all {
			switch {
			case l.Retryable && l.AgainAs == "":
				asked = append(asked, l.Code)
			case l.Retryable:
				again = l.AgainAs
			}
		}
		switch {
		case len(asked) > 0:
		case again != "":
			return nil, errRunAgain(of.ID, again)
		default:
			return nil, fault.New(fault.Conflict, "Another run cannot help those whom %s did not change. Choose the reasons for which it is to be tried nevertheless.", of.ID)
		}
	}
	for _, code := range asked {
		i := slices.IndexFunc(all, func(l Left) bool { return l.Code == code })
		if i < 0 {
			return nil, fault.New(fault.Invalid, "%s left nobody for the reason %q.", of.ID, english.Brief(code))
		}
		if all[i].AgainAs != "" {
			return nil, errRunAgain(of.ID, all[i].AgainAs)
		}
	}
	return sorted(asked), nil
}

func sorted(codes []string) []string { return slices.Compact(slices.Sorted(slices.Values(codes))) }

func errRunAgain(id, as string) error {
	return fault.New(fault.Conflict, "%s is run again as %s already. Go on from that one.", id, as)
}

// MayNotFollow says why no operation can be made from op in this way; nil when
// one can, by somebody who may ask for operations. codes are as in Again.
func (e *Engine) MayNotFollow(ctx context.Context, op bulk.Operation, as bulk.LinkKind, codes ...string) error {
	k, err := mustKind(op.Kind)
	if err != nil {
		return err
	}
	if err := mayFollow(op, k, as); err != nil || as != bulk.Rerun {
		return err
	}
	_, err = e.codesLeft(ctx, op, codes)
	return err
}

// Left counts those whom an operation left for one reason.
type Left struct {
	bulk.Left
	// The rerun for them that is open or has run, "" where there is none. While
	// there is one, only that one can be run again: what op left is its to do, and
	// what it has done must not be done once more. A rerun that ended before it
	// ran, or whose plan is empty, did nothing, and never will.
	AgainAs string
}

// Left says for which reasons an operation that has ended did not change
// everybody, the most first and those not attempted last.
func (e *Engine) Left(ctx context.Context, op bulk.Operation) ([]Left, error) {
	if !op.State.Ended() || op.Started.IsZero() {
		return nil, nil
	}
	again, err := e.runAgain(ctx, op)
	if err != nil {
		return nil, err
	}
	var all []Left
	for _, l := range op.AllLeft() {
		all = append(all, Left{l, again[l.Code]})
	}
	return all, nil
}

// runAgain returns, by reason, the reruns of an operation that are open or have run.
func (e *Engine) runAgain(ctx context.Context, op bulk.Operation) (map[string]string, error) {
	again := map[string]string{}
	for _, link := range op.Follow {
		if link.As != bulk.Rerun {
			continue
		}
		next, err := e.Operations.Operation(ctx, link.Operation)
		if err != nil {
			return nil, err
		}
		nothing := next.State == bulk.Ready && next.Plan.Changes == 0
		if nothing || next.State.Ended() && next.Started.IsZero() {
			continue
		}
		s, err := e.Operations.Selection(ctx, next.ID)
		if err != nil {
			return nil, err
		}
		for _, code := range s.Codes {
			again[code] = next.ID
		}
	}
	return again, nil
}

// notRunAgain refuses to link a rerun to the operation of which another rerun is
// for some of the same.
func (e *Engine) notRunAgain(ctx context.Context, op bulk.Operation, by string) error {
	s, err := e.Operations.Selection(ctx, by)
	if err != nil {
		return err
	}
	again, err := e.runAgain(ctx, op)
	if err != nil {
		return err
	}
	for _, code := range s.Codes {
		if as := again[code]; as != "" {
			return errRunAgain(op.ID, as)
		}
	}
	return nil
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
			case s.Source == bulk.FromLeft && slices.Contains(s.Codes, line.Outcome.Reason()):
				switch {
				case of.Kind == kind.Rollback.Name: // what it was to undo
					undone := line.Change.Inverse()
					for i := range undone.Edits { // it relies on the same again
						undone.Edits[i].Reads = line.Change.Edits[len(undone.Edits)-1-i].Reads
					}
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
	titles := make([]string, len(s.Codes))
	for i, code := range s.Codes {
		titles[i] = strings.ToLower(bulk.OutcomeTitles[code])
	}
	return fmt.Sprintf("those whom %s did not change: %s", s.Of, strings.Join(titles, ", "))
}
