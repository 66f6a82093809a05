package slots_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// drawn is a clinic with rules that were drawn.
type drawn struct {
	directory registry.Directory
	from, to  string
	after     time.Time
	booked    []slots.Visit
	wishes    []slots.Wish
}

var zones = []string{"America/New_York", "Pacific/Honolulu", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe"}

func drawSpan(r *rapid.T, label string) registry.Span {
	from := rapid.IntRange(0, 90).Draw(r, label)
	return registry.Span{From: from * 15, To: min(24*60, (from+rapid.IntRange(1, 40).Draw(r, label+" length"))*15)}
}

func draw(r *rapid.T) drawn {
	// Three weeks with a night in them on which clocks change somewhere.
	first := rapid.SampledFrom([]string{"2026-03-01", "2026-03-22", "2026-10-18", "2026-03-29", "2026-12-01"}).Draw(r, "from")
	day, _ := time.Parse(time.DateOnly, first)
	date := func(n int) string { return day.AddDate(0, 0, n).Format(time.DateOnly) }
	d := drawn{from: first, to: date(rapid.IntRange(0, 20).Draw(r, "days")), after: day.Add(time.Duration(rapid.IntRange(-48, 100).Draw(r, "after")) * time.Hour)}
	days := func(label string) []registry.Days {
		var off []registry.Days
		for range rapid.IntRange(0, 2).Draw(r, label) {
			from := rapid.IntRange(0, 20).Draw(r, label)
			off = append(off, registry.Days{From: date(from), To: date(from + rapid.IntRange(0, 3).Draw(r, label))})
		}
		return off
	}
	hours := func(label string) (w registry.Week) {
		for i := range w {
			if rapid.IntRange(0, 6).Draw(r, label) > 0 {
				w[i] = drawSpan(r, label)
			}
		}
		return w
	}
	for i := range 2 {
		f := registry.Facility{ID: fmt.Sprintf("fac-%d", i), TimeZone: rapid.SampledFrom(zones).Draw(r, "zone"), Hours: hours("hours"), Closed: days("closed")}
		if rapid.Bool().Draw(r, "lunch") {
			f.Lunch = drawSpan(r, "lunch")
		}
		d.directory.Facilities = append(d.directory.Facilities, f)
	}
	for i := range 3 {
		p := registry.Provider{ID: fmt.Sprintf("dr-%d", i), Away: days("away"), Daily: rapid.IntRange(0, 4).Draw(r, "daily")}
		if rapid.Bool().Draw(r, "own hours") {
			p.Hours = hours("own hours")
		}
		d.directory.Providers = append(d.directory.Providers, p)
	}
	providers := []string{"dr-0", "dr-1", "dr-2"}
	for range rapid.IntRange(0, 20).Draw(r, "booked") {
		d.booked = append(d.booked, slots.Visit{Provider: rapid.SampledFrom(providers).Draw(r, "with"), Facility: rapid.SampledFrom([]string{"fac-0", "fac-1", ""}).Draw(r, "at"),
			Start: day.Add(time.Duration(rapid.IntRange(0, 20*24*12).Draw(r, "start")) * 5 * time.Minute), Minutes: rapid.IntRange(1, 120).Draw(r, "minutes")})
	}
	perDay, window := rapid.IntRange(0, 3).Draw(r, "per day"), registry.Span{}
	if rapid.Bool().Draw(r, "window") {
		window = drawSpan(r, "window")
	}
	for range rapid.IntRange(1, 40).Draw(r, "wishes") {
		w := slots.Wish{Facility: rapid.SampledFrom([]string{"fac-0", "fac-1"}).Draw(r, "facility"), From: d.from, To: d.to, PerDay: perDay, Window: window,
			Providers: providers[:rapid.IntRange(1, 3).Draw(r, "providers")], Minutes: rapid.SampledFrom([]int{10, 15, 20, 45, 60}).Draw(r, "length")}
		for range rapid.IntRange(0, 2).Draw(r, "patient's") {
			w.Patient = append(w.Patient, slots.Visit{Start: day.Add(time.Duration(rapid.IntRange(0, 500).Draw(r, "patient's")) * time.Hour), Minutes: rapid.IntRange(1, 300).Draw(r, "minutes")})
		}
		if rapid.IntRange(0, 3).Draw(r, "near") == 0 {
			w.Near = day.Add(time.Duration(rapid.IntRange(0, 500).Draw(r, "near")) * time.Hour)
		}
		d.wishes = append(d.wishes, w)
	}
	return d
}

// run asks for one slot after the other and books what is found.
func (d drawn) run() ([]slots.Visit, []slots.Answer) {
	c := slots.New(d.directory, d.after)
	for _, v := range d.booked {
		c.Book(v)
	}
	var found []slots.Visit
	var answers []slots.Answer
	for _, w := range d.wishes {
		v, answer := c.Find(w)
		if answer == slots.Found {
			c.Book(v)
		}
		found, answers = append(found, v), append(answers, answer)
	}
	return found, answers
}

// clock is a minute of a visit as the clock at its facility shows it.
func (d drawn) clock(v slots.Visit, minute int) time.Time {
	f, _ := d.directory.Facility(v.Facility)
	return v.Start.Add(time.Duration(minute) * time.Minute).In(located[f.TimeZone])
}

// located are the zones, read once; a facility that is unknown is at UTC.
var located = func() map[string]*time.Location {
	m := map[string]*time.Location{"": time.UTC}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		m[name] = zone
	}
	return m
}()

