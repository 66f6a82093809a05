package slots

import (
	"cmp"
	"slices"
	"time"

	"bulkops/internal/registry"
)

// Fits says whether the provider can take over a visit where and when it is:
// Found, or Taken where they have another one then, Full where they have as many
// that day as perDay (0 for any number) or their own maximum says, and Shut where
// they do not work then. The hours of the facility are not asked: it has the
// visit already, or Opens was asked. more are visits that the provider takes over
// together with it.
func (c *Calendar) Fits(v Visit, perDay int, more []Visit) Answer {
	p, _ := c.directory.Provider(v.Provider)
	weekday, date, span := c.clock(v)
	if slices.ContainsFunc(p.Away, func(d registry.Days) bool { return d.Hold(date) }) ||
		!p.Hours.Empty() && !p.Hours[weekday].Covers(span) {
		return Shut
	}
	if slices.ContainsFunc(more, v.Meets) {
		return Taken
	}
	busy := c.busy[v.Provider]
	for first, after := cellsOf(v.Start, v.Minutes); first < after; first++ {
		if busy[first] {
			return Taken
		}
	}
	if p.Daily > 0 && (perDay == 0 || p.Daily < perDay) {
		perDay = p.Daily
	}
	load := *counter(c.loads, dayOf{v.Provider, date})
	for _, w := range more {
		if c.date(w) == date {
			load++
		}
	}
	if perDay > 0 && load >= perDay {
		return Full
	}
	return Found
}

// Opens reports whether the facility is open during all of the visit: in its hours,
// outside of lunch, on no day on which it is closed. In one that has no hours no
// visits take place.
func (c *Calendar) Opens(v Visit) bool {
	f, _ := c.directory.Facility(v.Facility)
	weekday, date, span := c.clock(v)
	return !slices.ContainsFunc(f.Closed, func(d registry.Days) bool { return d.Hold(date) }) &&
		f.Hours[weekday].Covers(span) && !f.Lunch.Meets(span)
}

// clock is when a visit is, by the clock on the wall where it takes place.
func (c *Calendar) clock(v Visit) (weekday time.Weekday, date string, span registry.Span) {
	start := v.Start.In(cmp.Or(c.zone(v.Facility), time.UTC))
	minute := start.Hour()*60 + start.Minute()
	return start.Weekday(), start.Format(time.DateOnly), registry.Span{From: minute, To: minute + v.Minutes}
}
