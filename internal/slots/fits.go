package slots

import (
	"slices"

	"bulkops/internal/registry"
)

// Fits says whether the provider can take over a visit where and when it is:
// Found, or Taken where they have another one then, Full where they have as many
// that day as perDay (0 for any number) or their own maximum says, and Shut where
// they do not work then. The hours of the facility are not asked: it has the
// visit already. more are visits that the provider takes over together with it.
func (c *Calendar) Fits(v Visit, perDay int, more []Visit) Answer {
	p, _ := c.directory.Provider(v.Provider)
	start := v.Start
	if zone := c.zone(v.Facility); zone != nil {
		start = start.In(zone)
	}
	minute := start.Hour()*60 + start.Minute()
	date := c.date(v)
	if slices.ContainsFunc(p.Away, func(d registry.Days) bool { return d.Hold(date) }) ||
		!p.Hours.Empty() && !p.Hours[start.Weekday()].Covers(registry.Span{From: minute, To: minute + v.Minutes}) {
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
