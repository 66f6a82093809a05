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
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// openDirectory is clinicDirectory with hours.
func openDirectory() registry.Directory {
	d := clinicDirectory()
	for i := range d.Facilities {
		d.Facilities[i].Hours, d.Facilities[i].Lunch = registry.DefaultHours, registry.DefaultLunch
	}
	return d
}

// thursday is one to come, 10:00 in New York.
var thursday = time.Date(2026, 12, 10, 15, 0, 0, 0, time.UTC)

// visitAt is a scheduled visit of a patient.
func visitAt(patient, id string, start time.Time, provider, facility string, minutes int) registry.Record {
	return registry.Record{Ref: registry.VisitRef{Start: start, ID: id}.Ref(patient), Fields: registry.Fields{
		registry.VisitState: registry.VisitScheduled, registry.VisitStart: start.Format(registry.VisitTime), registry.VisitMinutes: fmt.Sprint(minutes),
		registry.VisitType: "Routine", registry.ProviderField: provider, registry.FacilityField: facility}}
}

// having is the patient with visits.
func having(p registry.Patient, visits ...registry.Record) kind.Subject {
	s := kind.Subject{Patient: p, Records: records{}}
	var refs []registry.VisitRef
	for _, v := range visits {
		start, _ := v.Ref.VisitStart()
		refs = append(refs, registry.VisitRef{Start: start, ID: v.Ref.Part[strings.LastIndex(v.Ref.Part, "#")+1:]})
		s.Records[v.Ref] = v
	}
	p.Fields[registry.Upcoming] = registry.FormatVisitRefs(refs)
	return s
}

func taking(p bulk.Params, visits string) bulk.Params {
	p = maps.Clone(p)
	p["visits"] = visits
	return p
}

// A visit goes to another provider only where that one is free then.
func TestNobodyIsBookedTwiceByTakingOverVisits(t *testing.T) {
	own := visitAt("00042", "V1", thursday, "ann", "fac-1", 30)
	away := openDirectory()
	away.Providers[2].Away = []registry.Days{{From: "2026-12-09", To: "2026-12-11"}}
	short := openDirectory()
	short.Providers[2].Hours = registry.Week{time.Thursday: {From: 11 * 60, To: 15 * 60}}
	full := openDirectory()
	full.Providers[2].Daily = 1
	tests := []struct {
		name      string
		directory registry.Directory
		others    []registry.Record
		sentence  string // why not
	}{
		{"free", openDirectory(), nil, ""},
		{"before and after", openDirectory(), []registry.Record{visitAt("7", "A", thursday.Add(-30*time.Minute), "cyd", "fac-1", 30), visitAt("8", "B", thursday.Add(30*time.Minute), "cyd", "fac-1", 30)}, ""},
		{"a part of it", openDirectory(), []registry.Record{visitAt("7", "A", thursday.Add(-15*time.Minute), "cyd", "fac-1", 30)},
			"Dr. Cyd has another visit at the time of one of the patient’s, Thu 10 Dec 2026, 10:00 EST."},
		{"of somebody else", openDirectory(), []registry.Record{visitAt("7", "A", thursday, "gus", "fac-1", 30)}, ""},
		{"time off", away, nil, "Dr. Cyd does not work at the time of one of the patient’s visits, Thu 10 Dec 2026, 10:00 EST."},
		{"not in the morning", short, nil, "Dr. Cyd does not work at the time of one of the patient’s visits, Thu 10 Dec 2026, 10:00 EST."},
		{"a day that is full", full, []registry.Record{visitAt("7", "A", thursday.Add(3*time.Hour), "cyd", "fac-1", 30)},
			"Dr. Cyd has as many visits as they see a day on the day of one of the patient’s, Thu 10 Dec 2026, 10:00 EST."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, planner := range map[string]kind.Planner{
				"reassignment": kind.ProviderReassignment.New(taking(toOne("cyd"), "reassign"), kind.World{Directory: test.directory, At: noon, Visits: test.others}),
				"transfer": kind.FacilityTransfer.New(transferTo("fac-1", "default", "move"), kind.World{At: noon, Visits: test.others, Directory: func() registry.Directory {
					d := test.directory
					d.Facilities = slices.Clone(d.Facilities)
					d.Facilities[0].DefaultProvider = "cyd"
					return d
				}()}),
			} {
				s := having(of("ann"), own)
				if name == "transfer" { // from Hilltop
					moved := visitAt("00042", "V1", thursday, "ann", "fac-2", 30)
					s = having(of("ann", "facility", "fac-2"), moved)
				}
				change, exclusion := planner.Plan(s)
				switch {
				case exclusion != nil && (exclusion.Code != bulk.VisitInTheWay || exclusion.Sentence != test.sentence):
					t.Errorf("%s: %s", name, exclusion.Sentence)
				case exclusion == nil && test.sentence != "":
					t.Errorf("%s: it is given away all the same", name)
				case exclusion == nil:
					var held []string
					for _, e := range change.Edits {
						if provider, start, ok := e.Ref.Slot(); ok {
							held = append(held, provider+start.Format(" 15:04"))
						}
					}
					if got := strings.Join(held, ", "); got != "cyd 15:00, cyd 15:15" {
						t.Errorf("%s holds the slots %s", name, got)
					}
				}
			}
		})
	}
}

