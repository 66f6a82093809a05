package kind_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
)

// clinicDirectory has two facilities and providers who work in one or both.
func clinicDirectory() registry.Directory {
	return registry.Directory{
		Facilities: []registry.Facility{
			{ID: "fac-1", Name: "Riverside", TimeZone: "America/New_York", DefaultProvider: "ann"},
			{ID: "fac-2", Name: "Hilltop", TimeZone: "America/New_York", DefaultProvider: "gus", Capacity: 10, Hours: kindtest.AnyHour},
			{ID: "fac-3", Name: "Islands", TimeZone: "Pacific/Honolulu"},
		},
		Providers: []registry.Provider{
			{ID: "ann", Name: "Dr. Ann", Specialty: "Family Medicine", Facilities: []string{"fac-1", "fac-2"}, Active: true},
			{ID: "bea", Name: "Dr. Bea", Specialty: "Geriatrics", Facilities: []string{"fac-1", "fac-3"}, Active: true, Limit: 3},
			{ID: "cyd", Name: "Dr. Cyd", Specialty: "Geriatrics", Facilities: []string{"fac-1"}, Active: true, Limit: 5, Daily: 16},
			{ID: "gus", Name: "Dr. Gus", Specialty: "Cardiology", Facilities: []string{"fac-2"}, Active: true},
			{ID: "old", Name: "Dr. Old", Specialty: "Cardiology", Facilities: []string{"fac-1", "fac-2"}},
		},
	}
}

func worldWith(patients map[string]int) kind.World {
	return kind.World{Directory: clinicDirectory(), At: noon, Patients: patients}
}

// of is a patient of the provider, with further fields: name, value, name, value.
func of(provider string, fields ...string) registry.Patient {
	p := patient(registry.Active)
	p.Fields[registry.ProviderField] = provider
	for i := 0; i < len(fields); i += 2 {
		p.Fields[fields[i]] = fields[i+1]
	}
	return p
}

// planWith makes the patient's plan and, as the engine does, counts it.
func planWith(planner kind.Planner, s kind.Subject) (bulk.Change, *bulk.Exclusion) {
	change, exclusion := planner.Plan(s)
	if c, ok := planner.(kind.Counting); ok && exclusion == nil {
		c.Planned(change)
	}
	return change, exclusion
}

func toOne(id string) bulk.Params {
	return bulk.Params{"to": "one", "provider": id, "visits": "keep"}
}

func toSeveral(by string, ids ...string) bulk.Params {
	return bulk.Params{"to": "several", "providers": strings.Join(ids, " "), "by": by, "visits": "keep"}
}

func byCapacity(perDay string, ids ...string) bulk.Params {
	p := toSeveral("capacity", ids...)
	p["capacity"] = perDay
	return p
}

var toDefault = bulk.Params{"to": "default", "visits": "keep"}

