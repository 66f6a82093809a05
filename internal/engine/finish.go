package engine

import (
	"context"
	"fmt"
	"strings"

	"bulkops/internal/bulk"
)

// Finish ends an operation's execution. cause is the error name with which the
// state machine gave up, or "" after a run without one. What has ended stays
// as it is. The counts are those of the stored tallies.
func (e *Engine) Finish(ctx context.Context, id, cause string) (bulk.Operation, error) {
	tally, err := e.Operations.Progress(ctx, id)
	if err != nil {
		return bulk.Operation{}, err
	}
	var ended bool
	op, err := e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if ended = !op.State.Ended(); !ended {
			return bulk.Event{}, errNothingNew
		}
		op.State, op.Cause = ending(*op, tally, cause)
		op.Ended, op.Final = e.Now(), tally
		return bulk.Event{What: string(op.State), Detail: strings.TrimSpace(fmt.Sprintf("%d done, %d skipped, %d failed, %d not attempted. %s",
			tally.Done, tally.Skipped, tally.Failed, op.NotAttempted(tally), op.Cause))}, nil
	})
	if err == nil && ended {
		e.deliver(ctx, op)
		e.tellRequester(ctx, op)
	}
	return op, err
}

// ending says in which state an operation ends, and why.
func ending(op bulk.Operation, t bulk.Tally, cause string) (bulk.State, string) {
	running := op.State == bulk.Running || op.State == bulk.Stopping
	switch {
	case running && op.NotAttempted(t) == 0 && t.Done == op.Plan.Changes:
		return bulk.Completed, ""
	case running && op.NotAttempted(t) == 0:
		return bulk.CompletedWithErrors, ""
	case running && t.Attempted() > 0:
		if op.Cause == "" {
			op.Cause = failure(cause)
		}
		return bulk.Stopped, op.Cause
	case op.State == bulk.Stopping:
		return bulk.Stopped, op.Cause
	case cause == "States.Timeout" && op.State.MayBecome(bulk.Expired):
		return bulk.Expired, "Nobody decided in time."
	}
	return bulk.FailedState, failure(cause)
}

// failure says in words what an error name of the state machine means.
func failure(cause string) string {
	switch cause {
	case "":
		return "The run ended before every batch was worked on. Ask again for the patients that are left."
	case "States.Timeout", "States.TaskFailed", "Sandbox.Timedout":
		return "A step took too long. Ask again for the patients that are left, in a smaller number."
	case "Busy":
		return "The patient registry was too busy for too long. Ask again for the patients that are left."
	}
	return "A step failed on our side; the log has the details. Tell your administrator, and ask again for the patients that are left."
}
