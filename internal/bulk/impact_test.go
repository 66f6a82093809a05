package bulk_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// batchesOf are batches of these sizes, with subjects numbered through.
func batchesOf(sizes ...int) (batches []bulk.Batch, subjects []string) {
	for i, size := range sizes {
		b := bulk.Batch{Number: i + 1}
		for range size {
			subject := fmt.Sprintf("P%05d", len(subjects))
			subjects = append(subjects, subject)
			b.Changes = append(b.Changes, bulk.Change{Subject: subject})
		}
		batches = append(batches, b)
	}
	return batches, subjects
}

func sample(t rapid.TB, digest string, batches []bulk.Batch) (subjects []string, read []int) {
	changes, err := bulk.Sample(digest, len(batches), func(number int) (bulk.Batch, error) {
		read = append(read, number)
		return batches[number-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		subjects = append(subjects, c.Subject)
	}
	return subjects, read
}

func TestASampleIsTheSameForEverybodyAndSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, bulk.BatchSize), 0, 40).Draw(t, "batches")
		for i := range sizes { // all but the last hold at least as many as are ever drawn of one
			if i < len(sizes)-1 {
				sizes[i] = max(sizes[i], bulk.SampleSize)
			}
		}
		batches, subjects := batchesOf(sizes...)
		digest := rapid.StringMatching("[0-9a-f]{64}").Draw(t, "digest")
		got, read := sample(t, digest, batches)
		again, _ := sample(t, digest, batches)
		if !slices.Equal(got, again) {
			t.Fatalf("%v, then %v", got, again)
		}
		if want := min(bulk.SampleSize, len(subjects)); len(got) != want {
			t.Fatalf("%d changes of %v, want %d", len(got), sizes, want)
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("not in order, or one twice: %v", got)
		}
		if want := min(bulk.SampleSize, len(batches)); len(read) != want {
			t.Fatalf("read %v of %d batches, want %d of them", read, len(batches), want)
		}
	})
}

// Over many digests every change is drawn.
func TestASampleMayBeAnyChange(t *testing.T) {
	batches, subjects := batchesOf(100, 100, 37)
	drawn := map[string]bool{}
	for n := range 3000 {
		got, _ := sample(t, fmt.Sprint(n), batches)
		for _, s := range got {
			drawn[s] = true
		}
	}
	if len(drawn) != len(subjects) {
		t.Errorf("%d of %d changes are ever drawn", len(drawn), len(subjects))
	}
}

func TestSharesOfFacilities(t *testing.T) {
	p := bulk.PlanSummary{ByFacility: map[string]int{"a": 62, "b": 10, "c": 5, "d": 70}, Residents: map[string]int{"a": 100, "b": 200, "c": 19}}
	want := []bulk.Share{{"a", 62, 100, 62}, {"c", 5, 19, 26}, {"b", 10, 200, 5}, {"d", 70, 0, 4}}
	if got := p.Shares(); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestVisitsThatChangeHandsAreMoved(t *testing.T) {
	visit := registry.Ref{Patient: "P1", Part: "VISIT#2026-12-01T09:00Z#V1"}
	tests := []struct {
		name         string
		edit         bulk.Edit
		moves, books bool
	}{
		{"another provider", bulk.Edit{Ref: visit, Before: registry.Fields{"provider": "a"}, After: registry.Fields{"provider": "b"}}, true, false},
		{"another facility", bulk.Edit{Ref: visit, Before: registry.Fields{"facility": "a"}, After: registry.Fields{"facility": "b"}}, true, false},
		{"cancelled", bulk.Edit{Ref: visit, Before: registry.Fields{"state": "scheduled"}, After: registry.Fields{"state": registry.VisitCancelled}}, false, false},
		{"booked", bulk.Edit{Ref: visit, Before: registry.Fields{registry.VisitState: "", "provider": ""}, After: registry.Fields{registry.VisitState: registry.VisitScheduled, "provider": "a"}}, false, true},
		{"the patient's own provider", bulk.Edit{Ref: registry.ProfileRef("P1"), Before: registry.Fields{"provider": "a"}, After: registry.Fields{"provider": "b"}}, false, false},
	}
	for _, test := range tests {
		if test.edit.Moves() != test.moves || test.edit.Books() != test.books {
			t.Errorf("%s: moves %v, books %v", test.name, test.edit.Moves(), test.edit.Books())
		}
	}
}

// However many providers a plan names, its summary stays small and counts everybody.
func TestASummaryStaysSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := bulk.PlanSummary{ByProvider: map[string]int{}, Before: bulk.Counts{}, After: bulk.Counts{}}
		n := rapid.IntRange(0, 2000).Draw(t, "patients")
		providers := rapid.IntRange(1, 1000).Draw(t, "providers")
		for i := range n {
			from, to := fmt.Sprint("P", i*i%providers), fmt.Sprint("P", i%7)
			p.ByProvider[from]++
			p.Before.Add(registry.ProviderField, from)
			p.After.Add(registry.ProviderField, to)
		}
		p.BoundCounts()
		for name, counts := range map[string]map[string]int{"by provider": p.ByProvider, "before": p.Before[registry.ProviderField], "after": p.After[registry.ProviderField]} {
			total := 0
			for _, c := range counts {
				total += c
			}
			if total != n || len(counts) > 201 {
				t.Fatalf("%s: %d values count %d patients of %d", name, len(counts), total, n)
			}
		}
	})
}