// Who cannot take the visits is passed over, and another takes the patient.
func TestVisitsGoToWhoIsFree(t *testing.T) {
	world := kind.World{Directory: openDirectory(), At: noon, Visits: []registry.Record{visitAt("7", "A", thursday, "bea", "fac-1", 30)}}
	planner := kind.ProviderReassignment.New(taking(toSeveral("round-robin", "bea", "cyd"), "reassign"), world)
	var got []string
	for i := range 3 {
		p := of("ann")
		p.Ref.Patient = fmt.Sprint(i)
		change, exclusion := planWith(planner, having(p, visitAt(p.ID(), "V1", thursday, "ann", "fac-1", 30)))
		if exclusion != nil {
			got = append(got, exclusion.Sentence)
			continue
		}
		got = append(got, change.Edits[0].After["provider"])
	}
	if want := []string{"cyd", "The chosen providers who can take this patient have other visits, or are off, at the times of the patient’s."}; !slices.Equal(slices.Compact(got), want) {
		t.Errorf("got %q", got)
	}
}

// Visits go along with who moves between the chosen providers, too; who cannot
// take them gets no patient for the sake of even numbers.
func TestVisitsFollowWhoIsEvenedOut(t *testing.T) {
	visit := visitAt("00042", "V1", thursday, "ann", "fac-1", 30)
	world := kind.World{Directory: openDirectory(), At: noon, Patients: map[string]int{"ann": 9, "bea": 1}, Visits: []registry.Record{visit}}
	planner := func(visits string) kind.Planner {
		return kind.ProviderReassignment.New(taking(toSeveral("load", "ann", "bea", "cyd"), visits), world)
	}
	for visits, want := range map[string][]string{"keep": nil, "reassign": {"ann → cyd", "slot", "slot"}, "cancel": {"scheduled → cancelled"},
		"reschedule": {"scheduled → cancelled", "→ cyd", "slot", "slot"}} {
		change, exclusion := planner(visits).Plan(having(of("ann"), visit))
		if exclusion != nil {
			t.Fatalf("%s: %s", visits, exclusion.Sentence)
		}
		var got []string
		for _, e := range change.Edits[1:] {
			switch {
			case e.Ref.IsSlot():
				got = append(got, "slot")
			case e.Creates():
				got = append(got, "→ "+e.After["provider"])
			default:
				for field := range e.After {
					if field != registry.CancelledWhy {
						got = append(got, e.Before[field]+" → "+e.After[field])
					}
				}
			}
		}
		if to := change.Edits[0].After["provider"]; to != "cyd" || !slices.Equal(got, want) {
			t.Errorf("%s: the patient goes to %s, the visits %q", visits, to, got)
		}
	}
	world.Visits = append(world.Visits, visitAt("7", "A", thursday, "bea", "fac-1", 30), visitAt("8", "B", thursday, "cyd", "fac-1", 30))
	_, exclusion := planner("reassign").Plan(having(of("ann"), visit))
	if exclusion == nil || exclusion.Code != bulk.AlreadySo || exclusion.Sentence != "Stays with Dr. Ann: none of the chosen providers who should get more patients can take this one." {
		t.Errorf("%+v", exclusion)
	}
}