func TestAProviderTakesOnlyWhomTheyCanCareFor(t *testing.T) {
	tests := []struct {
		name     string
		params   bulk.Params
		who      registry.Patient
		code     bulk.ExclusionCode // "" for a change
		sentence string             // or the new provider
	}{
		{"one", toOne("bea"), of("ann"), "", "bea"},
		{"one, for somebody who has none", toOne("bea"), of(""), "", "bea"},
		{"the same again", toOne("ann"), of("ann"), bulk.AlreadySo, "The provider is already Dr. Ann."},
		{"one of the several already", toSeveral("round-robin", "bea", "ann"), of("ann"), bulk.AlreadySo, "The provider is already Dr. Ann."},
		{"one of the several, who has no more than the others", toSeveral("load", "ann", "bea"), of("bea"), "", "ann"},
		{"somebody who works elsewhere", toOne("gus"), of("ann"), bulk.NotLicensed, "Dr. Gus does not work at Riverside."},
		{"somebody who stopped since the request", toOne("old"), of("ann"), bulk.NoProvider, "Dr. Old no longer works."},
		{"somebody with another specialty", toOne("bea"), of("ann", "needs_specialty", "Cardiology"), bulk.OtherSpecialty,
			"The patient needs the specialty Cardiology; that of Dr. Bea is Geriatrics."},
		{"the specialty in other case", toOne("bea"), of("ann", "needs_specialty", "geriatrics"), "", "bea"},
		{"somebody who is full", toOne("cyd"), of("ann"), bulk.NoRoom, "Dr. Cyd may have at most 5 patients and would have more."},
		{"the default", toDefault, of("bea"), "", "ann"},
		{"the default of another facility", toDefault, of("ann", "facility", "fac-2"), "", "gus"},
		{"a facility without a default", toDefault, of("ann", "facility", "fac-3"), bulk.NoProvider, "Islands has no default provider."},
		{"several, none works there", toSeveral("load", "ann", "gus"), of("bea", "facility", "fac-3"), bulk.NotLicensed,
			"None of the chosen providers works where the patient is."},
		{"several, none has the specialty", toSeveral("load", "ann", "gus"), of("bea", "needs_specialty", "Podiatry"), bulk.OtherSpecialty,
			"None of the chosen providers has the specialty that the patient needs."},
		{"several, who could is full", toSeveral("load", "cyd", "gus"), of("ann"), bulk.NoRoom,
			"The chosen providers who can take this patient may not have more patients than they have."},
		{"several, none works any longer", toSeveral("load", "old", "gone"), of("ann"), bulk.NoProvider, "None of the chosen providers works any longer."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			planner := kind.ProviderReassignment.New(test.params, worldWith(map[string]int{"cyd": 5, "bea": 2}))
			change, exclusion := planner.Plan(kind.Subject{Patient: test.who})
			if exclusion != nil {
				if exclusion.Code != test.code || exclusion.Sentence != test.sentence {
					t.Errorf("excluded: %s: %s", exclusion.Code, exclusion.Sentence)
				}
				return
			}
			edit := change.Edits[0]
			if test.code != "" || edit.Before["provider"] != test.who.Provider() || edit.After["provider"] != test.sentence || len(change.Edits) != 1 {
				t.Errorf("planned %+v", change.Edits)
			}
			if edit.Reads["facility"] != test.who.Facility() || edit.Reads["needs_specialty"] != test.who.Get("needs_specialty") {
				t.Errorf("it relies on %v", edit.Reads)
			}
		})
	}
}

// visitsOn makes visits to come for the patient, each of which is with a
// provider in a facility, and returns what the engine hands to a planner.
func visitsOn(p registry.Patient, visits ...registry.Fields) kind.Subject {
	s := kind.Subject{Patient: p, Records: records{}}
	var refs []registry.VisitRef
	for i, fields := range visits {
		v := registry.VisitRef{Start: noon.AddDate(0, 0, i+1), ID: fmt.Sprintf("V%d", i)}
		refs = append(refs, v)
		r := registry.Record{Ref: v.Ref(p.ID()), Fields: registry.Fields{registry.VisitState: registry.VisitScheduled}}
		maps.Copy(r.Fields, fields)
		s.Records[r.Ref] = r
	}
	p.Fields[registry.Upcoming] = registry.FormatVisitRefs(refs)
	return s
}

func with(provider, facility string) registry.Fields {
	return registry.Fields{registry.ProviderField: provider, registry.FacilityField: facility}
}

