package kind

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// bookAhead is how long after the moment of planning a visit starts at the
// earliest: a plan is approved and run before that.
const bookAhead = 24 * time.Hour

// diary finds slots and books visits in them, for the kinds that make visits.
// What it finds for one patient counts for the next once the change has come
// into the plan, of which it must be told.
type diary struct {
	directory registry.Directory
	calendar  *slots.Calendar
	held      map[registry.Ref]registry.Record // slots that are or were held
	at        time.Time
}

func newDiary(w World) *diary {
	d := &diary{w.Directory, slots.New(w.Directory, w.At.Add(bookAhead)), make(map[registry.Ref]registry.Record, len(w.Slots)), w.At}
	for _, v := range w.Visits {
		d.calendar.Book(slots.VisitOf(v))
	}
	for _, s := range w.Slots {
		d.held[s.Ref] = s
	}
	return d
}

// Planned books the visits of a change that has come into the plan.
func (d *diary) Planned(c bulk.Change) {
	for _, e := range c.Edits {
		if e.Occupies() {
			fields := maps.Clone(e.After)
			maps.Copy(fields, e.Reads) // of one that goes to somebody else
			fields[registry.FacilityField] = cmp.Or(fields[registry.FacilityField], c.Facility)
			d.calendar.Book(slots.VisitOf(registry.Record{Ref: e.Ref, Fields: fields}))
		}
	}
}

// busy is when the patient has visits. One whose record was not read takes the
// usual time.
func busy(s Subject) []slots.Visit {
	var list []slots.Visit
	for _, ref := range s.Patient.Visits() {
		r := s.Records[ref.Ref(s.Patient.ID())]
		list = append(list, slots.Visit{Start: ref.Start, Minutes: r.Minutes()})
	}
	return list
}

// noSlot says why nothing was found for a wish.
func (d *diary) noSlot(w slots.Wish, answer slots.Answer) *bulk.Exclusion {
	why := "all that is allowed is taken."
	switch answer {
	case slots.Taken:
		why = "all that is left meets another visit of the patient."
	case slots.Shut:
		why = fmt.Sprintf("hours, days off and the part of the day leave no %d minutes, a day from now or later.", w.Minutes)
	}
	return &bulk.Exclusion{Code: bulk.NoSlot, Sentence: fmt.Sprintf("No time with %s from %s to %s keeps the rules: %s", d.whom(w), english.Date(w.From), english.Date(w.To), why)}
}

// whom names those with whom a visit may be.
func (d *diary) whom(w slots.Wish) string {
	if len(w.Providers) == 1 {
		return d.directory.Display(registry.ProviderField, w.Providers[0])
	}
	return "anybody at " + d.directory.Display(registry.FacilityField, w.Facility)
}

