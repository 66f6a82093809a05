package engine

import (
	"context"
	"maps"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Overlap is an operation on its way that changes patients of another one.
// Whichever of the two comes first changes them; the other one finds them
// changed and skips them.
type Overlap struct {
	With     bulk.Operation // only its id and state where the person may not open it
	Patients int
	Sees     bool // the person may open it

	run     string      // of the other one's plan
	batches map[int]int // of the plan, by number: how many of these patients in each
}

// overlapWith is what the person is told of an operation that has patients of
// another one.
func overlapWith(actor staff.Person, other bulk.Operation) Overlap {
	o := Overlap{With: other, Sees: sees(actor, other), run: other.Plan.Run}
	if !o.Sees {
		o.With = bulk.Operation{ID: other.ID, State: other.State}
	}
	return o
}

// Overlaps returns the operations that were sent for approval and have not
// ended, and change patients whom op is to change, longest wait first. What has
// begun to run, or has ended, overlaps with nothing any more.
func (e *Engine) Overlaps(ctx context.Context, actor staff.Person, op bulk.Operation) ([]Overlap, error) {
	if op.State != bulk.Ready && op.State != bulk.AwaitingApproval && op.State != bulk.Scheduled {
		return nil, nil
	}
	others, err := e.onTheirWay(ctx, op.Plan.Facilities)
	if err != nil {
		return nil, err
	}
	var own bulk.Subjects
	var overlaps []Overlap
	for _, other := range others {
		if other.ID == op.ID {
			continue
		}
		if own == nil {
			if own, err = e.Operations.Subjects(ctx, op.ID, op.Plan.Run); err != nil {
				return nil, err
			}
		}
		theirs, err := e.Operations.Subjects(ctx, other.ID, other.Plan.Run)
		if err != nil {
			return nil, err
		}
		o := overlapWith(actor, other)
		o.batches = own.Common(theirs)
		for _, n := range o.batches {
			o.Patients += n
		}
		if o.Patients > 0 {
			overlaps = append(overlaps, o)
		}
	}
	return overlaps, nil
}

// OverlapPage returns a page of 100 of the patients whom both operations
// change, as op's plan has them, and how many there are. Pages count from 1.
func (e *Engine) OverlapPage(ctx context.Context, actor staff.Person, op bulk.Operation, with string, page int) (o Overlap, changes []bulk.Change, err error) {
	overlaps, err := e.Overlaps(ctx, actor, op)
	if err != nil {
		return o, nil, err
	}
	i := slices.IndexFunc(overlaps, func(o Overlap) bool { return o.With.ID == with })
	if i < 0 {
		return o, nil, fault.New(fault.NotFound, "%s and %s have no patient in common any more.", op.ID, english.Brief(with))
	}
	o = overlaps[i]
	theirs, err := e.Operations.Subjects(ctx, o.With.ID, o.run)
	if err != nil {
		return o, nil, err
	}
	has := theirs.Has()
	at, from, to := 0, (page-1)*bulk.BatchSize, page*bulk.BatchSize
	for _, number := range slices.Sorted(maps.Keys(o.batches)) {
		if count := o.batches[number]; at+count <= from {
			at += count
			continue
		}
		if at >= to {
			break
		}
		b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, number)
		if err != nil {
			return o, nil, err
		}
		for _, c := range b.Changes {
			if len(c.Edits) == 0 || !has(c.Subject) {
				continue
			}
			if at >= from && at < to {
				changes = append(changes, c)
			}
			at++
		}
	}
	return o, changes, nil
}

// PendingFor returns the operations on their way that are to change a patient,
// longest wait first.
func (e *Engine) PendingFor(ctx context.Context, actor staff.Person, p registry.Patient) ([]Overlap, error) {
	others, err := e.onTheirWay(ctx, []string{p.Facility()})
	if err != nil {
		return nil, err
	}
	var pending []Overlap
	for _, other := range others {
		s, err := e.Operations.Subjects(ctx, other.ID, other.Plan.Run)
		if err != nil {
			return nil, err
		}
		if s.Has()(p.ID()) {
			o := overlapWith(actor, other)
			o.Patients = 1
			pending = append(pending, o)
		}
	}
	return pending, nil
}

// onTheirWay returns the operations that were sent for approval and have not
// ended, and touch one of the facilities.
func (e *Engine) onTheirWay(ctx context.Context, facilities []string) ([]bulk.Operation, error) {
	var all []bulk.Operation
	for _, what := range []string{bulk.WaitsForApproval, bulk.WaitsForMachine} {
		some, err := e.pick(ctx, e.Operations.Open(ctx, what), 1000, func(op bulk.Operation) bool {
			return op.WaitsFor() == what && slices.ContainsFunc(op.Plan.Facilities, func(id string) bool { return slices.Contains(facilities, id) })
		})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}
