package engine

import (
	"cmp"
	"context"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// room finds, along a plan, for whom there is no room by now: neither beside the
// patients whom a provider or a facility has, nor beside those whom other
// operations that run are still to bring there. nil has room for everybody.
type room struct {
	kind.Room
	engine *Engine
	others []coming
	have   map[kind.Place]map[string]bool // ids of the patients of a place
	full   []bulk.Full
}

// coming is an operation that runs, and how many of its plan have no outcome yet.
type coming struct {
	bulk.Operation
	left int
}

// roomFor begins to look along the plan of an operation.
func (e *Engine) roomFor(ctx context.Context, op bulk.Operation, directory lookup) (*room, error) {
	k, err := mustKind(op.Kind)
	if err != nil || k.Destinations == nil {
		return nil, err
	}
	d, err := directory()
	if err != nil {
		return nil, err
	}
	r := &room{Room: k.Room(op.Params, d), engine: e, have: map[kind.Place]map[string]bool{}}
	r.others, err = e.runningBeside(ctx, op)
	return r, err
}

// runningBeside returns the other operations that run. Of several that are about
// to begin, each sees those that were approved before it, so that one is the first.
func (e *Engine) runningBeside(ctx context.Context, op bulk.Operation) ([]coming, error) {
	now := e.Now()
	others, err := e.pick(ctx, e.Operations.Open(ctx, bulk.WaitsForMachine), 1000, func(other bulk.Operation) bool {
		begins := other.State == bulk.Scheduled && !other.Start.At.After(now) && approvedBefore(other, op)
		return other.ID != op.ID && (begins || other.State == bulk.Running || other.State == bulk.Stopping)
	})
	if err != nil {
		return nil, err
	}
	var all []coming
	for _, other := range others {
		if after := other.Plan.After; len(after[registry.ProviderField])+len(after[registry.FacilityField]) == 0 {
			continue // it brings nobody anywhere
		}
		tally, err := e.Operations.Progress(ctx, other.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, coming{other, other.NotAttempted(tally)})
	}
	return all, nil
}

// approvedBefore reports whether other, which is approved, was so before op.
func approvedBefore(other, op bulk.Operation) bool {
	if op.Decision == nil {
		return true
	}
	return cmp.Or(other.Decision.At.Compare(op.Decision.At), cmp.Compare(other.ID, op.ID)) < 0
}

// next reports whether there is no room for the next subject of the plan, whose
// place in it is given. One who is there already needs none: what the change
// finds in the record decides.
func (r *room) next(ctx context.Context, batch, change int, c bulk.Change) (refused bool, err error) {
	if r == nil {
		return false, nil
	}
	for i, f := range r.full {
		if f.Refuses(batch, change, c) {
			r.full[i].Refused++
			return true, nil
		}
	}
	for _, place := range kind.Places(c) {
		if err := r.count(ctx, place); err != nil {
			return false, err
		}
		if r.have[place][c.Subject] {
			return false, nil
		}
	}
	full, why := r.Take(c)
	if why == nil {
		return false, nil
	}
	r.full = append(r.full, bulk.Full{Field: full.Field, ID: full.ID, Batch: batch, Change: change, Refused: 1, Sentence: why.Sentence})
	return true, nil
}

// count reads, once, whom a place has, and adds those who are on their way.
func (r *room) count(ctx context.Context, place kind.Place) error {
	if r.have[place] != nil {
		return nil
	}
	ids := r.engine.Registry.PatientIDs
	if place.Field == registry.ProviderField {
		ids = r.engine.Registry.PatientIDsOf
	}
	have := map[string]bool{}
	for id, err := range ids(ctx, place.ID) {
		if err != nil {
			return err
		}
		have[id] = true
	}
	r.have[place] = have
	n := len(have)
	for _, o := range r.others {
		bound := o.Plan.After[place.Field][place.ID]
		if i := slices.IndexFunc(o.Full, func(f bulk.Full) bool { return f.Field == place.Field && f.ID == place.ID }); i >= 0 {
			bound -= o.Full[i].Refused
		}
		n += min(bound, o.left)
	}
	r.Has(place, n)
	return nil
}
