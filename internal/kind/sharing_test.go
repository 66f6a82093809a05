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
	"bulkops/internal/registry"
)

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
