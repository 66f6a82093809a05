package engine

import (
	"context"

	"bulkops/internal/bulk"
)

// residents counts all patients of the facilities where a plan changes some, no
// further than bulk.CountUpTo, so that a small plan costs little in a large
// facility. Those that have more are left out.
func (e *Engine) residents(ctx context.Context, changes map[string]int) (map[string]int, error) {
	all := map[string]int{}
	for facility, n := range changes {
		if facility == "" {
			continue
		}
		enough := bulk.CountUpTo(n)
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