// whole widens a visit to the quarters of an hour that it takes.
func whole(v slots.Visit) (from, to time.Time) {
	from = v.Start.Truncate(15 * time.Minute)
	to = v.Start.Add(time.Duration(v.Minutes)*time.Minute + 15*time.Minute - time.Second).Truncate(15 * time.Minute)
	return from, to
}

func meet(v, w slots.Visit) bool {
	from, to := whole(v)
	otherFrom, otherTo := whole(w)
	return from.Before(otherTo) && otherFrom.Before(to)
}

// against says which rule a slot breaks, given everything that is booked; ""
// for none.
func (d drawn) against(v slots.Visit, w slots.Wish, booked []slots.Visit) string {
	f, _ := d.directory.Facility(v.Facility)
	p, _ := d.directory.Provider(v.Provider)
	if !v.Start.After(d.after) || v.Minutes != w.Minutes || v.Facility != w.Facility || !slices.Contains(w.Providers, v.Provider) {
		return "not what was wished"
	}
	if slices.ContainsFunc(w.Patient, func(other slots.Visit) bool { return meet(v, other) }) {
		return "meets a visit of the patient"
	}
	sameDay := 0
	for _, other := range booked {
		if other.Provider != v.Provider {
			continue
		}
		if meet(v, other) {
			return "meets a visit of the provider"
		}
		if d.clock(other, 0).Format(time.DateOnly) == d.clock(v, 0).Format(time.DateOnly) {
			sameDay++
		}
	}
	if w.PerDay > 0 && sameDay >= w.PerDay || p.Daily > 0 && sameDay >= p.Daily {
		return "too many visits on a day"
	}
	from, to := whole(v)
	for minute := 0; minute < int(to.Sub(from)/time.Minute); minute += 5 {
		local := d.clock(v, minute)
		date, at := local.Format(time.DateOnly), registry.Span{From: local.Hour()*60 + local.Minute(), To: local.Hour()*60 + local.Minute() + 5}
		off := func(d registry.Days) bool { return d.Hold(date) }
		switch {
		case date != d.clock(v, 0).Format(time.DateOnly), date < d.from, date > d.to:
			return "outside of the days"
		case !f.Hours[local.Weekday()].Covers(at), !p.Hours.Empty() && !p.Hours[local.Weekday()].Covers(at):
			return "outside of the hours"
		case f.Lunch.Meets(at), slices.ContainsFunc(f.Closed, off), slices.ContainsFunc(p.Away, off):
			return "in lunch, holiday or time off"
		case !w.Window.Empty() && !w.Window.Covers(at):
			return "outside of the wished part of the day"
		}
	}
	return ""
}

