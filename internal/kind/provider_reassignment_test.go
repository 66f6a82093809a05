package kind_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

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

// shares is what came of sharing out the patients of a selection.
type shares struct {
	had, has  map[string]int // how many patients each provider has, of all
	got, kept map[string]int // of the selection
	left      int            // for whom nobody has room
	moves     []move         // from one of the chosen providers to another
}

// move is a patient's, with how many each of the two had just before.
type move struct {
	from, to       string
	hasFrom, hasTo int
}

// share plans patients of the named providers, one after the other.
func share(t *rapid.T, p bulk.Params, w kind.World, selected []string) shares {
	planner := kind.ProviderReassignment.New(p, w)
	chosen := strings.Fields(p["providers"])
	s := shares{had: w.Patients, has: maps.Clone(w.Patients), got: map[string]int{}, kept: map[string]int{}}
	for _, from := range selected {
		change, exclusion := planWith(planner, kind.Subject{Patient: of(from)})
		switch {
		case exclusion == nil:
			to := change.Edits[0].After["provider"]
			if slices.Contains(chosen, from) {
				s.moves = append(s.moves, move{from, to, s.has[from], s.has[to]})
				s.has[from]--
			}
			s.has[to]++
			s.got[to]++
		case exclusion.Code == bulk.AlreadySo && slices.Contains(chosen, from):
			s.kept[from]++
		case exclusion.Code == bulk.NoRoom && !slices.Contains(chosen, from):
			s.left++
		default:
			t.Fatalf("of %q: %s: %s", from, exclusion.Code, exclusion.Sentence)
		}
	}
	return s
}

// selected draws the providers of the patients of a selection: nobody, somebody
// who is not chosen, and the chosen; and how many patients the chosen have in all,
// at most others more.
func selected(t *rapid.T, most, others int, chosen ...string) (of []string, had map[string]int) {
	of = rapid.SliceOfN(rapid.SampledFrom(append([]string{"", "old"}, chosen...)), 0, most).Draw(t, "selected")
	had = map[string]int{}
	for _, id := range chosen {
		had[id] = rapid.IntRange(0, others).Draw(t, "others of "+id)
	}
	for _, id := range of {
		if slices.Contains(chosen, id) {
			had[id]++
		}
	}
	return of, had
}

// even checks what is promised of patients who all can be taken by all of the
// chosen providers, in numbers for each patient a day: whoever got or kept
// somebody of the selection has at most one more than anybody who could take
// another. So all are within one of each other, but for who was given no patient
// and all of whose selected patients went to others, or who can take nobody. And a
// patient of one of the chosen moved only to who had fewer even with them.
func (s shares) even(t *rapid.T, perDay map[string]int, room func(string) int) {
	for a := range s.has {
		for b := range s.has {
			if s.got[a]+s.kept[a] > 0 && s.got[b] < room(b) && s.has[a]*perDay[b] > (s.has[b]+1)*perDay[a] {
				t.Fatalf("%v became %v; %s kept %d and got %d, and %s could take another", s.had, s.has, a, s.kept[a], s.got[a], b)
			}
		}
	}
	for _, m := range s.moves {
		if (m.hasTo+1)*perDay[m.from] >= m.hasFrom*perDay[m.to] {
			t.Fatalf("a patient of %s, who had %d, went to %s, who had %d", m.from, m.hasFrom, m.to, m.hasTo)
		}
	}
}

// within checks that nobody got more patients than they had room for, also if no
// change but these is made; and that nobody was left out while somebody had room.
func (s shares) within(t *rapid.T, room func(string) int) {
	for id := range s.has {
		if s.got[id] > room(id) || s.left > 0 && s.got[id] < room(id) {
			t.Fatalf("%s had %d and got %d; %d were left out", id, s.had[id], s.got[id], s.left)
		}
	}
}

func TestPatientsAreSharedOutByNumbersWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worldWith(nil)
		limits := rapid.Bool().Draw(t, "limits")
		for i := range w.Directory.Providers {
			if q := &w.Directory.Providers[i]; !limits {
				q.Limit = 0
			} else if q.Limit > 0 {
				q.Limit = rapid.IntRange(1, 15).Draw(t, "limit")
			}
		}
		others := rapid.SampledFrom([]int{0, 6}).Draw(t, "others")
		of, had := selected(t, 40, others, "ann", "bea", "cyd")
		w.Patients = had
		room := func(id string) int {
			if q, _ := w.Directory.Provider(id); q.Limit > 0 {
				return max(0, q.Limit-had[id])
			}
			return 1000
		}
		s := share(t, toSeveral("load", "ann", "bea", "cyd"), w, of)
		s.even(t, map[string]int{"ann": 1, "bea": 1, "cyd": 1}, room)
		s.within(t, room)
		numbers := slices.Collect(maps.Values(s.has))
		if others == 0 && !limits && slices.Max(numbers) > slices.Min(numbers)+1 {
			t.Fatalf("with all of their patients selected, %v became %v", had, s.has)
		}
		if again := share(t, toSeveral("load", "ann", "bea", "cyd"), w, of); !maps.Equal(s.has, again.has) || !slices.Equal(s.moves, again.moves) {
			t.Fatalf("the same request gives %v and %v", s.has, again.has)
		}

		// In turn, nobody goes from one of the chosen to another, and each gets as many.
		s = share(t, toSeveral("round-robin", "ann", "bea", "cyd"), w, of)
		s.within(t, room)
		for a := range s.got {
			for b := range had {
				if len(s.moves) > 0 || s.got[b] < room(b) && s.got[a] > s.got[b]+1 {
					t.Fatalf("in turn, %v got %v, with the moves %v", had, s.got, s.moves)
				}
			}
		}
	})
}

