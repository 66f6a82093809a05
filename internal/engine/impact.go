package engine

import (
	"context"

	"bulkops/internal/bulk"
)

// unusual counts all patients of the facilities of which a plan changes
// unusually many; the others are left out. It counts no further than it must to
// know that, so that a small plan costs little in a large facility.
func (e *Engine) unusual(ctx context.Context, changes map[string]int) (map[string]int, error) {
	all := map[string]int{}
	for facility, n := range changes {
		if facility == "" {
			continue
		}
		enough := n*100/bulk.UnusualShare + 1
		counted, err := e.Registry.CountPatients(ctx, facility, enough)
		if err != nil {
			return nil, err
		}
		if counted < enough {
			all[facility] = counted
		}
	}
	return all, nil
}

// Sample returns the changes of a plan that its readers are asked to check: for
// all of them the same.
func (e *Engine) Sample(ctx context.Context, op bulk.Operation) ([]bulk.Change, error) {
	return bulk.Sample(op.Plan.Digest, op.Plan.Batches, func(number int) (bulk.Batch, error) {
		return e.Operations.Batch(ctx, op.ID, op.Plan.Run, number)
	})
}
