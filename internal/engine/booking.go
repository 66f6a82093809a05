package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// booking is a visit that a change makes take place.
type booking struct {
	subject string
	visit   registry.Record // as the change leaves it
	isNew   bool            // it did not exist before
	frees   []registry.Ref  // visits that no longer take place with the same change
	taken   bool            // found out by look
}

// free looks once more, right before a group is written, whether the providers
// are free at the times of the visits that it books. It sees what was booked by
// hand or by an import, which hold no slots; against other operations the slots
// are what counts. A visit whose time has passed is not booked any more.
func (e *Engine) free(ctx context.Context, todo []bulk.Change) (rest []bulk.Change, outcomes []bulk.Outcome, err error) {
	bookings, err := e.bookings(ctx, todo)
	if err != nil || len(bookings) == 0 {
		return todo, nil, err
	}
	if err := e.look(ctx, bookings); err != nil {
		return nil, nil, err
	}
	directory := registry.Directory{}
	out := map[string]bulk.Outcome{}
	now := e.Now()
	for _, b := range bookings {
		passed := b.isNew && !b.visit.Start().After(now)
		if !b.taken && !passed {
			continue
		}
		if len(out) == 0 {
			if directory, err = e.Registry.Directory(ctx); err != nil {
				return nil, nil, err
			}
		}
		if passed {
			f, _ := directory.Facility(b.visit.Get(registry.FacilityField))
			out[b.subject] = bulk.Outcome{Subject: b.subject, State: bulk.Skipped, Code: bulk.SlotPassed, Retryable: true,
				Sentence: fmt.Sprintf("The time of the visit, %s, had passed when it was to be booked.", f.LocalTime(b.visit.Start()))}
			continue
		}
		out[b.subject] = slotTaken(b.subject, b.visit, directory)
	}
	for _, c := range todo {
		if o, ok := out[c.Subject]; ok {
			outcomes = append(outcomes, o)
			continue
		}
		rest = append(rest, c)
	}
	return rest, outcomes, nil
}

// slotTaken is the outcome of a subject whose visit's time is no longer free.
func slotTaken(subject string, visit registry.Record, d registry.Directory) bulk.Outcome {
	f, _ := d.Facility(visit.Get(registry.FacilityField))
	return bulk.Outcome{Subject: subject, State: bulk.Skipped, Code: bulk.SlotTaken, Retryable: true,
		Sentence: fmt.Sprintf("The slot at %s with %s was taken since the preview.",
			f.LocalTime(visit.Start()), d.Display(registry.ProviderField, visit.Get(registry.ProviderField)))}
}

// bookings are the visits that the changes put into a provider's time. Those
// that come back, or go to somebody else, say only in their records when they are.
func (e *Engine) bookings(ctx context.Context, todo []bulk.Change) ([]*booking, error) {
	var bookings []*booking
	var refs []registry.Ref
	for _, c := range todo {
		var frees []registry.Ref
		for _, edit := range c.Edits {
			if edit.Frees() {
				frees = append(frees, edit.Ref)
			}
		}
		for _, edit := range c.Edits {
			if edit.Occupies() {
				bookings = append(bookings, &booking{subject: c.Subject, visit: registry.Record{Ref: edit.Ref, Fields: edit.After}, isNew: edit.Creates(), frees: frees})
				if !edit.Creates() {
					refs = append(refs, edit.Ref)
				}
			}
		}
	}
	if len(refs) == 0 {
		return bookings, nil
	}
	records, err := e.Registry.Records(ctx, refs)
	for _, b := range bookings {
		if stored, ok := records[b.visit.Ref]; ok && !b.isNew {
			after := b.visit.Fields
			b.visit = stored.Clone()
			for field, value := range after {
				b.visit.Fields[field] = value
			}
		}
	}
	return bookings, err
}

// look finds out which bookings meet a visit that the provider has by now. A new
// visit may meet none. One that comes back may meet those that it met before,
// but none that was given its time meanwhile, and so holds slots of it.
func (e *Engine) look(ctx context.Context, bookings []*booking) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	inFlight := make(chan struct{}, calendarsInFlight)
	var all sync.WaitGroup
	for _, b := range bookings {
		if b.visit.Start().IsZero() || b.visit.Get(registry.ProviderField) == "" {
			continue // nobody's time is taken
		}
		inFlight <- struct{}{}
		all.Go(func() {
			defer func() { <-inFlight }()
			start, length := b.visit.Start(), b.visit.Minutes()
			visits, held, err := e.Registry.Calendar(ctx, b.visit.Get(registry.ProviderField),
				start.Add(-registry.LongestVisit), start.Add(time.Duration(length)*time.Minute+slots.Cell))
			if err != nil {
				cancel(err)
				return
			}
			b.taken = slices.ContainsFunc(visits, func(v registry.Record) bool {
				return v.Ref != b.visit.Ref && !slices.Contains(b.frees, v.Ref) && meet(v, b.visit) &&
					(b.isNew || slices.ContainsFunc(held, func(slot registry.Record) bool { return slot.Holder() == v.Ref }))
			})
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// meet reports whether two visits of a provider cannot both take place.
func meet(v, w registry.Record) bool {
	return slots.Visit{Start: v.Start(), Minutes: v.Minutes()}.Meets(slots.Visit{Start: w.Start(), Minutes: w.Minutes()})
}

// slotsOf are the slots of the visits that a candidate's earlier operation ended
// and that would come back with a rollback.
func slotsOf(candidates []candidate, records map[registry.Ref]registry.Record) []registry.Ref {
	var refs []registry.Ref
	for _, c := range candidates {
		if c.change == nil {
			continue
		}
		for _, edit := range c.change.Edits {
			if visit, ok := records[edit.Ref]; ok && edit.Vacates() {
				provider := cmp.Or(edit.Before[registry.ProviderField], visit.Get(registry.ProviderField))
				for _, at := range slots.Cells(visit.Start(), visit.Minutes()) {
					refs = append(refs, registry.SlotRef(provider, at))
				}
			}
		}
	}
	return refs
}

// lostSlot returns the visit of a change for which a slot was to be held that
// is held for another one by now, where nothing else is in the way.
func lostSlot(c bulk.Change, records map[registry.Ref]registry.Record) (visit registry.Record, lost bool) {
	for _, edit := range c.Edits {
		r := records[edit.Ref]
		if edit.Holds(r) {
			continue
		}
		if !edit.Ref.IsSlot() {
			return registry.Record{}, false
		}
		holder := registry.Record{Fields: edit.After}.Holder()
		for _, other := range c.Edits {
			if other.Ref == holder && !lost {
				visit, lost = records[holder].Clone(), true
				if visit.Fields == nil { // it is new
					visit.Fields = registry.Fields{}
				}
				maps.Copy(visit.Fields, other.After)
			}
		}
	}
	return visit, lost
}
