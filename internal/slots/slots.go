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
	"cmp"
	"math/bits"
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

	near int           // the day number of Near
	days map[dayOf]int // how many of Found a provider has on a day
}

// Answer says whether a slot was found, and if not, why.
type Answer int

const (
	Found Answer = iota
	Taken        // everything that the rules allow is taken
	Shut         // the rules allow no time at all: closed, time off, or outside of the hours
	Full         // of Fits alone: the provider has as many visits that day as they may
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
			answer = Taken
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
			return Visit{}, answer
		}
		if start, ok := c.startOn(best.day, of, w); ok {
			return Visit{best.provider, w.Facility, timeOf(start), w.Minutes}, Found
		}
		tried[best.day] = true
	}
}

// question is what the days to be looked at depend on.
type question struct {
	dayQuestion // without a date
	from, to    string
	perDay      int
}

// dayQuestion is what the times on a day depend on.
type dayQuestion struct {
	facility, provider, date string
	window                   registry.Span
	minutes                  int
}

// search is the days on which a provider may have room; those that are full are
// taken out.
type search struct {
	open    bool // there were some to begin with
	limit   int  // most visits a day, 0 for any number
	options []option
}

// option is a day and its place among days that are as busy.
type option struct {
	*day
	rank int
}

// day is a day on which a provider works at a facility.
type day struct {
	provider, date string
	number         int    // to measure distances
	load, crowd    *int   // visits of the provider and at the facility, that day
	total          *int   // visits of the provider on all days
	open           bool   // there were times to begin with
	starts         []slot // times that are not known to be taken
}

// slot is a cell with which a visit could begin, and the clock on the wall then.
type slot struct {
	cell   cell
	minute int
}

// dayNumber counts the days of the calendar.
func dayNumber(t time.Time) int {
	return int(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86_400)
}

// before reports whether a wish prefers option o to p.
func (w Wish) before(o, p option) bool {
	if !w.Near.IsZero() {
		return cmp.Or(cmp.Compare(distance(o.number, w.near), distance(p.number, w.near)), cmp.Compare(p.number, o.number),
			cmp.Compare(w.load(o.day), w.load(p.day))) < 0
	}
	return cmp.Or(cmp.Compare(w.load(o.day), w.load(p.day)), cmp.Compare(*o.total, *p.total), cmp.Compare(*o.crowd, *p.crowd), cmp.Compare(o.rank, p.rank)) < 0
}

func distance(a, b int) int { return max(a-b, b-a) }

// load is how many visits the provider has on the day, those found included.
func (w Wish) load(o *day) int {
	if len(w.days) == 0 {
		return *o.load
	}
	return *o.load + w.days[dayOf{o.provider, o.date}]
}

// startOn returns the time on a day that suits the wish best. A start that the
// provider has no more is forgotten, and a day that has none left is too.
func (c *Calendar) startOn(o *day, s *search, w Wish) (cell, bool) {
	forget := func() { s.options = slices.DeleteFunc(s.options, func(other option) bool { return other.day == o }) }
	if s.limit > 0 && *o.load >= s.limit {
		forget()
		return 0, false
	}
	busy := c.busy[o.provider]
	o.starts = slices.DeleteFunc(o.starts, func(at slot) bool {
		first, after := cellsOf(timeOf(at.cell), w.Minutes)
		for ; first < after; first++ {
			if busy[first] {
				return true
			}
		}
		return false
	})
	if len(o.starts) == 0 {
		forget()
		return 0, false
	}
	if s.limit > 0 && w.load(o) >= s.limit {
		return 0, false
	}
	wanted := 0
	if !w.Near.IsZero() {
		near := w.Near.In(c.zone(w.Facility))
		wanted = near.Hour()*60 + near.Minute()
	}
	best, away := cell(0), -1
	for _, at := range o.starts {
		v := Visit{Start: timeOf(at.cell), Minutes: w.Minutes}
		from := distance(at.minute, wanted)
		if (away < 0 || from < away) && !slices.ContainsFunc(w.Patient, v.Meets) && !slices.ContainsFunc(w.Found, v.Meets) {
			best, away = at.cell, from
		}
	}
	return best, away >= 0
}

