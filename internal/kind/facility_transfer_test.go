package kind_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

func transferTo(facility, provider, visits string) bulk.Params {
	return bulk.Params{"to": facility, "provider": provider, "visits": visits}
}

func transferPlanner(p bulk.Params, residents int) kind.Planner {
	w := worldWith(map[string]int{"cyd": 5})
	w.Residents = map[string]int{p["to"]: residents}
	return kind.FacilityTransfer.New(p, w)
}

func TestATransferredPatientHasAProviderWhoWorksThere(t *testing.T) {
	tests := []struct {
		name     string
		params   bulk.Params
		who      registry.Patient
		provider string             // after
		code     bulk.ExclusionCode // or why not
		sentence string
	}{
		{"kept", transferTo("fac-2", "keep", "keep"), of("ann"), "ann", "", ""},
		{"kept, who works elsewhere", transferTo("fac-2", "keep", "keep"), of("bea"), "", bulk.NotLicensed, "Dr. Bea does not work at Hilltop."},
		{"kept, who works no longer", transferTo("fac-2", "keep", "keep"), of("old"), "", bulk.NoProvider, "Dr. Old no longer works."},
		{"kept, who has a limit", transferTo("fac-1", "keep", "keep"), of("cyd", "facility", "fac-3"), "cyd", "", ""},
		{"nobody kept", transferTo("fac-2", "keep", "keep"), of(""), "", "", ""},
		{"the default", transferTo("fac-2", "default", "keep"), of("ann"), "gus", "", ""},
		{"the default already", transferTo("fac-2", "default", "keep"), of("gus"), "gus", "", ""},
		{"the default without the specialty", transferTo("fac-2", "default", "keep"), of("ann", "needs_specialty", "Geriatrics"), "", bulk.OtherSpecialty,
			"The patient needs the specialty Geriatrics; that of Dr. Gus is Cardiology."},
		{"nobody for now", transferTo("fac-2", "later", "keep"), of("bea"), "", "", ""},
		{"somebody who is there", transferTo("fac-1", "keep", "keep"), of("gus"), "", bulk.AlreadySo, "The facility is already Riverside."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			change, exclusion := transferPlanner(test.params, 0).Plan(kind.Subject{Patient: test.who})
			if exclusion != nil {
				if exclusion.Code != test.code || exclusion.Sentence != test.sentence {
					t.Errorf("excluded: %s: %s", exclusion.Code, exclusion.Sentence)
				}
				return
			}
			profile := change.Edits[0]
			if test.code != "" || profile.Before["facility"] != test.who.Facility() || profile.After["facility"] != test.params["to"] || !profile.Holds(test.who.Record) {
				t.Fatalf("planned %+v", profile)
			}
			after, changes := profile.After["provider"]
			if !changes {
				after = profile.Reads["provider"]
			}
			if after != test.provider || changes != (test.provider != test.who.Provider()) {
				t.Errorf("the provider becomes %q (%v)", after, profile)
			}
			if got, want := change.Facilities(), []string{test.who.Facility(), test.params["to"]}; !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("touches %v", got)
			}
		})
	}
}

func TestVisitsAtTheOldFacility(t *testing.T) {
	tests := []struct {
		name     string
		params   bulk.Params
		visits   []registry.Fields
		after    []registry.Fields // what is written to each; nil is nothing
		sentence string            // or why not
	}{
		{"kept", transferTo("fac-2", "default", "keep"), []registry.Fields{with("ann", "fac-1")}, []registry.Fields{nil}, ""},
		{"moved with the provider", transferTo("fac-2", "keep", "move"), []registry.Fields{with("ann", "fac-1"), with("", "")},
			[]registry.Fields{{"facility": "fac-2"}, {"facility": "fac-2"}}, ""},
		{"moved to another provider", transferTo("fac-2", "default", "move"), []registry.Fields{with("ann", "fac-1"), with("", "fac-1")},
			[]registry.Fields{{"facility": "fac-2", "provider": "gus"}, {"facility": "fac-2", "provider": "gus"}}, ""},
		{"moved to nobody", transferTo("fac-2", "later", "move"), []registry.Fields{with("ann", "fac-1")},
			[]registry.Fields{{"facility": "fac-2", "provider": ""}}, ""},
		{"with somebody who works in both", transferTo("fac-2", "keep", "move"), []registry.Fields{with("old", "fac-1")}, []registry.Fields{{"facility": "fac-2"}}, ""},
		{"with somebody who does not work there", transferTo("fac-2", "keep", "move"), []registry.Fields{with("bea", "fac-1")}, nil,
			"A visit is with Dr. Bea, who does not work at Hilltop."},
		{"elsewhere", transferTo("fac-2", "later", "move"), []registry.Fields{with("bea", "fac-3")}, []registry.Fields{nil}, ""},
		{"into another time zone", transferTo("fac-3", "later", "move"), []registry.Fields{with("ann", "fac-1")}, nil,
			"Islands has another time zone than Riverside, so visits cannot keep their times."},
		{"no visits into another time zone", transferTo("fac-3", "later", "move"), nil, nil, ""},
		{"cancelled", transferTo("fac-3", "later", "cancel"), []registry.Fields{with("ann", "fac-1"), with("bea", "fac-3")},
			[]registry.Fields{{"state": "cancelled", "cancelled_why": "Patient moved to another facility"}, nil}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := visitsOn(of("ann"), test.visits...)
			change, exclusion := transferPlanner(test.params, 0).Plan(s)
			if exclusion != nil {
				if exclusion.Code != bulk.VisitInTheWay || exclusion.Sentence != test.sentence {
					t.Errorf("excluded: %s: %s", exclusion.Code, exclusion.Sentence)
				}
				return
			}
			if test.sentence != "" {
				t.Fatal("it was not excluded")
			}
			written := map[registry.Ref]registry.Fields{}
			for _, e := range change.Edits[1:] {
				if e.Ref.IsSlot() {
					continue
				}
				written[e.Ref] = e.After
				if !e.Holds(s.Records[e.Ref]) || e.Creates() {
					t.Errorf("%v relies on %v, changes %v", e.Ref.Part, e.Reads, e.Before)
				}
			}
			for i, v := range s.Patient.Visits() {
				if got := written[v.Ref(s.Patient.ID())]; !maps.Equal(got, test.after[i]) {
					t.Errorf("visit %d: written %v, want %v", i, got, test.after[i])
				}
			}
		})
	}
}