func TestVisitsGoWithTheProviderTheyAreWith(t *testing.T) {
	visits := []registry.Fields{with("ann", "fac-1"), with("", ""), with("gus", "fac-2"), {registry.VisitState: registry.VisitMissed}}
	p := toOne("bea")
	tests := []struct {
		visits, touched string // which of them
	}{{"keep", ""}, {"reassign", "V0 V1"}, {"cancel", "V0 V1"}}
	for _, test := range tests {
		t.Run(test.visits, func(t *testing.T) {
			p["visits"] = test.visits
			s := visitsOn(of("ann"), visits...)
			listed := s.Patient.Get(registry.Upcoming)
			change, exclusion := kind.ProviderReassignment.New(p, worldWith(nil)).Plan(s)
			if exclusion != nil {
				t.Fatal(exclusion.Sentence)
			}
			var touched []string
			for _, e := range change.Edits[1:] {
				if e.Ref.IsSlot() {
					continue
				}
				_, id, _ := strings.Cut(strings.TrimPrefix(e.Ref.Part, "VISIT#"), "#")
				touched = append(touched, id)
				switch {
				case test.visits == "reassign" && e.After["provider"] != "bea",
					test.visits == "cancel" && (e.After["state"] != "cancelled" || e.After["cancelled_why"] != "Provider changed"),
					!e.Holds(s.Records[e.Ref]), e.Creates():
					t.Errorf("%s: %v → %v, relying on %v", id, e.Before, e.After, e.Reads)
				}
			}
			if got := strings.Join(touched, " "); got != test.touched {
				t.Errorf("touches %q, want %q", got, test.touched)
			}
			profile := change.Edits[0]
			_, reads := profile.Reads[registry.Upcoming]
			if reads != (test.visits == "reassign") || profile.Before[registry.Upcoming] != map[bool]string{true: listed}[test.visits == "cancel"] {
				t.Errorf("of the list of visits it reads %v, and writes %q", reads, profile.Before[registry.Upcoming])
			}
		})
	}
	t.Run("a visit where the new provider does not work", func(t *testing.T) {
		p["visits"] = "reassign"
		_, exclusion := kind.ProviderReassignment.New(p, worldWith(nil)).Plan(visitsOn(of("ann"), with("ann", "fac-2")))
		if exclusion == nil || exclusion.Sentence != "Dr. Bea does not work at Hilltop." {
			t.Errorf("got %+v", exclusion)
		}
	})
	t.Run("more visits than can be changed together", func(t *testing.T) {
		_, exclusion := kind.ProviderReassignment.New(p, worldWith(nil)).Plan(visitsOn(of("ann"), make([]registry.Fields, bulk.MaxEdits)...))
		if exclusion == nil || exclusion.Code != bulk.TooManyEdits {
			t.Errorf("got %+v", exclusion)
		}
	})
}

