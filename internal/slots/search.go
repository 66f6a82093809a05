package slots

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"bulkops/internal/registry"
)

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
	if s.limit > 0 && *o.load >= s.limit {
		s.forget(o)
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
		s.forget(o)
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

// forget takes a day out.
func (s *search) forget(d *day) {
	s.options = slices.DeleteFunc(s.options, func(o option) bool { return o.day == d })
}

// dayQuestion is the question for a day of a provider.
func (w Wish) dayQuestion(provider, date string) dayQuestion {
	return dayQuestion{w.Facility, provider, date, w.Window, w.Minutes}
}

// search returns the days for a wish and one of its providers.
func (c *Calendar) search(w Wish, provider string) *search {
	q := question{w.dayQuestion(provider, ""), w.From, w.To, w.PerDay}
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
	q := w.dayQuestion(p.ID, at.Format(time.DateOnly))
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
