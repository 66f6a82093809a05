package kind

import (
	"cmp"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// What the kinds that give patients another provider or facility can do with
// their future visits.
const (
	KeepVisits  = "keep"       // they stay as they are
	DropVisits  = "cancel"     // they are cancelled
	GiveVisits  = "reassign"   // they go to the new provider, at the same times
	ReVisits    = "reschedule" // they are cancelled, and booked anew with the new provider
	ShiftVisits = "move"       // they take place in the new facility, at the same times
)

// future are the visits in a profile's list that start after the moment.
func future(p registry.Patient, at time.Time) []registry.VisitRef {
	return slices.DeleteFunc(p.Visits(), func(v registry.VisitRef) bool { return !v.Start.After(at) })
}

// cancelVisits cancels the visits, and takes them from the list in the
// profile, whose edit it completes. A visit that is booked after the preview
// makes the list differ, so that none stays or goes without anybody having
// read it.
func cancelVisits(profile bulk.Edit, p registry.Patient, visits []registry.VisitRef, why string) []bulk.Edit {
	listed := p.Get(registry.Upcoming)
	if len(visits) == 0 {
		profile.Reads[registry.Upcoming] = listed
		return nil
	}
	profile.Before[registry.Upcoming] = listed
	profile.After[registry.Upcoming] = registry.FormatVisitRefs(slices.DeleteFunc(p.Visits(),
		func(v registry.VisitRef) bool { return slices.Contains(visits, v) }))
	edits := make([]bulk.Edit, len(visits))
	for i, v := range visits {
		edits[i] = bulk.Edit{
			Ref:    v.Ref(p.ID()),
			Before: registry.Fields{registry.VisitState: registry.VisitScheduled, registry.CancelledWhy: ""},
			After:  registry.Fields{registry.VisitState: registry.VisitCancelled, registry.CancelledWhy: why},
		}
	}
	return edits
}

// booked is a future visit with its record.
type booked struct {
	ref    registry.VisitRef
	record registry.Record
	place  string // the facility in which it is; where the record names none, the patient's
}

// with is the booking as a visit with the provider, at the facility where that
// is not empty.
func (b booked) with(provider, facility string) slots.Visit {
	return slots.Visit{Provider: provider, Facility: cmp.Or(facility, b.place), Start: b.ref.Start, Minutes: b.record.Minutes()}
}

// kept are the fields that the booking leaves to the visit that takes its place.
func (b booked) kept() registry.Fields {
	fields := registry.Fields{}
	for _, f := range []string{registry.VisitType, registry.VisitNote} {
		if value := b.record.Get(f); value != "" {
			fields[f] = value
		}
	}
	return fields
}

// bookings are the subject's future visits that have the same value in the
// field as the profile, or none: those with the patient's own provider, or in
// the patient's own facility. One that is listed without being scheduled is left
// alone.
func bookings(s Subject, at time.Time, field string) ([]booked, *bulk.Exclusion) {
	if x := bulk.TooMany(len(s.Patient.Visits()) + 1); x != nil {
		return nil, x // not all of their records have been read
	}
	var found []booked
	for _, v := range future(s.Patient, at) {
		r := s.Records[v.Ref(s.Patient.ID())]
		own := r.Get(field)
		if r.Get(registry.VisitState) == registry.VisitScheduled && (own == "" || own == s.Patient.Get(field)) {
			found = append(found, booked{v, r, cmp.Or(r.Get(registry.FacilityField), s.Patient.Facility())})
		}
	}
	return found, nil
}

// cancelBookings cancels bookings as cancelVisits does, where each is still with the
// provider and in the facility that was read.
func cancelBookings(profile bulk.Edit, p registry.Patient, visits []booked, why string) []bulk.Edit {
	refs := make([]registry.VisitRef, len(visits))
	for i, b := range visits {
		refs[i] = b.ref
	}
	edits := cancelVisits(profile, p, refs, why)
	for i, b := range visits {
		edits[i].Reads = b.readsBut(edits[i].Before)
	}
	return edits
}

// editBookings sets fields of bookings. What is booked later makes the list in the
// profile differ.
func editBookings(profile bulk.Edit, p registry.Patient, visits []booked, after func(booked) registry.Fields) []bulk.Edit {
	profile.Reads[registry.Upcoming] = p.Get(registry.Upcoming)
	var edits []bulk.Edit
	for _, b := range visits {
		edit := bulk.Edit{Ref: b.record.Ref, Before: registry.Fields{}, After: registry.Fields{}}
		for field, value := range after(b) {
			if was := b.record.Get(field); was != value {
				edit.Before[field], edit.After[field] = was, value
			}
		}
		if len(edit.After) == 0 {
			continue
		}
		edit.Reads = b.readsBut(edit.Before)
		if edit.Occupies() { // whose time it takes depends on how long it is
			edit.Reads[registry.VisitMinutes] = b.record.Get(registry.VisitMinutes)
		}
		edits = append(edits, edit)
	}
	return edits
}

// readsBut are the fields of a booking that a plan relies on, without those
// that it changes.
func (b booked) readsBut(changed registry.Fields) registry.Fields {
	reads := registry.Fields{}
	for _, field := range []string{registry.VisitState, registry.ProviderField, registry.FacilityField} {
		if _, changes := changed[field]; !changes {
			reads[field] = b.record.Get(field)
		}
	}
	return reads
}
