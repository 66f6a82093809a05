package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// booking is a visit that a change gives a provider, or a facility, at its time.
type booking struct {
	visit registry.Record // as the change leaves it
	isNew bool            // it did not exist before
	moved bool            // it takes place in a facility in which it did not
	held  bool            // the provider gets it with the change: its time has to be free
	days  calendarDay     // of the provider around the visit
}

// calendarDay names the part of a provider's calendar that is read for a visit:
// all that takes place on its day, by the clock where it takes place.
type calendarDay struct {
	provider string
	from, to int64 // starts of visits, in seconds since 1970
}

func dayAround(v registry.Record, d registry.Directory) calendarDay {
	f, _ := d.Facility(v.Get(registry.FacilityField))
	zone := f.Zone()
	year, month, day := v.Start().In(zone).Date()
	from := time.Date(year, month, day, 0, 0, 0, 0, zone).Add(-registry.LongestVisit)
	to := time.Date(year, month, day+1, 0, 0, 0, 0, zone).Add(slots.Cell)
	if end := v.Start().Add(time.Duration(v.Minutes())*time.Minute + slots.Cell); end.After(to) {
		to = end
	}
	return calendarDay{v.Get(registry.ProviderField), from.Unix(), to.Unix()}
}

// bookings are the visits to which each of the changes gives a provider or a
// facility, by subject. Those that come back, or go to somebody else, say only in
// their records when they are.
func (e *Engine) bookings(ctx context.Context, todo []bulk.Change, d registry.Directory) (map[string][]booking, error) {
	var refs []registry.Ref
	each := func(c bulk.Change, do func(bulk.Edit, booking)) {
		for _, edit := range c.Edits {
			b := booking{isNew: edit.Creates(), held: edit.Occupies(), moved: edit.Ref.IsVisit() && edit.After[registry.FacilityField] != ""}
			if b.held || b.moved {
				do(edit, b)
			}
		}
	}
	for _, c := range todo {
		each(c, func(edit bulk.Edit, b booking) {
			if !b.isNew {
				refs = append(refs, edit.Ref)
			}
		})
	}
	var records map[registry.Ref]registry.Record
	if len(refs) > 0 {
		var err error
		if records, err = e.Registry.Records(ctx, refs); err != nil {
			return nil, err
		}
	}
	bookings := map[string][]booking{}
	for _, c := range todo {
		each(c, func(edit bulk.Edit, b booking) {
			b.visit = registry.Record{Ref: edit.Ref, Fields: registry.Fields{}, Stamp: records[edit.Ref].Stamp}
			maps.Copy(b.visit.Fields, records[edit.Ref].Fields)
			maps.Copy(b.visit.Fields, edit.After)
			b.visit.Fields[registry.FacilityField] = cmp.Or(b.visit.Get(registry.FacilityField), c.Facility)
			if b.visit.Start().IsZero() {
				return // it is at no time
			}
			b.held = b.held && b.visit.Get(registry.ProviderField) != ""
			b.days = dayAround(b.visit, d)
			bookings[c.Subject] = append(bookings[c.Subject], b)
		})
	}
	return bookings, nil
}

// agenda is what providers have on the days of a group's bookings.
type agenda map[calendarDay]calendar

// agenda reads the calendars of the days of the bookings whose time has to be free.
func (e *Engine) agenda(ctx context.Context, bookings map[string][]booking) (agenda, error) {
	a := agenda{}
	for _, list := range bookings {
		for _, b := range list {
			if b.held {
				a[b.days] = calendar{}
			}
		}
	}
	days := slices.Collect(maps.Keys(a))
	read := inParallel(days, func(d calendarDay) calendar {
		return e.calendar(ctx, d.provider, time.Unix(d.from, 0), time.Unix(d.to, 0))
	})
	for i, c := range read {
		if c.err != nil {
			return nil, c.err
		}
		a[days[i]] = c
	}
	return a, nil
}

// clash returns a visit that the provider has by now and that a visit which comes
// back, or is made again, meets. One that comes back may meet
// those that it met before, but none that was given its time meanwhile: that holds
// slots of it, or was written after what is undone took the time away, by anything
// but the operation.
func (a agenda) clash(b booking, own []registry.Ref, operation string) (with registry.Record, meets bool) {
	if !b.held {
		return with, false
	}
	on := a[b.days]
	meanwhile := func(v registry.Record) bool {
		return v.Stamp.At.After(b.visit.Stamp.At) && v.Stamp.Operation != operation ||
			slices.ContainsFunc(on.slots, func(slot registry.Record) bool { return slot.Holder() == v.Ref })
	}
	i := slices.IndexFunc(on.visits, func(v registry.Record) bool {
		return !slices.Contains(own, v.Ref) && slots.VisitOf(v).Meets(slots.VisitOf(b.visit)) && (b.isNew || meanwhile(v))
	})
	if i < 0 {
		return with, false
	}
	return on.visits[i], true
}

// lostTimes says which of the candidates cannot be rolled back, by id: those whose
// visits would come back at a time that the provider has given to another one.
func (e *Engine) lostTimes(ctx context.Context, of string, candidates []candidate, d registry.Directory) (map[string]*bulk.Exclusion, error) {
	var back []bulk.Change
	for _, c := range candidates {
		if c.change == nil {
			continue
		}
		if inverse := c.change.Inverse(); slices.ContainsFunc(inverse.Edits, bulk.Edit.Occupies) {
			back = append(back, inverse)
		}
	}
	bookings, err := e.bookings(ctx, back, d)
	if err != nil {
		return nil, err
	}
	agenda, err := e.agenda(ctx, bookings)
	if err != nil {
		return nil, err
	}
	lost := map[string]*bulk.Exclusion{}
	for _, c := range back {
		for _, b := range bookings[c.Subject] {
			if with, meets := agenda.clash(b, ownVisits(c), of); meets {
				f, _ := d.Facility(b.visit.Get(registry.FacilityField))
				lost[c.Subject] = &bulk.Exclusion{Code: bulk.ChangedAfter, Sentence: fmt.Sprintf("Changed since %s by %s: the time of a visit, %s with %s, is given to another one.",
					of, bulk.WrittenBy(with), f.LocalTime(b.visit.Start()), d.Display(registry.ProviderField, b.days.provider))}
			}
		}
	}
	return lost, nil
}

// ownVisits are the visits that a change itself books or frees.
func ownVisits(c bulk.Change) []registry.Ref {
	var own []registry.Ref
	for _, e := range c.Edits {
		if e.Frees() || e.Occupies() {
			own = append(own, e.Ref)
		}
	}
	return own
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
