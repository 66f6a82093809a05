package sample

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
	_ "time/tzdata" // visits are booked in local time, wherever the sample is made

	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

var visitTypes = []share[string]{
	{"Routine", 32}, {"Follow-up", 26}, {"Medication Review", 12}, {"Assessment", 10}, {"Wellness", 11}, {"Urgent", 6}, {"Other", 3},
}

var visitMinutes = map[string]int{
	"Routine": 30, "Follow-up": 20, "Medication Review": 15, "Assessment": 60, "Wellness": 45, "Urgent": 30, "Other": 30,
}

var cancelReasons = []string{"Patient cancelled", "Provider away", "Weather", "Booked twice"}

// Visits in the past and to come, by patient.
var (
	pastVisits   = []share[int]{{0, 20}, {1, 30}, {2, 30}, {3, 15}, {4, 5}}
	futureVisits = []share[int]{{0, 45}, {1, 38}, {2, 14}, {3, 3}}
)

// visits books the patient's visits, and keeps what the profile says of them:
// the date of the last one that took place and the list of scheduled ones.
func (p *patient) visits(status registry.Status) {
	zone, err := time.LoadLocation(p.facility.TimeZone)
	if err != nil {
		panic("sample: time zone of a facility: " + err.Error()) // the zones are in the program
	}
	var scheduled []registry.VisitRef
	last := time.Time{}
	if status != registry.Pending {
		for range draw(p.dice, pastVisits) {
			start := p.slot(zone, -p.between(1, 700))
			if start.In(zone).Format(time.DateOnly) < p.fields[registry.Registered] {
				continue
			}
			state := draw(p.dice, []share[string]{{registry.VisitCompleted, 88}, {registry.VisitMissed, 6}, {registry.VisitCancelled, 6}})
			p.book(start, state)
			if state == registry.VisitCompleted && start.After(last) {
				last = start
			}
		}
	}
	if !kind.EndsCare(status) {
		for range draw(p.dice, futureVisits) {
			start := p.slot(zone, p.between(2, 90))
			state := draw(p.dice, []share[string]{{registry.VisitScheduled, 95}, {registry.VisitCancelled, 5}})
			if ref := p.book(start, state); state == registry.VisitScheduled {
				scheduled = append(scheduled, ref)
			}
		}
		if status == registry.Active && p.percent(1) {
			// Nobody has written down yet whether this visit took place.
			scheduled = append(scheduled, p.book(p.slot(zone, -1), registry.VisitScheduled))
		}
	}
	slices.SortFunc(scheduled, func(a, b registry.VisitRef) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	p.fields[registry.Upcoming] = registry.FormatVisitRefs(scheduled)
	if !last.IsZero() {
		p.fields[registry.LastVisit] = last.In(zone).Format(time.DateOnly)
	}
}

// slot draws a quarter of an hour between 8:00 and 16:45 local time on the
// working day nearest to so many days away, further from now where it is a
// weekend, in UTC.
func (p *patient) slot(zone *time.Location, days int) time.Time {
	step := 1
	if days < 0 {
		step = -1
	}
	day := p.at.In(zone).AddDate(0, 0, days)
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, step)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 8, 15*p.IntN(36), 0, 0, zone).UTC()
}

func (p *patient) book(start time.Time, state string) registry.VisitRef {
	ref := registry.VisitRef{Start: start, ID: fmt.Sprintf("V%s-%d", p.id, len(p.parts)+1)}
	what := draw(p.dice, visitTypes)
	fields := registry.Fields{
		registry.VisitStart:    start.Format(registry.VisitTime),
		registry.VisitState:    state,
		registry.VisitType:     what,
		registry.VisitMinutes:  strconv.Itoa(visitMinutes[what]),
		registry.FacilityField: p.facility.ID,
		registry.ProviderField: p.fields[registry.ProviderField],
	}
	if state == registry.VisitCancelled {
		fields[registry.CancelledWhy] = pick(p.dice, cancelReasons)
	}
	p.parts = append(p.parts, registry.Record{Ref: ref.Ref(p.id), Fields: fields})
	return ref
}