// book makes visits in the slots found for the patient, each with further fields,
// and lists them in the profile, whose edit it completes; that may take other
// visits off the list already. The slots are held for them.
func (d *diary) book(profile bulk.Edit, p registry.Patient, found []slots.Visit, further func(n int) registry.Fields) []bulk.Edit {
	listed := p.Visits()
	if after, changed := profile.After[registry.Upcoming]; changed {
		listed = registry.ParseVisitRefs(after)
	}
	var edits []bulk.Edit
	for i, v := range found {
		ref := registry.VisitRef{Start: v.Start, ID: fmt.Sprintf("B%s-%d", d.at.UTC().Format("060102150405"), i+1)}
		listed = append(listed, ref)
		visit := makes(ref.Ref(p.ID()), registry.Fields{
			registry.VisitStart:    v.Start.UTC().Format(registry.VisitTime),
			registry.VisitState:    registry.VisitScheduled,
			registry.VisitMinutes:  strconv.Itoa(v.Minutes),
			registry.ProviderField: v.Provider,
			registry.FacilityField: v.Facility,
		}, further(i))
		edits = append(append(edits, visit), d.hold(v, visit.Ref)...)
	}
	slices.SortFunc(listed, func(a, b registry.VisitRef) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	profile.Before[registry.Upcoming], profile.After[registry.Upcoming] = p.Get(registry.Upcoming), registry.FormatVisitRefs(listed)
	return edits
}

// hold holds the slots of a visit, as far as they are not held for it.
func (d *diary) hold(v slots.Visit, visit registry.Ref) []bulk.Edit {
	var edits []bulk.Edit
	for _, start := range slots.Cells(v.Start, v.Minutes) {
		slot := makes(registry.SlotRef(v.Provider, start), registry.Held(visit))
		for field := range slot.Before { // of a visit that no longer takes place then
			slot.Before[field] = d.held[slot.Ref].Get(field)
		}
		if !maps.Equal(slot.Before, slot.After) {
			edits = append(edits, slot)
		}
	}
	return edits
}

// inTheWay says why a provider, who sees at most perDay patients a day (0 for any
// number), cannot take over bookings at their times, at the facility where that
// is not empty; nil when they can.
func (d *diary) inTheWay(provider string, perDay int, bookings []booked, facility string) *bulk.Exclusion {
	var more []slots.Visit
	for _, b := range bookings {
		v := b.with(provider, facility)
		reasons := map[slots.Answer]string{
			slots.Taken: "%s has another visit at the time of one of the patient’s, %s.",
			slots.Full:  "%s has as many visits as they see a day on the day of one of the patient’s, %s.",
			slots.Shut:  "%s does not work at the time of one of the patient’s visits, %s.",
		}
		if reason := reasons[d.calendar.Fits(v, perDay, more)]; reason != "" {
			f, _ := d.directory.Facility(v.Facility)
			return &bulk.Exclusion{Code: bulk.VisitInTheWay,
				Sentence: fmt.Sprintf(reason, d.directory.Display(registry.ProviderField, provider), f.LocalTime(v.Start))}
		}
		more = append(more, v)
	}
	return nil
}

// Around the time of a visit that is booked anew, a new one is looked for in so
// many days before and after, and nearest to it first.
const (
	daysBefore = 7
	daysAfter  = 28
)

// anew finds a new time with the provider for each of the bookings, or says why
// there is none; the patient has none of the bookings then.
func (d *diary) anew(s Subject, bookings []booked, provider string, perDay int) ([]slots.Visit, *bulk.Exclusion) {
	p := s.Patient
	if len(bookings) > 0 && !MayHaveVisits(p.Status()) {
		return nil, &bulk.Exclusion{Code: bulk.NotAllowed, Sentence: fmt.Sprintf("No visits are booked for a patient who is %s.", p.Status())}
	}
	others := busy(s)
	for i, ref := range slices.Backward(p.Visits()) {
		if slices.ContainsFunc(bookings, func(b booked) bool { return b.ref == ref }) {
			others = slices.Delete(others, i, i+1)
		}
	}
	var found []slots.Visit
	for _, b := range bookings {
		f, _ := d.directory.Facility(b.place)
		wish := slots.Wish{
			Facility: b.place, Providers: []string{provider}, Minutes: b.record.Minutes(), PerDay: perDay, Near: b.ref.Start, Window: f.Prefers,
			From: b.ref.Start.AddDate(0, 0, -daysBefore).Format(time.DateOnly), To: b.ref.Start.AddDate(0, 0, daysAfter).Format(time.DateOnly),
			Patient: others, Found: found,
		}
		v, answer := d.calendar.Find(wish)
		if answer != slots.Found { // rather at another time of the day than not at all
			wish.Window = registry.Span{}
			v, answer = d.calendar.Find(wish)
		}
		if answer != slots.Found {
			exclusion := d.noSlot(wish, answer)
			exclusion.Sentence = fmt.Sprintf("The visit on %s finds no new time. %s", f.LocalTime(b.ref.Start), exclusion.Sentence)
			return nil, exclusion
		}
		found = append(found, v)
	}
	return found, nil
}

// allAhead is the time in which all visits to come lie.
func allAhead(at time.Time) (from, to time.Time) {
	return at.Add(-registry.LongestVisit), at.AddDate(10, 0, 0)
}

// makes is the edit that makes a record with the fields.
func makes(ref registry.Ref, fields ...registry.Fields) bulk.Edit {
	e := bulk.Edit{Ref: ref, Before: registry.Fields{}, After: registry.Fields{}}
	for _, some := range fields {
		for field, value := range some {
			e.Before[field], e.After[field] = "", value
		}
	}
	return e
}