// A slot that is found keeps every rule; where none is found, none does.
func TestASlotKeepsEveryRuleAndNoneIsOverlooked(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := draw(r)
		found, answers := d.run()
		booked := slices.Clone(d.booked)
		for i, v := range found {
			w := d.wishes[i]
			if answers[i] == slots.Found {
				if why := d.against(v, w, booked); why != "" {
					r.Fatalf("%+v for %+v: %s", v, w, why)
				}
				booked = append(booked, v)
				continue
			}
			if i%8 > 0 {
				continue // looking everywhere takes long
			}
			day, _ := time.Parse(time.DateOnly, d.from)
			for start := day.AddDate(0, 0, -1); start.Before(day.AddDate(0, 0, 22)); start = start.Add(15 * time.Minute) {
				for _, provider := range w.Providers {
					if v := (slots.Visit{Provider: provider, Facility: w.Facility, Start: start, Minutes: w.Minutes}); d.against(v, w, booked) == "" {
						r.Fatalf("%+v was overlooked for %+v", v, w)
					}
				}
			}
		}
	})
}

func TestTheSameWishesGiveTheSameSlots(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := draw(r)
		one, _ := d.run()
		two, _ := d.run()
		if !slices.Equal(one, two) {
			r.Fatalf("%v\n%v", one, two)
		}
	})
}

// Where nobody has a visit yet and every day has room, the days of all
// providers have as many visits as each other, or one more.
func TestVisitsAreSpreadEvenly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := places(t)
		w := wish("2026-12-01", fmt.Sprintf("2026-12-%02d", rapid.IntRange(1, 20).Draw(r, "last day")))
		w.Providers = w.Providers[:1]
		if rapid.Bool().Draw(r, "two providers") {
			w.Providers = []string{"ann", "bea"}
		}
		c := slots.New(d, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		loads := map[string]int{}
		n := rapid.IntRange(1, 300).Draw(r, "visits")
		for range n {
			v, answer := c.Find(w)
			if answer != slots.Found {
				break // every day is full
			}
			c.Book(v)
			loads[v.Provider+wall(t, v)[:14]]++
		}
		totals := map[string]int{}
		for day, load := range loads {
			totals[day[:3]] += load
		}
		if d := totals["ann"] - totals["bea"]; len(w.Providers) == 2 && (d < -1 || d > 1) {
			r.Fatalf("the providers have %v", totals)
		}
		var days int
		if _, err := fmt.Sscanf(w.To, "2026-12-%d", &days); err != nil {
			r.Fatal(err)
		}
		least, most := n, 0
		for _, load := range loads {
			least, most = min(least, load), max(most, load)
		}
		if len(loads) < days*len(w.Providers) {
			least = 0
		}
		if most-least > 1 {
			r.Fatalf("between %d and %d visits a day: %v", least, most, loads)
		}
	})
}

// 10,000 visits over 40 providers and twelve weeks, into calendars that are half full.
func BenchmarkTenThousandVisits(b *testing.B) {
	d := places(b)
	d.Providers = nil
	var all []string
	for i := range 40 {
		id := fmt.Sprintf("dr-%02d", i)
		d.Providers, all = append(d.Providers, registry.Provider{ID: id, Daily: 16}), append(all, id)
	}
	start := time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		c := slots.New(d, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		for i := range 10_000 {
			c.Book(slots.Visit{Provider: all[i%40], Facility: "fac", Start: start.AddDate(0, 0, i/40%84).Add(time.Duration(i%7) * 30 * time.Minute), Minutes: 30})
		}
		w := wish("2026-12-01", "2027-02-22")
		w.Providers = all
		for range 10_000 {
			v, answer := c.Find(w)
			if answer != slots.Found {
				b.Fatal("not everybody found a slot")
			}
			c.Book(v)
		}
	}
}
