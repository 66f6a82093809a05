package slots_test

import (
	"slices"
	"testing"
	"time"

	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

func span(t testing.TB, text string) registry.Span {
	t.Helper()
	s, err := registry.ParseSpan(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func week(t testing.TB, text string) registry.Week {
	t.Helper()
	w, err := registry.ParseWeek(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// places is a directory with one facility, open every day from 8 to 17, and two
// providers.
func places(t testing.TB) registry.Directory {
	return registry.Directory{
		Facilities: []registry.Facility{{ID: "fac", TimeZone: "America/New_York", Hours: week(t, "Mon-Sun 08:00-17:00"), Lunch: registry.DefaultLunch}},
		Providers:  []registry.Provider{{ID: "ann", Active: true}, {ID: "bea", Active: true}},
	}
}

func wish(from, to string) slots.Wish {
	return slots.Wish{Facility: "fac", Providers: []string{"ann"}, Minutes: 30, From: from, To: to}
}

// wall is a moment as the clock at the facility shows it.
func wall(t testing.TB, v slots.Visit) string {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	return v.Start.In(zone).Format("Mon 2006-01-02 15:04 MST")
}

func find(t testing.TB, c *slots.Calendar, w slots.Wish) string {
	t.Helper()
	v, answer := c.Find(w)
	switch answer {
	case slots.Taken:
		return "taken"
	case slots.Shut:
		return "shut"
	case slots.Full:
		return "full"
	}
	c.Book(v)
	return wall(t, v)
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	zone, _ := time.LoadLocation("America/New_York")
	when, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestWhereASlotIsFound(t *testing.T) {
	monday := "2026-12-07"
	tests := []struct {
		name   string
		change func(*registry.Directory, *slots.Wish)
		booked []string // starts of half hours that ann has
		want   string
	}{
		{"the first of the day", nil, nil, "Mon 2026-12-07 08:00 EST"},
		{"after a visit of the provider", nil, []string{"2026-12-07 08:00"}, "Mon 2026-12-07 08:30 EST"},
		{"between two visits only where it fits", nil, []string{"2026-12-07 08:15", "2026-12-07 09:00"}, "Mon 2026-12-07 09:30 EST"},
		{"after a visit that begins between the quarters", nil, []string{"2026-12-07 08:05"}, "Mon 2026-12-07 08:45 EST"},
		{"when the provider begins", func(d *registry.Directory, _ *slots.Wish) { d.Providers[0].Hours = week(t, "Mon 10:00-11:00") }, nil, "Mon 2026-12-07 10:00 EST"},
		{"not on the provider's day off", func(d *registry.Directory, _ *slots.Wish) { d.Providers[0].Hours = week(t, "Tue 10:00-11:00") }, nil, "shut"},
		{"not in time off", func(d *registry.Directory, _ *slots.Wish) {
			d.Providers[0].Away = []registry.Days{{From: "2026-12-01", To: monday}}
		}, nil, "shut"},
		{"not on a holiday", func(d *registry.Directory, _ *slots.Wish) {
			d.Facilities[0].Closed = []registry.Days{{From: monday, To: monday}}
		}, nil, "shut"},
		{"in the wished part of the day", func(_ *registry.Directory, w *slots.Wish) { w.Window = span(t, "11:30-14:00") }, nil, "Mon 2026-12-07 11:30 EST"},
		{"not over lunch", func(_ *registry.Directory, w *slots.Wish) { w.Window = span(t, "11:45-14:00") }, nil, "Mon 2026-12-07 13:00 EST"},
		{"not longer than the day", func(_ *registry.Directory, w *slots.Wish) { w.Minutes = 300 }, nil, "shut"},
		{"as long as the afternoon", func(_ *registry.Directory, w *slots.Wish) { w.Minutes = 240 }, []string{"2026-12-07 08:00"}, "Mon 2026-12-07 13:00 EST"},
		{"not beyond the maximum that was asked for", func(_ *registry.Directory, w *slots.Wish) { w.PerDay = 1 }, []string{"2026-12-07 08:00"}, "full"},
		{"not beyond the provider's maximum", func(d *registry.Directory, w *slots.Wish) { d.Providers[0].Daily, w.PerDay = 1, 5 }, []string{"2026-12-07 08:00"}, "full"},
		{"not where the patient has a visit", func(_ *registry.Directory, w *slots.Wish) {
			w.Patient = []slots.Visit{{Provider: "bea", Start: at(t, "2026-12-07 08:15"), Minutes: 60}}
		}, nil, "Mon 2026-12-07 09:15 EST"},
		{"not where one was found for the patient just now", func(_ *registry.Directory, w *slots.Wish) {
			w.Found = []slots.Visit{{Provider: "bea", Facility: "fac", Start: at(t, "2026-12-07 08:00"), Minutes: 30}}
		}, nil, "Mon 2026-12-07 08:30 EST"},
		{"what was found just now counts for the day", func(_ *registry.Directory, w *slots.Wish) {
			w.PerDay, w.Found = 1, []slots.Visit{{Provider: "ann", Facility: "fac", Start: at(t, "2026-12-07 08:00"), Minutes: 30}}
		}, nil, "taken"},
		{"not on a day that does not come into question", func(_ *registry.Directory, w *slots.Wish) {
			w.To, w.Without = "2026-12-08", []slots.Visit{{Provider: "ann", Facility: "fac", Start: at(t, "2026-12-07 10:00")}}
		}, nil, "Tue 2026-12-08 08:00 EST"},
		{"as near as can be", func(_ *registry.Directory, w *slots.Wish) { w.Near = at(t, "2026-12-07 14:10") }, []string{"2026-12-07 14:00"}, "Mon 2026-12-07 14:30 EST"},
		{"with whom is free", func(_ *registry.Directory, w *slots.Wish) { w.Providers = []string{"ann", "bea"} }, []string{"2026-12-07 16:30"}, "Mon 2026-12-07 08:00 EST"},
		{"nowhere without a time zone", func(d *registry.Directory, _ *slots.Wish) { d.Facilities[0].TimeZone = "Mars/Olympus" }, nil, "shut"},
		{"nowhere without hours", func(d *registry.Directory, _ *slots.Wish) { d.Facilities[0].Hours = registry.Week{} }, nil, "shut"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, w := places(t), wish(monday, monday)
			if tt.change != nil {
				tt.change(&d, &w)
			}
			c := slots.New(d, at(t, "2026-11-20 12:00"))
			for _, start := range tt.booked {
				c.Book(slots.Visit{Provider: "ann", Facility: "fac", Start: at(t, start), Minutes: 30})
			}
			if got := find(t, c, w); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNothingIsFoundBeforeTheMoment(t *testing.T) {
	for after, want := range map[string]string{
		"2026-12-07 09:00": "Mon 2026-12-07 09:15 EST",
		"2026-12-07 09:01": "Mon 2026-12-07 09:15 EST",
		"2026-12-07 17:00": "shut",
	} {
		c := slots.New(places(t), at(t, after))
		if got := find(t, c, wish("2026-12-07", "2026-12-07")); got != want {
			t.Errorf("after %s: got %s, want %s", after, got, want)
		}
	}
}

// On the night when clocks go forward 2:00 to 3:00 does not exist; when they go
// back 1:00 to 2:00 comes twice. The facility is open all night.
func TestDaysOnWhichClocksChange(t *testing.T) {
	d := places(t)
	d.Facilities[0].Hours, d.Facilities[0].Lunch = week(t, "Sun 01:00-04:00"), registry.Span{}
	tests := []struct {
		name, day string
		minutes   int
		want      []string
	}{
		{"an ordinary night", "2026-03-01", 60, []string{"Sun 2026-03-01 01:00 EST", "Sun 2026-03-01 02:00 EST", "Sun 2026-03-01 03:00 EST", "full"}},
		{"an hour is left out", "2026-03-08", 60, []string{"Sun 2026-03-08 01:00 EST", "Sun 2026-03-08 03:00 EDT", "full"}},
		{"two hours are longer than the clock shows", "2026-03-08", 120, []string{"Sun 2026-03-08 01:00 EST", "full"}},
		{"an hour comes twice", "2026-11-01", 60, []string{"Sun 2026-11-01 01:00 EDT", "Sun 2026-11-01 01:00 EST", "Sun 2026-11-01 02:00 EST", "Sun 2026-11-01 03:00 EST", "full"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, w := slots.New(d, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), wish(tt.day, tt.day)
			w.Minutes = tt.minutes
			var got []string
			for len(got) == 0 || got[len(got)-1] != "full" && len(got) < 9 {
				got = append(got, find(t, c, w))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

// The opening hour stays the same by the clock, so the real time moves.
func TestOpeningHoursFollowTheClockOnTheWall(t *testing.T) {
	c := slots.New(places(t), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for day, want := range map[string]string{"2026-03-07": "13:00", "2026-03-09": "12:00", "2026-10-31": "12:00", "2026-11-02": "13:00"} {
		v, answer := c.Find(wish(day, day))
		if got := v.Start.Format("15:04"); answer != slots.Found || got != want {
			t.Errorf("on %s: got %s UTC, want %s", day, got, want)
		}
	}
}

func TestDaysAreTriedFarApart(t *testing.T) {
	c := slots.New(places(t), at(t, "2026-11-20 12:00"))
	var got []string
	for range 5 {
		got = append(got, find(t, c, wish("2026-12-01", "2026-12-08"))[4:14])
	}
	want := []string{"2026-12-01", "2026-12-05", "2026-12-03", "2026-12-07", "2026-12-02"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNearADayTheLaterOfTwoComesFirst(t *testing.T) {
	c := slots.New(places(t), at(t, "2026-11-20 12:00"))
	w := wish("2026-12-01", "2026-12-08")
	w.Near, w.PerDay = at(t, "2026-12-03 00:00"), 1
	var got []string
	for range 5 {
		got = append(got, find(t, c, w)[4:14])
	}
	want := []string{"2026-12-03", "2026-12-04", "2026-12-02", "2026-12-05", "2026-12-01"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAVisitTakesWholeCells(t *testing.T) {
	start := time.Date(2026, 12, 7, 9, 5, 0, 0, time.UTC)
	var got []string
	for _, c := range slots.Cells(start, 20) {
		got = append(got, c.Format("15:04"))
	}
	if want := []string{"09:00", "09:15"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhenAFacilityIsOpenForAVisit(t *testing.T) {
	d := places(t)
	d.Facilities[0].Hours = week(t, "Mon-Fri 08:00-17:00")
	d.Facilities[0].Closed = []registry.Days{{From: "2026-12-24", To: "2026-12-26"}}
	d.Facilities = append(d.Facilities, registry.Facility{ID: "ward", TimeZone: "America/New_York"})
	c := slots.New(d, at(t, "2026-12-01 00:00"))
	for _, test := range []struct {
		facility, start string
		open            bool
	}{
		{"fac", "2026-12-07 08:00", true},
		{"fac", "2026-12-07 16:30", true},
		{"fac", "2026-12-07 16:45", false}, // it ends later
		{"fac", "2026-12-07 07:45", false},
		{"fac", "2026-12-07 11:30", true},
		{"fac", "2026-12-07 11:45", false}, // lunch
		{"fac", "2026-12-07 13:00", true},
		{"fac", "2026-12-06 10:00", false},  // Sunday
		{"fac", "2026-12-24 10:00", false},  // closed
		{"ward", "2026-12-07 10:00", false}, // no hours
	} {
		if got := c.Opens(slots.Visit{Facility: test.facility, Start: at(t, test.start), Minutes: 30}); got != test.open {
			t.Errorf("%s at %s: open %v", test.facility, test.start, got)
		}
	}
}