// A visit that moves takes place where and when the new facility is open.
func TestVisitsMoveIntoTheHoursOfTheNewFacility(t *testing.T) {
	hourless, closed := openDirectory(), openDirectory()
	hourless.Facilities[1].Hours = registry.Week{}
	closed.Facilities[1].Closed = []registry.Days{{From: "2026-12-10", To: "2026-12-10"}}
	for _, test := range []struct {
		name      string
		directory registry.Directory
		start     time.Time
		provider  string
		sentence  string // why not
	}{
		{"in its hours", openDirectory(), thursday, "keep", ""},
		{"into lunch", openDirectory(), thursday.Add(105 * time.Minute), "keep", "Hilltop is closed at the time of one of the patient’s visits, Thu 10 Dec 2026, 11:45 EST."},
		{"in the evening, with nobody", openDirectory(), thursday.Add(8 * time.Hour), "later", "Hilltop is closed at the time of one of the patient’s visits, Thu 10 Dec 2026, 18:00 EST."},
		{"on a closed day", closed, thursday, "default", "Hilltop is closed at the time of one of the patient’s visits, Thu 10 Dec 2026, 10:00 EST."},
		{"on a Saturday", openDirectory(), thursday.AddDate(0, 0, 2), "keep", "Hilltop is closed at the time of one of the patient’s visits, Sat 12 Dec 2026, 10:00 EST."},
		{"at any hour", clinicDirectory(), thursday.Add(8 * time.Hour), "keep", ""},
		{"where no visits take place", hourless, thursday, "keep", "Hilltop is closed at the time of one of the patient’s visits, Thu 10 Dec 2026, 10:00 EST."},
	} {
		t.Run(test.name, func(t *testing.T) {
			planner := kind.FacilityTransfer.New(transferTo("fac-2", test.provider, "move"), kind.World{Directory: test.directory, At: noon})
			_, exclusion := planner.Plan(having(of("ann"), visitAt("00042", "V1", test.start, "ann", "fac-1", 30)))
			switch {
			case exclusion == nil && test.sentence != "":
				t.Error("it moves all the same")
			case exclusion != nil && (exclusion.Code != bulk.VisitInTheWay || exclusion.Sentence != test.sentence):
				t.Errorf("excluded: %s: %s", exclusion.Code, exclusion.Sentence)
			}
		})
	}
}

// However many want to come, nobody comes beyond the capacity, and all who fit do.
func TestAFacilityTakesNoMoreThanItsCapacity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		residents, n := rapid.IntRange(0, 12).Draw(t, "residents"), rapid.IntRange(0, 20).Draw(t, "patients")
		planner := transferPlanner(transferTo("fac-2", "later", "keep"), residents) // capacity 10
		moved, full := 0, 0
		for range n {
			_, exclusion := planWith(planner, kind.Subject{Patient: of("ann")})
			switch {
			case exclusion == nil:
				moved++
			case exclusion.Code == bulk.NoRoom && exclusion.Sentence == "Hilltop may have at most 10 patients and would have more.":
				full++
			default:
				t.Fatal(exclusion.Sentence)
			}
		}
		if moved != min(n, max(0, 10-residents)) || moved+full != n {
			t.Fatalf("%d of %d moved to %d residents", moved, n, residents)
		}
	})
}

func TestTransferAsksOnlyForWhatCanBeDone(t *testing.T) {
	tests := []struct {
		name     string
		params   bulk.Params
		problems []string
	}{
		{"all answered", transferTo("fac-2", "default", "move"), nil},
		{"nothing answered", nil, []string{"to: Choose the new facility.",
			"provider: Choose who the provider is at the new facility.", "visits: Choose what happens to future visits."}},
		{"an unknown facility", transferTo("moon", "default", "move"), []string{"to: Choose one of the listed facilities."}},
		{"a default that there is not", transferTo("fac-3", "default", "cancel"),
			[]string{"provider: Islands has no default provider who works there. Choose another answer."}},
		{"visits of another kind", transferTo("fac-1", "keep", "reassign"), []string{"visits: Choose what happens to future visits."}},
		{"a question that there is not", bulk.Params{"to": "fac-1", "provider": "keep", "visits": "keep", "by": "load"},
			[]string{`by: A facility transfer has no question "by".`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range kind.FacilityTransfer.Check(test.params, clinicDirectory()) {
				got = append(got, p.Field+": "+p.Sentence)
			}
			if !slices.Equal(got, test.problems) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestTransferInWords(t *testing.T) {
	for want, p := range map[string]bulk.Params{
		"Transfer to Hilltop, with the present provider; future visits stay at the old facility":              transferTo("fac-2", "keep", "keep"),
		"Transfer to Hilltop, to its default provider; future visits move along":                              transferTo("fac-2", "default", "move"),
		"Transfer to Islands, provider to be assigned later; future visits at the old facility are cancelled": transferTo("fac-3", "later", "cancel"),
	} {
		if got := kind.FacilityTransfer.Summary(p, clinicDirectory()); got != want {
			t.Errorf("got %q", got)
		}
	}
}