func TestReassignmentAsksOnlyForWhatCanBeDone(t *testing.T) {
	tests := []struct {
		name     string
		params   bulk.Params
		problems []string
	}{
		{"one", toOne("ann"), nil},
		{"several", toSeveral("round-robin", "ann", "gus"), nil},
		{"the default", toDefault, nil},
		{"nothing answered", nil, []string{"to: Choose who the new provider is.", "visits: Choose what happens to future visits."}},
		{"no provider chosen", bulk.Params{"to": "one", "visits": "keep"}, []string{"provider: Choose the new provider."}},
		{"an unknown one", toOne("zoe"), []string{"provider: Choose one of the listed providers."}},
		{"one who no longer works", toOne("old"), []string{"provider: Dr. Old no longer works. Choose another provider."}},
		{"one of several", toSeveral("load", "ann"), []string{"providers: Choose at least two providers."}},
		{"the same twice", toSeveral("load", "ann", "ann"), []string{"providers: Choose each provider once."}},
		{"a capacity for each", byCapacity("ann=10 bea=30", "ann", "bea"), nil},
		{"the capacity of the calendar", byCapacity("ann=10", "ann", "cyd"), nil},
		{"a capacity that nobody knows", byCapacity("", "ann", "bea"), []string{
			"capacity: Say how many patients Dr. Ann sees a day, from 10 to 30.", "capacity: Say how many patients Dr. Bea sees a day, from 10 to 30."}},
		{"capacities that cannot be", byCapacity("ann=9 bea=31 cyd=many cyd=12 gus=12", "ann", "bea", "cyd"), []string{
			"capacity: Say for Dr. Ann a number of patients a day from 10 to 30.", "capacity: Say for Dr. Bea a number of patients a day from 10 to 30.",
			"capacity: Say for Dr. Cyd a number of patients a day from 10 to 30.", "capacity: Say once how many patients Dr. Cyd sees a day.",
			"capacity: Dr. Gus is not among the chosen providers. Choose them too, or leave out their number."}},
		{"a capacity that nothing goes by", bulk.Params{"to": "several", "providers": "ann bea", "by": "load", "capacity": "ann=12", "visits": "keep"},
			[]string{"capacity: How many patients a provider sees a day can be said only where patients are shared out by it."}},
		{"several without a way", toSeveral("", "ann", "gus"), []string{"by: Choose how the patients are shared out."}},
		{"answers of the other choice", bulk.Params{"to": "default", "visits": "cancel", "provider": "ann", "providers": "ann bea", "by": "load"}, []string{
			"provider: A single provider can be chosen only when all patients go to one provider.",
			"providers: Several providers can be chosen only when the patients are shared out.",
			"by: How patients are shared out can be chosen only for several providers."}},
		{"a question that there is not", bulk.Params{"to": "default", "visits": "keep", "when": "now"}, []string{`when: A provider reassignment has no question "when".`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range kind.ProviderReassignment.Check(test.params, clinicDirectory()) {
				got = append(got, p.Field+": "+p.Sentence)
			}
			if !slices.Equal(got, test.problems) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestReassignmentInWords(t *testing.T) {
	several := toSeveral("load", "ann", "bea")
	several["visits"] = "reassign"
	everybody := maps.Clone(toDefault)
	everybody["visits"] = "cancel"
	for want, p := range map[string]bulk.Params{
		"Reassign to Dr. Ann; future visits stay with their provider":                              toOne("ann"),
		"Reassign to Dr. Ann, Dr. Bea, by number of patients; future visits go along":              several,
		"Reassign to the default provider of each patient’s facility; future visits are cancelled": everybody,
	} {
		if got := kind.ProviderReassignment.Summary(p, clinicDirectory()); got != want {
			t.Errorf("got %q", got)
		}
	}
}

// A visit whose record names no facility is in the patient's: its clock counts,
// and the part of the day that it prefers.
func TestAVisitWithoutAFacilityIsInThePatients(t *testing.T) {
	d := kindtest.Directory
	d.Facilities, d.Providers = slices.Clone(d.Facilities), slices.Clone(d.Providers)
	d.Facilities[0].Prefers = registry.Span{From: 13 * 60, To: 17 * 60}
	d.Providers[1].Hours = registry.DefaultHours
	v := registry.VisitRef{Start: time.Date(2026, 12, 7, 20, 0, 0, 0, time.UTC), ID: "V1"} // 15:00 in New York, where they work until 17:00
	s := cared("1", registry.Upcoming, v.String())
	s.Records = map[registry.Ref]registry.Record{v.Ref("1"): {Ref: v.Ref("1"), Fields: registry.Fields{registry.VisitStart: v.Start.Format(registry.VisitTime),
		registry.VisitState: registry.VisitScheduled, registry.ProviderField: "ann", registry.VisitMinutes: "30"}}}
	world := kind.World{Directory: d, At: noon}
	to := func(visits string) bulk.Params {
		return bulk.Params{kind.ReassignTo: kind.ToOne, kind.NewProvider: "bea", kind.FutureVisits: visits}
	}
	if _, x := kind.ProviderReassignment.New(to(kind.GiveVisits), world).Plan(s); x != nil {
		t.Errorf("the visit cannot go with the patient: %s", x.Sentence)
	}
	morning := registry.Record{Fields: registry.Fields{registry.ProviderField: "bea", registry.FacilityField: "fac-1", registry.VisitStart: "2026-12-07T18:00Z", registry.VisitMinutes: "240"}}
	for _, tt := range []struct {
		name   string
		booked []registry.Record
		want   string
	}{
		{"at the same time", nil, "15:00"},
		{"the next afternoon, not the free morning", []registry.Record{morning}, "Tue 8 Dec"},
	} {
		world.Visits = tt.booked
		c, x := kind.ProviderReassignment.New(to(kind.ReVisits), world).Plan(s)
		if got := bookedBy(c); x != nil || len(got) != 1 || !strings.Contains(got[0], tt.want) {
			t.Errorf("%s: got %q (%v), want %s", tt.name, got, x, tt.want)
		}
	}
}
