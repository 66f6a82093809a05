package kind_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// scheduling are answers that Check accepts: single half hours at the end of 2026.
func scheduling(more ...string) bulk.Params {
	p := bulk.Params{kind.VisitsOf: "Wellness", kind.VisitsFrom: "2026-12-07", kind.VisitsTo: "2026-12-07", kind.VisitsLast: "30",
		kind.VisitsWith: kind.OwnProvider, kind.VisitsAt: kind.AnyTime}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

func TestWrongAnswersAboutVisitsAreNamed(t *testing.T) {
	tests := []struct {
		params bulk.Params
		want   []string
	}{
		{scheduling(), nil},
		{scheduling(kind.VisitsTimes, "3", kind.VisitsEvery, "4"), nil},
		{scheduling(kind.VisitsOf, "Party"), []string{"type: Choose the type of the visits."}},
		{scheduling(kind.VisitsFrom, "", kind.VisitsTo, "soon"), []string{"from: Give the first day.", `to: "soon" is no date. Write it as year-month-day, for example 2026-01-31.`}},
		{scheduling(kind.VisitsTo, "2026-12-06"), []string{"to: The last day is before the first. Swap them, or correct one."}},
		{scheduling(kind.VisitsTo, "2027-12-08"), []string{"to: Choose at most 366 days."}},
		{scheduling(kind.VisitsLast, "4"), []string{"minutes: Give how long a visit takes: a whole number of minutes from 5 to 240."}},
		{scheduling(kind.VisitsLast, "-30"), []string{"minutes: Give how long a visit takes: a whole number of minutes from 5 to 240."}},
		{scheduling(kind.VisitsWith, kind.OneProvider), []string{"provider: Choose the provider."}},
		{scheduling(kind.VisitsWith, kind.OneProvider, kind.VisitsProvider, "dee"), []string{"provider: Choose one of the listed providers."}},
		{scheduling(kind.VisitsProvider, "ann"), []string{"provider: A provider goes only with visits that are all with the same one. Remove it or choose that."}},
		{scheduling(kind.VisitsADay, "0"), []string{"per_day: Give a whole number from 1 to 96, or leave it empty."}},
		{scheduling(kind.VisitsAt, "night"), []string{"at: Choose the part of the day."}},
		{scheduling(kind.VisitsAt, kind.BetweenTimes), []string{"earliest: Give a time such as 09:00.", "latest: Give a time such as 09:00."}},
		{scheduling(kind.VisitsAt, kind.BetweenTimes, kind.VisitsEarliest, "10:00", kind.VisitsLatest, "09:00"), []string{"latest: The second time is not after the first. Swap them, or correct one."}},
		{scheduling(kind.VisitsAt, kind.BetweenTimes, kind.VisitsEarliest, "10:00", kind.VisitsLatest, "10:15"), []string{"latest: Between these times is no room for a visit of 30 minutes: visits take whole quarters of an hour, such as 09:15 to 09:30."}},
		{scheduling(kind.VisitsLast, "10", kind.VisitsAt, kind.BetweenTimes, kind.VisitsEarliest, "09:10", kind.VisitsLatest, "09:20"), []string{"latest: Between these times is no room for a visit of 10 minutes: visits take whole quarters of an hour, such as 09:15 to 09:30."}},
		{scheduling(kind.VisitsLatest, "10:15"), []string{"latest: Times go only with visits between two times. Remove it or choose that."}},
		{scheduling(kind.VisitsTimes, "3"), []string{"weeks: Give a whole number of weeks from 1 to 26, or leave both empty for a single visit."}},
		{scheduling(kind.VisitsTimes, "12", kind.VisitsEvery, "10"), []string{"times: The last visit would be 110 weeks after the first; at most 104 are possible."}},
		{scheduling(kind.VisitsTimes, "12", kind.VisitsEvery, "1", kind.VisitsLast, "240"), []string{"times: Of visits of 240 minutes at most 5 can be booked together."}},
		{scheduling("colour", "red"), []string{`colour: A visit scheduling has no question "colour".`}},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range kind.VisitScheduling.Check(tt.params, kindtest.Directory) {
			got = append(got, p.Field+": "+p.Sentence)
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%v:\n got %q\nwant %q", tt.params, got, tt.want)
		}
	}
}

// cared is a patient of Dr. Ann at Riverside.
func cared(id string, more ...string) kind.Subject {
	fields := registry.Fields{registry.Name: "Name of " + id, registry.StatusField: "Active", registry.FacilityField: "fac-1", registry.ProviderField: "ann"}
	for i := 0; i < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	return kind.Subject{Patient: registry.Patient{Record: registry.Record{Ref: registry.ProfileRef(id), Fields: fields}}}
}

// bookedBy are the visits that a change books, as people read them.
func bookedBy(c bulk.Change) []string {
	var all []string
	for _, e := range c.Edits {
		if e.Books() {
			all = append(all, kindtest.Directory.VisitWords(registry.Record{Fields: e.After}))
		}
	}
	return all
}

func TestForWhomAndWhenVisitsAreBooked(t *testing.T) {
	tests := []struct {
		name    string
		params  bulk.Params
		subject kind.Subject
		want    string
	}{
		{"with the own provider", scheduling(), cared("1"), "Mon 7 Dec 2026, 08:00 EST, 30 minutes, with Dr. Ann"},
		{"pending too", scheduling(), cared("1", registry.StatusField, "Pending"), "Mon 7 Dec 2026, 08:00 EST, 30 minutes, with Dr. Ann"},
		{"not where care has ended", scheduling(), cared("1", registry.StatusField, "Discharged"), "not-allowed: No visits are booked for a patient who is Discharged."},
		{"not on hold", scheduling(), cared("1", registry.StatusField, "On Hold"), "not-allowed: No visits are booked for a patient who is On Hold."},
		{"not in hospital", scheduling(), cared("1", registry.StatusField, "Hospitalized"), "not-allowed: No visits are booked for a patient who is Hospitalized."},
		{"not without a provider", scheduling(), cared("1", registry.ProviderField, ""), "no-provider: The patient has no provider."},
		{"not with one who does not work there", scheduling(), cared("1", registry.ProviderField, "cyd"), "not-licensed: Dr. Cyd does not work at Riverside."},
		{"with the one for all", scheduling(kind.VisitsWith, kind.OneProvider, kind.VisitsProvider, "bea"), cared("1"), "Mon 7 Dec 2026, 08:00 EST, 30 minutes, with Dr. Bea"},
		{"with any, the own first", scheduling(kind.VisitsWith, kind.AnyProvider), cared("1", registry.ProviderField, "bea"), "Mon 7 Dec 2026, 08:00 EST, 30 minutes, with Dr. Bea"},
		{"only with the specialty", scheduling(kind.VisitsWith, kind.AnyProvider), cared("1", registry.NeedsSpecialty, "Podiatry"),
			"no-provider: Nobody who works at Riverside has the specialty that the patient needs."},
		{"in the afternoon", scheduling(kind.VisitsAt, kind.Afternoons), cared("1"), "Mon 7 Dec 2026, 13:00 EST, 30 minutes, with Dr. Ann"},
		{"between two times", scheduling(kind.VisitsAt, kind.BetweenTimes, kind.VisitsEarliest, "10:10", kind.VisitsLatest, "11:00"), cared("1"), "Mon 7 Dec 2026, 10:15 EST, 30 minutes, with Dr. Ann"},
		{"not on a Sunday", scheduling(kind.VisitsFrom, "2026-12-06", kind.VisitsTo, "2026-12-06"), cared("1"),
			"no-slot: No time with Dr. Ann from 6 Dec 2026 to 6 Dec 2026 keeps the rules: hours, days off and the part of the day leave no 30 minutes, a day from now or later."},
		{"not within a day", scheduling(kind.VisitsFrom, "2026-12-01", kind.VisitsTo, "2026-12-02"), cared("1"), "Wed 2 Dec 2026, 08:00 EST, 30 minutes, with Dr. Ann"},
		{"a series, by the clock on the wall", scheduling(kind.VisitsFrom, "2027-03-08", kind.VisitsTo, "2027-03-08", kind.VisitsEvery, "1", kind.VisitsTimes, "2"), cared("1"),
			"Mon 8 Mar 2027, 08:00 EST, 30 minutes, with Dr. Ann; Mon 15 Mar 2027, 08:00 EDT, 30 minutes, with Dr. Ann"},
		{"a series over a holiday", scheduling(kind.VisitsEvery, "2", kind.VisitsTimes, "2"), cared("1"),
			"Mon 7 Dec 2026, 08:00 EST, 30 minutes, with Dr. Ann; Tue 22 Dec 2026, 08:00 EST, 30 minutes, with Dr. Ann"},
	}
	d := kindtest.Directory
	d.Facilities = append([]registry.Facility{}, d.Facilities...)
	d.Facilities[0].Closed = []registry.Days{{From: "2026-12-21", To: "2026-12-21"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if problems := kind.VisitScheduling.Check(tt.params, d); len(problems) > 0 {
				t.Fatal(problems)
			}
			change, exclusion := kind.VisitScheduling.New(tt.params, kind.World{Directory: d, At: noon}).Plan(tt.subject)
			got := strings.Join(bookedBy(change), "; ")
			if exclusion != nil {
				got = string(exclusion.Code) + ": " + exclusion.Sentence
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAllVisitsOfASeriesOrNone(t *testing.T) {
	full := kind.World{Directory: kindtest.Directory, At: noon}
	for day := time.Date(2026, 12, 18, 0, 0, 0, 0, time.UTC); day.Day() <= 25; day = day.AddDate(0, 0, 1) {
		full.Visits = append(full.Visits, registry.Record{Fields: registry.Fields{registry.ProviderField: "ann", registry.FacilityField: "fac-1",
			registry.VisitStart: day.Add(12 * time.Hour).Format(registry.VisitTime), registry.VisitMinutes: "480"}})
		full.Visits = append(full.Visits, registry.Record{Fields: registry.Fields{registry.ProviderField: "ann", registry.FacilityField: "fac-1",
			registry.VisitStart: day.Add(20 * time.Hour).Format(registry.VisitTime), registry.VisitMinutes: "480"}})
	}
	p := scheduling(kind.VisitsEvery, "1", kind.VisitsTimes, "4")
	planner := kind.VisitScheduling.New(p, full)
	for id, want := range []string{
		"Only 2 of 4 visits found a time, so none is booked. No time with Dr. Ann from 18 Dec 2026 to 24 Dec 2026 keeps the rules: all that is allowed is taken.",
		"No first visit with Dr. Ann from 7 Dec 2026 to 7 Dec 2026 leaves a time for all 4 visits that keeps the rules.", // nothing is tried again
	} {
		if _, exclusion := planner.Plan(cared(fmt.Sprint(id))); exclusion == nil || exclusion.Sentence != want {
			t.Errorf("got %v\nwant %s", exclusion, want)
		}
	}
}

// Who is left out of a series could not have had one on any first day, with
// anybody: later visits that find no time keep nobody from another first day.
func TestASeriesIsFoundWhereThereIsOne(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := kindtest.Directory
		d.Providers = slices.Clone(d.Providers)
		for i := range d.Providers {
			for range rapid.IntRange(0, 2).Draw(r, "times off") {
				from := time.Date(2026, 12, 7, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 35).Draw(r, "day"))
				d.Providers[i].Away = append(d.Providers[i].Away, registry.Days{From: from.Format(time.DateOnly),
					To: from.AddDate(0, 0, rapid.IntRange(0, 10).Draw(r, "days")).Format(time.DateOnly)})
			}
		}
		p := scheduling(kind.VisitsTo, "2026-12-18", kind.VisitsLast, "120", kind.VisitsADay, rapid.SampledFrom([]string{"1", "3"}).Draw(r, "per day"),
			kind.VisitsWith, rapid.SampledFrom([]string{kind.OwnProvider, kind.AnyProvider}).Draw(r, "with"),
			kind.VisitsEvery, rapid.SampledFrom([]string{"1", "2"}).Draw(r, "weeks"), kind.VisitsTimes, rapid.SampledFrom([]string{"2", "3"}).Draw(r, "times"))
		world := kind.World{Directory: d, At: noon}
		planner := kind.VisitScheduling.New(p, world)
		left := 0
		for i := range rapid.IntRange(1, 40).Draw(r, "patients") {
			change, exclusion := planWith(planner, cared(fmt.Sprint(i)))
			if exclusion != nil {
				left++
			}
			for _, e := range change.Edits {
				if e.Books() {
					world.Visits = append(world.Visits, registry.Record{Ref: e.Ref, Fields: e.After})
				}
			}
		}
		if left == 0 {
			return
		}
		alone := maps.Clone(p)
		for _, q := range d.Providers {
			if alone[kind.VisitsWith], alone[kind.VisitsProvider] = kind.OneProvider, q.ID; p[kind.VisitsWith] == kind.OwnProvider && q.ID != cared("").Patient.Provider() {
				continue
			}
			for day := time.Date(2026, 12, 7, 0, 0, 0, 0, time.UTC); day.Day() <= 18; day = day.AddDate(0, 0, 1) {
				alone[kind.VisitsFrom], alone[kind.VisitsTo] = day.Format(time.DateOnly), day.Format(time.DateOnly)
				if change, exclusion := kind.VisitScheduling.New(alone, world).Plan(cared("one more")); exclusion == nil {
					r.Fatalf("%d patients are left out, and one could have had %v", left, bookedBy(change))
				}
			}
		}
	})
}

// Many patients, planned one after the other: nobody is booked twice, the
// maximum holds, and the same input gives the same plan.
func TestAWholePlanKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := scheduling(kind.VisitsTo, rapid.SampledFrom([]string{"2026-12-07", "2026-12-11", "2027-01-29"}).Draw(r, "to"),
			kind.VisitsLast, rapid.SampledFrom([]string{"20", "30", "90"}).Draw(r, "minutes"), kind.VisitsWith, kind.AnyProvider,
			kind.VisitsADay, rapid.SampledFrom([]string{"", "1", "3"}).Draw(r, "per day"))
		if rapid.Bool().Draw(r, "series") {
			maps.Copy(p, bulk.Params{kind.VisitsEvery: "1", kind.VisitsTimes: "3"})
		}
		n := rapid.IntRange(1, 40).Draw(r, "patients")
		plan := func() (changes []bulk.Change, left int) {
			planner := kind.VisitScheduling.New(p, kind.World{Directory: kindtest.Directory, At: noon})
			for i := range n {
				change, exclusion := planner.Plan(cared(fmt.Sprint(i), registry.FacilityField, []string{"fac-1", "fac-2"}[i%2]))
				if exclusion != nil {
					left++
					continue
				}
				planner.(kind.Counting).Planned(change)
				changes = append(changes, change)
			}
			return changes, left
		}
		changes, left := plan()
		again, _ := plan()
		if fmt.Sprint(changes) != fmt.Sprint(again) {
			r.Fatal("the same input gave another plan")
		}
		held, loads := map[registry.Ref]bool{}, map[string]int{}
		for _, c := range changes {
			for _, e := range c.Edits {
				if e.Ref.IsSlot() && held[e.Ref] {
					r.Fatalf("%v is held twice", e.Ref)
				}
				held[e.Ref] = true
				if e.Books() {
					loads[e.After[registry.ProviderField]+e.After[registry.VisitStart][:10]]++
				}
			}
		}
		for day, load := range loads {
			if p[kind.VisitsADay] != "" && load > int(p[kind.VisitsADay][0]-'0') || strings.HasPrefix(day, "cyd") && load > 2 {
				r.Fatalf("%d visits on %s", load, day)
			}
		}
		if left == n {
			r.Fatal("nobody found a time")
		}
	})
}