func TestVisitsAreBookedAnewByTheRules(t *testing.T) {
	world := func(others ...registry.Record) kind.World {
		return kind.World{Directory: openDirectory(), At: noon, Visits: others}
	}
	again := taking(toOne("cyd"), "reschedule")
	s := having(of("ann"), visitAt("00042", "V1", thursday, "ann", "fac-1", 30), visitAt("00042", "V2", thursday.Add(time.Hour), "gus", "fac-2", 30))
	change, exclusion := kind.ProviderReassignment.New(again, world(visitAt("7", "A", thursday, "cyd", "fac-1", 45))).Plan(s)
	if exclusion != nil {
		t.Fatal(exclusion.Sentence)
	}
	cancelled, booked := registry.Ref{}, registry.Record{}
	for _, e := range change.Edits {
		switch {
		case e.Books():
			booked = registry.Record{Ref: e.Ref, Fields: e.After}
		case e.Ref.IsVisit():
			cancelled = e.Ref
			if e.After["cancelled_why"] != "Provider changed" || !e.Holds(s.Records[e.Ref]) {
				t.Errorf("%v → %v", e.Before, e.After)
			}
		}
	}
	// 10:00 and 10:30 are taken by the other patient, 11:00 to 11:30 by the patient's
	// own other visit; both 9:30 and 11:30 are as near or nearer.
	if cancelled.Part != s.Patient.Visits()[0].Ref("00042").Part || booked.Start() != thursday.Add(-30*time.Minute) ||
		booked.Get("provider") != "cyd" || booked.Get("type") != "Routine" || booked.Minutes() != 30 || booked.Get("facility") != "fac-1" {
		t.Errorf("cancelled %s, booked %v", cancelled.Part, booked.Fields)
	}
	upcoming := registry.ParseVisitRefs(change.Edits[0].After[registry.Upcoming])
	if len(upcoming) != 2 || !upcoming[0].Start.Equal(thursday.Add(-30*time.Minute)) || upcoming[1].ID != "V2" {
		t.Errorf("the profile lists %v", upcoming)
	}

	// What finds no time is listed, with the patient, who stays as they are.
	shut := world()
	shut.Directory.Providers[2].Away = []registry.Days{{From: "2026-11-01", To: "2027-03-01"}}
	_, exclusion = kind.ProviderReassignment.New(again, shut).Plan(s)
	if exclusion == nil || exclusion.Code != bulk.NoSlot || !strings.HasPrefix(exclusion.Sentence, "The visit on Thu 10 Dec 2026, 10:00 EST finds no new time. No time with Dr. Cyd from 3 Dec 2026 to 7 Jan 2027") {
		t.Errorf("%+v", exclusion)
	}
	_, exclusion = kind.ProviderReassignment.New(again, world()).Plan(having(of("ann", "status", "On Hold"), visitAt("00042", "V1", thursday, "ann", "fac-1", 30)))
	if exclusion == nil || exclusion.Code != bulk.NotAllowed || exclusion.Sentence != "No visits are booked for a patient who is On Hold." {
		t.Errorf("%+v", exclusion)
	}
}