// Nobody gets more than they can see once in four weeks.
func TestPatientsAreSharedOutByCapacity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worldWith(nil)
		for i := range w.Directory.Providers {
			w.Directory.Providers[i].Facilities = []string{"fac-1"}
		}
		w.Directory.Providers[3].Hours = registry.Week{1: registry.DefaultHours[1], 4: registry.DefaultHours[1]} // Dr. Gus works two days
		of, had := selected(t, 300, 250, "ann", "gus")                                                           // without a limit of their own
		w.Patients = had
		perDay := map[string]int{"ann": rapid.IntRange(10, 30).Draw(t, "a day, ann"), "gus": rapid.IntRange(10, 30).Draw(t, "a day, gus")}
		room := func(id string) int { return max(0, perDay[id]*map[string]int{"ann": 20, "gus": 8}[id]-had[id]) }
		s := share(t, byCapacity(fmt.Sprintf("ann=%d gus=%d", perDay["ann"], perDay["gus"]), "ann", "gus"), w, of)
		s.even(t, perDay, room)
		s.within(t, room)
	})
}

// Who has one of the chosen providers moves only where that evens out numbers,
// to somebody who can take them; else they stay, and the plan says why.
func TestPatientsOfTheChosenAreEvenedOut(t *testing.T) {
	const even = "Stays with Dr. Ann: another provider would not make the numbers of patients more even."
	family := of("ann", "needs_specialty", "Family Medicine")
	tests := []struct {
		name     string
		params   bulk.Params
		patients map[string]int
		who      []registry.Patient
		want     []string // the provider after, or why not
	}{
		{"to the one with the fewest", toSeveral("load", "ann", "bea", "cyd"), map[string]int{"ann": 4, "bea": 2, "cyd": 1},
			[]registry.Patient{of("ann"), of("ann"), of("ann")}, []string{"cyd", even, even}},
		{"one more is even", toSeveral("load", "ann", "bea"), map[string]int{"ann": 2, "bea": 1}, []registry.Patient{of("ann")}, []string{even}},
		{"who left counts no more", toSeveral("load", "ann", "bea"), map[string]int{"ann": 3}, []registry.Patient{of("ann"), of("ann"), of("gus")}, []string{"bea", even, "bea"}},
		{"by capacity", byCapacity("ann=10 bea=30", "ann", "bea"), map[string]int{"ann": 3, "bea": 1},
			[]registry.Patient{of("ann"), of("ann"), of("ann")}, []string{"bea", "bea", even}},
		{"to who works there", toSeveral("load", "ann", "gus"), map[string]int{"ann": 9}, []registry.Patient{of("ann")},
			[]string{"Stays with Dr. Ann, although another provider should get more patients. Dr. Gus does not work at Riverside."}},
		{"several who cannot", toSeveral("load", "ann", "bea", "cyd"), map[string]int{"ann": 9, "bea": 3}, []registry.Patient{family},
			[]string{"Stays with Dr. Ann: none of the chosen providers who should get more patients can take this one."}},
		{"whoever leaves makes no room", toSeveral("load", "bea", "ann"), map[string]int{"bea": 3}, []registry.Patient{of("bea"), of("bea"), of("gus"), of("gus")},
			[]string{"ann", "Stays with Dr. Bea: another provider would not make the numbers of patients more even.", "ann", "ann"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			planner := kind.ProviderReassignment.New(test.params, worldWith(test.patients))
			var got []string
			for _, p := range test.who {
				change, exclusion := planWith(planner, kind.Subject{Patient: p})
				if exclusion != nil {
					if got = append(got, exclusion.Sentence); exclusion.Code != bulk.AlreadySo {
						t.Errorf("excluded as %s", exclusion.Code)
					}
					continue
				}
				got = append(got, change.Edits[0].After["provider"])
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestWhoseTurnItIsIsKeptWhenSomebodyCannotTake(t *testing.T) {
	planner := kind.ProviderReassignment.New(toSeveral("round-robin", "ann", "bea", "cyd"), worldWith(nil))
	var got []string
	for _, needs := range []string{"", "Geriatrics", "Family Medicine", "", "Podiatry", ""} {
		change, exclusion := planWith(planner, kind.Subject{Patient: of("", "needs_specialty", needs)})
		if exclusion != nil {
			got = append(got, string(exclusion.Code))
			continue
		}
		got = append(got, change.Edits[0].After["provider"])
	}
	if want := []string{"ann", "bea", "ann", "bea", "other-specialty", "cyd"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
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
