package kind

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"bulkops/internal/bulk"
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
		d.calendar.Book(visitOf(v))
	}
	for _, s := range w.Slots {
		d.held[s.Ref] = s
	}
	return d
}

// visitOf is a visit's record as the finder of slots knows it.
func visitOf(r registry.Record) slots.Visit {
	return slots.Visit{Provider: r.Get(registry.ProviderField), Facility: r.Get(registry.FacilityField), Start: r.Start(), Minutes: r.Minutes()}
}

// Planned books the visits of a change that has come into the plan.
func (d *diary) Planned(c bulk.Change) {
	for _, e := range c.Edits {
		if e.Books() {
			d.calendar.Book(visitOf(registry.Record{Ref: e.Ref, Fields: e.After}))
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

// find finds a slot for a wish, or says why there is none.
func (d *diary) find(w slots.Wish) (slots.Visit, *bulk.Exclusion) {
	v, answer := d.calendar.Find(w)
	if answer == slots.Found {
		return v, nil
	}
	who := "anybody at " + d.directory.Display(registry.FacilityField, w.Facility)
	if len(w.Providers) == 1 {
		who = d.directory.Display(registry.ProviderField, w.Providers[0])
	}
	why := fmt.Sprintf("No time with %s from %s to %s keeps the rules: all that is allowed is taken.", who, spokenDay(w.From), spokenDay(w.To))
	if answer == slots.Shut {
		why = fmt.Sprintf("No time with %s from %s to %s keeps the rules: hours, days off and the part of the day leave no %d minutes, a day from now or later.",
			who, spokenDay(w.From), spokenDay(w.To), w.Minutes)
	}
	return v, &bulk.Exclusion{Code: bulk.NoSlot, Sentence: why}
}

// book makes visits in the slots found for the patient, with further fields,
// and lists them in the profile, whose edit it completes; that may take other
// visits off the list already. The slots are held for them.
func (d *diary) book(profile bulk.Edit, p registry.Patient, found []slots.Visit, further registry.Fields) []bulk.Edit {
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
		}, further)
		edits = append(edits, visit)
		for _, start := range slots.Cells(v.Start, v.Minutes) {
			slot := makes(registry.SlotRef(v.Provider, start), registry.Held(visit.Ref))
			for field := range slot.Before { // of a visit that no longer takes place then
				slot.Before[field] = d.held[slot.Ref].Get(field)
			}
			edits = append(edits, slot)
		}
	}
	slices.SortFunc(listed, func(a, b registry.VisitRef) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	profile.Before[registry.Upcoming], profile.After[registry.Upcoming] = p.Get(registry.Upcoming), registry.FormatVisitRefs(listed)
	return edits
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