// search returns the days for a wish and one of its providers.
func (c *Calendar) search(w Wish, provider string) *search {
	q := question{dayQuestion{w.Facility, provider, "", w.Window, w.Minutes}, w.From, w.To, w.PerDay}
	if s := c.searches[q]; s != nil {
		return s
	}
	s := &search{limit: w.PerDay}
	c.searches[q] = s
	f, placed := c.directory.Facility(w.Facility)
	p, known := c.directory.Provider(provider)
	at, err := time.Parse(time.DateOnly, w.From)
	if !placed || !known || err != nil || c.zone(f.ID) == nil {
		return s
	}
	if p.Daily > 0 && (s.limit == 0 || p.Daily < s.limit) {
		s.limit = p.Daily
	}
	for ; at.Format(time.DateOnly) <= w.To; at = at.AddDate(0, 0, 1) {
		if d := c.day(f, p, at, w); d.open {
			s.options = append(s.options, option{day: d})
		}
	}
	s.open = len(s.options) > 0
	for i, rank := range spread(len(s.options)) {
		s.options[i].rank = rank
	}
	return s
}

// day returns a day of a provider at a facility, with the times at which a visit
// as wished can begin.
func (c *Calendar) day(f registry.Facility, p registry.Provider, at time.Time, w Wish) *day {
	q := dayQuestion{f.ID, p.ID, at.Format(time.DateOnly), w.Window, w.Minutes}
	d := c.days[q]
	if d == nil {
		d = &day{provider: p.ID, date: q.date, number: dayNumber(at), starts: c.starts(f, p, at, w),
			load: counter(c.loads, dayOf{p.ID, q.date}), crowd: counter(c.crowds, dayOf{f.ID, q.date}), total: counter(c.totals, p.ID)}
		d.open = len(d.starts) > 0
		c.days[q] = d
	}
	return d
}

// starts are the times at which a visit can begin on a day: all of it lies in
// the hours of the facility and of the provider, in the wished part of the day,
// and outside of lunch, holidays and time off.
func (c *Calendar) starts(f registry.Facility, p registry.Provider, day time.Time, w Wish) []slot {
	date := day.Format(time.DateOnly)
	off := func(d registry.Days) bool { return d.Hold(date) }
	open, works := f.Hours[day.Weekday()], p.Hours[day.Weekday()]
	if slices.ContainsFunc(f.Closed, off) || slices.ContainsFunc(p.Away, off) {
		return nil
	}
	allowed := func(minute int) bool {
		s := registry.Span{From: minute, To: minute + int(Cell/time.Minute)}
		return open.Covers(s) && (p.Hours.Empty() || works.Covers(s)) && !f.Lunch.Meets(s) && (w.Window.Empty() || w.Window.Covers(s))
	}
	var cells []slot // that are open
	zone := c.zone(f.ID)
	first, _ := cellsOf(time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone).Add(-3*time.Hour), 1)
	for at := first; ; at++ {
		local := timeOf(at).In(zone)
		if localDate := local.Format(time.DateOnly); localDate > date {
			break
		} else if minute := local.Hour()*60 + local.Minute(); localDate == date && at >= c.after && allowed(minute) {
			cells = append(cells, slot{at, minute})
		}
	}
	_, need := cellsOf(timeOf(0), w.Minutes)
	var starts []slot
	for i := range cells {
		if last := i + int(need) - 1; last < len(cells) && cells[last].cell == cells[i].cell+need-1 {
			starts = append(starts, cells[i])
		}
	}
	return starts
}

// spread gives each of n days a place such that those with the first places lie
// far apart: the order of van der Corput, which takes the index's binary digits
// in reverse.
func spread(n int) []int {
	ranks := make([]int, n)
	digits := bits.Len(uint(max(n-1, 0)))
	next := 0
	for i := range 1 << digits {
		if day := int(bits.Reverse64(uint64(i)) >> (64 - digits)); digits == 0 || day < n {
			if n > 0 {
				ranks[day] = next
				next++
			}
		}
	}
	return ranks
}
