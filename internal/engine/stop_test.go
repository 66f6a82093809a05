package engine_test

import (
	"context"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

func TestAStopTakesEffectBetweenGroups(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(100))
	op := c.started(asks(registry.OnHold, numbered(100)...)) // one batch, two groups of 50
	c.fault = func(call string, do func() error) error {
		err := do()
		if call == "CommitGroup" {
			_, stopErr := c.Stop(t.Context(), ada, op.ID)
			must(t, stopErr)
		}
		return err
	}
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{Done: 50})
	op, err = c.Finish(t.Context(), op.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
	equal(t, "cause", op.Cause, "Stopped by Ada Asks.")
	equal(t, "final", op.Final, bulk.Tally{Done: 50})
	equal(t, "not attempted", op.NotAttempted(op.Final), 50)
	equal(t, "P051", c.outcomes(op)["P051"].State, bulk.NotAttempted)
	equal(t, "status of P051", c.status("P051"), registry.Active)
}

func TestWhoMayStop(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	_, err := c.Stop(t.Context(), ada, op.ID)
	refused(t, err, fault.Conflict, "This operation cannot be stopped: it is waiting for approval.")
	op = c.start(c.approve(op))

	const only = "Only Ada Asks or somebody who may approve this operation can stop it."
	_, err = c.Stop(t.Context(), tom, op.ID)
	refused(t, err, fault.Forbidden, only)
	_, err = c.Stop(t.Context(), ula, op.ID)
	refused(t, err, fault.Forbidden, only)
	_, err = c.Stop(t.Context(), ben, op.ID)
	equal(t, "of another facility", fault.CodeOf(err), fault.NotFound)

	op, err = c.Stop(t.Context(), lin, op.ID) // any manager who could have approved it
	must(t, err)
	equal(t, "state", op.State, bulk.Stopping)
	again, err := c.Stop(t.Context(), ada, op.ID)
	must(t, err)
	equal(t, "version after a second stop", again.Version, op.Version)
}

func TestARunStopsByItselfWhenTooManyFail(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(400))
	op := c.started(asks(registry.OnHold, numbered(400)...))
	var refusals []engine.Refusal
	for from := 0; from < 400; from += 50 { // half of each group
		refusals = append(refusals, engine.Refusal{Unwritable: numbered(400)[from : from+25]})
	}
	// Each group is committed again without those that failed, so every other
	// commit is refused.
	c.Operations = alternating{c.Operations, &refusals, new(int)}
	for n := range op.Plan.Batches {
		_, err := c.RunBatch(t.Context(), op.ID, n+1)
		must(t, err)
	}
	op, err := c.Finish(t.Context(), op.ID, "")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
	equal(t, "cause", op.Cause, "Stopped by itself: 100 of 200 patients were skipped or failed.")
	equal(t, "final", op.Final, bulk.Tally{Done: 100, Failed: 100})
	equal(t, "not attempted", op.NotAttempted(op.Final), 200)
}

// alternating refuses the first commit of every group and makes the second.
type alternating struct {
	engine.Operations
	refusals *[]engine.Refusal
	commits  *int
}

func (o alternating) CommitGroup(ctx context.Context, g engine.Group) error {
	*o.commits++
	if *o.commits%2 == 1 && !g.Result.Closed {
		refusal := (*o.refusals)[0]
		*o.refusals = (*o.refusals)[1:]
		return &refusal
	}
	return o.Operations.CommitGroup(ctx, g)
}