// However patients are shared out and whatever is booked, no provider and no
// patient is in two places, and nobody sees more a day than they may.
func TestSharingOutVisitsNeverDoubleBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := openDirectory()
		d.Providers[1].Limit, d.Providers[2].Limit = 0, 0
		d.Providers[1].Daily, d.Providers[2].Daily = 3, 12
		quarter := func(what string) time.Time {
			return thursday.Add(time.Duration(rapid.IntRange(-8, 24).Draw(t, what)) * 15 * time.Minute)
		}
		var world []slots.Visit
		w := kind.World{Directory: d, At: noon, Patients: map[string]int{"bea": rapid.IntRange(0, 20).Draw(t, "of bea"), "cyd": 4}}
		add := func(visits ...registry.Record) bool {
			booked := slices.Clone(world)
			for _, v := range visits {
				start, _ := v.Ref.VisitStart()
				nv := slots.Visit{Provider: v.Get("provider"), Start: start, Minutes: v.Minutes()}
				if slices.ContainsFunc(booked, func(o slots.Visit) bool { return o.Provider == nv.Provider && o.Meets(nv) }) {
					return false
				}
				booked = append(booked, nv)
			}
			world, w.Visits = booked, append(w.Visits, visits...)
			return true
		}
		for n := range rapid.IntRange(0, 6).Draw(t, "booked") {
			add(visitAt(fmt.Sprint("o", n), "O", quarter("booked"), rapid.SampledFrom([]string{"bea", "cyd"}).Draw(t, "with"), "fac-1", 30))
		}
		var subjects []kind.Subject // of somebody else, and of one of the chosen, whose times are taken already
		for n := range rapid.IntRange(1, 12).Draw(t, "patients") {
			from := rapid.SampledFrom([]string{"ann", "ann", "bea"}).Draw(t, "from")
			p := of(from)
			p.Ref.Patient = fmt.Sprint("p", n)
			visits := []registry.Record{visitAt(p.ID(), "V1", quarter("first"), from, "fac-1", 30), visitAt(p.ID(), "V2", quarter("second").AddDate(0, 0, 1), from, "fac-1", 45)}
			if from == "ann" || add(visits...) {
				subjects = append(subjects, having(p, visits...))
			}
		}
		visits := rapid.SampledFrom([]string{"reassign", "reschedule"}).Draw(t, "visits")
		planner := kind.ProviderReassignment.New(taking(byCapacity("bea=10 cyd=10", "bea", "cyd"), visits), w)
		held := map[registry.Ref]bool{}
		days := map[string]int{}
		for _, v := range w.Visits {
			days[v.Get("provider")+v.Get("start")[:10]]++
		}
		for _, s := range subjects {
			change, exclusion := planWith(planner, s)
			if exclusion != nil {
				continue
			}
			to := change.Edits[0].After["provider"]
			var mine []slots.Visit
			for _, e := range change.Edits {
				if e.Ref.IsSlot() {
					if held[e.Ref] {
						t.Fatalf("%s is held twice", e.Ref.Part)
					}
					held[e.Ref] = true
				}
				if !e.Occupies() {
					continue
				}
				r := registry.Record{Ref: e.Ref, Fields: e.After}
				if old, ok := s.Records[e.Ref]; ok {
					r.Fields = maps.Clone(old.Fields)
				}
				start, _ := e.Ref.VisitStart()
				v := slots.Visit{Provider: to, Start: start, Minutes: r.Minutes()}
				for _, o := range append(world, mine...) {
					if o.Provider == to && o.Meets(v) {
						t.Fatalf("%s has %v and %v", to, o.Start, v.Start)
					}
				}
				mine = append(mine, v)
				q, _ := d.Provider(to)
				if days[to+start.Format(time.DateOnly)]++; days[to+start.Format(time.DateOnly)] > min(10, q.Daily) {
					t.Fatalf("%s has %d visits on %s", to, days[to+start.Format(time.DateOnly)], start.Format(time.DateOnly))
				}
			}
			if len(mine) != 2 {
				t.Fatalf("%d of 2 visits follow", len(mine))
			}
			world = append(world, mine...)
		}
	})
}
