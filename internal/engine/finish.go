package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

// Finish ends an operation's execution. cause is the error name with which the
// state machine gave up, or "" after a run without one. What has ended stays
// as it is. The counts are those of the stored tallies, which are final then.
func (e *Engine) Finish(ctx context.Context, id, cause string) (bulk.Operation, error) {
	op, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return bulk.Operation{}, err
	}
	tally, err := e.settle(ctx, op)
	if err != nil {
		return bulk.Operation{}, err
	}
	left, err := e.left(ctx, op, tally)
	if err != nil {
		return bulk.Operation{}, err
	}
	k, err := mustKind(op.Kind)
	if err != nil {
		return bulk.Operation{}, err
	}
	settled, hasFile := op.Started, op.File != nil
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State.Ended() {
			return bulk.Event{}, errNothingNew
		}
		if !op.Started.Equal(settled) || (op.File != nil) != hasFile {
			return bulk.Event{}, fault.New(fault.Busy, "%s has moved on just now; ending it is tried again.", id)
		}
		op.State, op.Cause = e.ending(*op, k.MakesFile(), tally, cause)
		op.Ended, op.Final, op.Left = e.Now(), tally, left
		op.Remains = k.MakesFile() && op.File == nil && !op.Started.IsZero()
		return bulk.Event{What: string(op.State), Detail: strings.TrimSpace(fmt.Sprintf("%d done, %d skipped, %d failed, %d not attempted. %s",
			tally.Done, tally.Skipped, tally.Failed, op.NotAttempted(tally), op.Cause))}, nil
	})
	if err != nil {
		return op, err
	}
	e.deliver(ctx, op)
	e.post(ctx, op)
	if op.Remains { // now that it has ended, no call can make the file of it any more
		return op, e.Files.Delete(ctx, id)
	}
	return op, nil
}

// settle makes the counts of a run final and returns them. Every group without
// a result gets one that says it was not attempted, but for the notices of it
// that were sent or may have been; a call of RunBatch that is still under way,
// after its time-out or after the death of its execution, finds it and writes
// and sends nothing. The outcomes of an export follow from its file: they are all
// recorded, or, where there is none, none is.
func (e *Engine) settle(ctx context.Context, op bulk.Operation) (bulk.Tally, error) {
	tally, err := e.Operations.Progress(ctx, op.ID)
	if err != nil || op.State.Ended() || op.Started.IsZero() || op.NotAttempted(tally) == 0 {
		return tally, err
	}
	if k, err := mustKind(op.Kind); err != nil || k.MakesFile() {
		if err != nil || op.File == nil {
			return tally, err
		}
		return e.recordFile(ctx, op)
	}
	type group struct{ batch, number int }
	recorded := map[group]bool{}
	for r, err := range e.Operations.Results(ctx, op.ID) {
		if err != nil {
			return tally, err
		}
		recorded[group{r.Batch, r.Group}] = true
	}
	for number := 1; number <= op.Plan.Batches; number++ {
		b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, number)
		if fault.Is(err, fault.NotFound) {
			continue // nobody can run what is not there
		}
		if err != nil {
			return tally, err
		}
		for n := range b.Groups {
			if recorded[group{number, n}] {
				continue
			}
			result, err := e.closeGroup(ctx, op, b, n)
			if err != nil {
				return tally, err
			}
			if err := e.recordResult(ctx, op.ID, result, len(b.Group(n))); err != nil {
				return tally, err
			}
		}
	}
	return e.Operations.Progress(ctx, op.ID)
}

// left counts, from the results of a run that is settled, those who were
// attempted and are not done.
func (e *Engine) left(ctx context.Context, op bulk.Operation, tally bulk.Tally) ([]bulk.Left, error) {
	if tally.Skipped+tally.Failed == 0 || op.State.Ended() {
		return nil, nil
	}
	counts := map[string]bulk.Left{}
	for r, err := range e.Operations.Results(ctx, op.ID) {
		if err != nil {
			return nil, err
		}
		for _, o := range r.Others {
			if o.State != bulk.NotAttempted {
				counts[o.Code] = bulk.Left{Code: o.Code, Count: counts[o.Code].Count + 1, Retryable: o.Retryable}
			}
		}
	}
	return slices.SortedFunc(maps.Values(counts), func(a, b bulk.Left) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Code, b.Code))
	}), nil
}

// ending says in which state an operation ends, and why. file: it makes one.
func (e *Engine) ending(op bulk.Operation, file bool, t bulk.Tally, cause string) (bulk.State, string) {
	running := op.State == bulk.Running || op.State == bulk.Stopping
	switch {
	case running && op.NotAttempted(t) == 0 && t.Done == op.Plan.Changes:
		return bulk.Completed, ""
	case running && op.NotAttempted(t) == 0:
		return bulk.CompletedWithErrors, ""
	case running && t.Attempted() > 0:
		if op.Cause == "" {
			op.Cause = failure(cause, file)
		}
		return bulk.Stopped, op.Cause
	case op.State == bulk.Stopping:
		return bulk.Stopped, op.Cause
	case cause == "States.Timeout" && op.State.MayBecome(bulk.Expired):
		return bulk.Expired, e.outOfTime(op)
	}
	return bulk.FailedState, failure(cause, file)
}

// failure says in words what an error name of the state machine means, and for
// what to ask again: of a file that failed there is nothing.
func failure(cause string, file bool) string {
	what, smaller := "the patients that are left", "in a smaller number"
	if file {
		what, smaller = "the file", "with fewer patients"
	}
	switch cause {
	case "":
		return "The run ended before every batch was worked on. Ask again for " + what + "."
	case "States.Timeout", "States.TaskFailed", "Sandbox.Timedout":
		return "A step took too long. Ask again for " + what + ", " + smaller + "."
	case "Busy":
		return "The patient registry was too busy for too long. Ask again for " + what + "."
	}
	return "A step failed on our side; the log has the details. Tell your administrator, and ask again for " + what + "."
}
