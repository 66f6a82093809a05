// Package slots finds times for visits. It knows the hours of facilities and
// providers and what is booked, reads no clock and does no I/O: the same
// calendar and wishes give the same slots.
//
// Time is cut into cells of a quarter of an hour. A visit begins with a cell and
// takes whole ones, so that two visits meet exactly where they share a cell. A
// cell is a stretch of real time; whether it is open is asked of the clock on
// the wall at its beginning. So a day on which clocks change has the cells that
// it really has: none for an hour that is left out, two for one that comes twice.
package slots

import (
	"slices"
	"time"
	_ "time/tzdata" // local time is worked out wherever the program runs

	"bulkops/internal/registry"
)

// Wish is what a slot is wanted for.
type Wish struct {
	Facility  string
	Providers []string // any of them; of two that are as busy the first
	Minutes   int
	From, To  string        // the first and the last day there, 2006-01-02
	Window    registry.Span // only in this part of the day; the zero Span: all day
	PerDay    int           // most visits a day of the provider; 0: no more than the provider's own maximum says
	Near      time.Time     // as near to it as can be; the zero time: where the days are least busy
	Patient   []Visit       // what the patient has: none of it may meet the slot
	Found     []Visit       // what has been found for the same patient and is not booked yet
	Without   []Visit       // nothing on the day of one of these with its provider

	near int           // the day number of Near
	days map[dayOf]int // how many of Found a provider has on a day
}

// Answer says whether a slot was found, and if not, why.
type Answer int

const (
	Found Answer = iota
	Taken        // what is left meets something of the patient; of Fits: the provider has another visit then
	Shut         // the rules allow no time at all: closed, time off, or outside of the hours
	Full         // nothing that the rules allow is left for anybody; of Fits: the provider has as many visits that day as they may
)

// Calendar knows who works when and what is booked. Bookings are only ever added.
type Calendar struct {
	directory registry.Directory
	after     cell // nothing is found that begins before
	zones     map[string]*time.Location
	busy      map[string]map[cell]bool // by provider
	loads     map[dayOf]*int           // visits of a provider on a day
	crowds    map[dayOf]*int           // visits at a facility on a day
	totals    map[string]*int          // visits of a provider
	days      map[dayQuestion]*day
	searches  map[question]*search
}

// dayOf is a day of a provider or of a facility, by the date where a visit takes place.
type dayOf struct{ who, date string }

// New returns a calendar without bookings, in which everything found begins
// after the moment.
func New(d registry.Directory, after time.Time) *Calendar {
	_, next := cellsOf(after, 1)
	return &Calendar{directory: d, after: next, zones: map[string]*time.Location{}, busy: map[string]map[cell]bool{},
		loads: map[dayOf]*int{}, crowds: map[dayOf]*int{}, totals: map[string]*int{}, days: map[dayQuestion]*day{}, searches: map[question]*search{}}
}

// Book adds a visit. Visits that meet may be booked: they are so in the registry.
func (c *Calendar) Book(v Visit) {
	busy := c.busy[v.Provider]
	if busy == nil {
		busy = map[cell]bool{}
		c.busy[v.Provider] = busy
	}
	for first, after := cellsOf(v.Start, v.Minutes); first < after; first++ {
		busy[first] = true
	}
	date := c.date(v)
	*counter(c.loads, dayOf{v.Provider, date})++
	*counter(c.crowds, dayOf{v.Facility, date})++
	*counter(c.totals, v.Provider)++
}

func counter[K comparable](of map[K]*int, key K) *int {
	n := of[key]
	if n == nil {
		n = new(int)
		of[key] = n
	}
	return n
}

// date is the day of a visit where it takes place.
func (c *Calendar) date(v Visit) string {
	_, date, _ := c.clock(v)
	return date
}

// zone is the facility's time zone, nil where it has none that is known.
func (c *Calendar) zone(facility string) *time.Location {
	zone, asked := c.zones[facility]
	if !asked {
		if f, ok := c.directory.Facility(facility); ok && f.TimeZone != "" {
			zone, _ = time.LoadLocation(f.TimeZone) // nil for a zone that does not exist
		}
		c.zones[facility] = zone
	}
	return zone
}

// Find returns the best slot for a wish. Days on which the provider has few
// visits come first, then providers who have few, then days on which the facility
// has few, then those farthest from the days before; on a day, the earliest time.
func (c *Calendar) Find(w Wish) (Visit, Answer) {
	searches := make([]*search, len(w.Providers))
	answer := Shut
	for i, provider := range w.Providers {
		searches[i] = c.search(w, provider)
		if searches[i].open {
			answer = Full
		}
	}
	if zone := c.zone(w.Facility); zone != nil && !w.Near.IsZero() {
		w.near = dayNumber(w.Near.In(zone))
	}
	w.days = make(map[dayOf]int, len(w.Found))
	for _, v := range w.Found {
		w.days[dayOf{v.Provider, c.date(v)}]++
	}
	tried := map[*day]bool{}
	for _, v := range w.Without {
		tried[c.days[w.dayQuestion(v.Provider, c.date(v))]] = true
	}
	for {
		var best option
		var of *search
		for _, s := range searches {
			for _, o := range s.options {
				if !tried[o.day] && (of == nil || w.before(o, best)) {
					best, of = o, s
				}
			}
		}
		if of == nil {
			if slices.ContainsFunc(searches, func(s *search) bool { return len(s.options) > 0 }) {
				answer = Taken
			}
			return Visit{}, answer
		}
		if start, ok := c.startOn(best.day, of, w); ok {
			return Visit{best.provider, w.Facility, timeOf(start), w.Minutes}, Found
		}
		tried[best.day] = true
	}
}

// RuleOut lets nothing more be found on the day of v with its provider for the
// wish w and those that differ from it in the patient alone.
func (c *Calendar) RuleOut(w Wish, v Visit) {
	c.search(w, v.Provider).forget(c.days[w.dayQuestion(v.Provider, c.date(v))])
}
