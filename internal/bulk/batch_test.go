package bulk_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// changesWith makes one change for each size, with that many edits.
func changesWith(sizes ...int) []bulk.Change {
	changes := make([]bulk.Change, len(sizes))
	for i, size := range sizes {
		id := fmt.Sprintf("P%03d", i)
		changes[i] = bulk.Change{Subject: id, Facility: "fac-1"}
		for e := range size {
			changes[i].Edits = append(changes[i].Edits, bulk.Edit{Ref: registry.Ref{Patient: id, Part: fmt.Sprint(e)}})
		}
	}
	return changes
}

// groupSizes returns how many edits each group of the batch holds.
func groupSizes(b bulk.Batch) []int {
	sizes := make([]int, len(b.Groups))
	for g := range b.Groups {
		for _, c := range b.Group(g) {
			sizes[g] += len(c.Edits)
		}
	}
	return sizes
}

// greedy is how many groups are needed when each takes what fits below limit:
// no way of cutting a list in order needs fewer.
func greedy(sizes []int, limit int) int {
	groups, held := 0, limit
	for _, s := range sizes {
		if held+s > limit {
			groups, held = groups+1, 0
		}
		held += s
	}
	return groups
}

func repeat(size, times int) []int { return slices.Repeat([]int{size}, times) }

func TestBatchIsCutIntoGroups(t *testing.T) {
	tests := []struct {
		name  string
		edits []int
		want  []int // edits in each group
	}{
		{"nothing", nil, nil},
		{"one patient", []int{1}, []int{1}},
		{"one patient who fills a group", []int{98}, []int{98}},
		{"as many as fit", repeat(1, 98), []int{98}},
		{"one too many is shared evenly", repeat(1, 99), []int{50, 49}},
		{"a full batch is shared evenly", repeat(1, 100), []int{50, 50}},
		{"a patient is not torn apart", []int{60, 60}, []int{60, 60}},
		{"an even share that would cost one more group is not taken", []int{67, 31, 98, 4}, []int{98, 98, 4}},
		{"big ones among small ones", []int{1, 98, 1}, []int{1, 98, 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := groupSizes(bulk.NewBatch(1, changesWith(test.edits...))); !slices.Equal(got, test.want) {
				t.Errorf("got groups of %v edits, want %v", got, test.want)
			}
		})
	}
}

func TestGroupsCoverAllChangesInOrderFewAndEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{1, 3, 20, 60, bulk.MaxEdits}).Draw(t, "most edits")
		sizes := rapid.SliceOfN(rapid.IntRange(1, most), 0, bulk.BatchSize).Draw(t, "edits")
		changes := changesWith(sizes...)
		b := bulk.NewBatch(7, changes)

		var covered []bulk.Change
		for g := range b.Groups {
			covered = append(covered, b.Group(g)...)
		}
		subject := func(c bulk.Change) string { return c.Subject }
		if !slices.EqualFunc(covered, changes, func(a, c bulk.Change) bool { return subject(a) == subject(c) }) {
			t.Fatalf("groups %v do not cover the %d changes in order", b.Groups, len(changes))
		}
		groups := groupSizes(b)
		if slices.Contains(groups, 0) {
			t.Fatalf("an empty group in %v", groups)
		}
		if len(groups) != greedy(sizes, bulk.MaxEdits) {
			t.Fatalf("%d groups %v, want the fewest, %d", len(groups), groups, greedy(sizes, bulk.MaxEdits))
		}
		if len(groups) == 0 {
			return
		}
		// Even: with a largest group any smaller, one more group would be needed.
		largest := slices.Max(groups)
		if largest > bulk.MaxEdits {
			t.Fatalf("a group of %d edits does not fit a transaction", largest)
		}
		if largest > slices.Max(sizes) && greedy(sizes, largest-1) <= len(groups) {
			t.Fatalf("groups %v are not even: none need hold more than %d", groups, largest-1)
		}
	})
}

// A repeat of the same batch must meet the same groups: their boundaries are
// the key of what was done.
func TestCuttingIsRepeatable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, bulk.MaxEdits), 0, 40).Draw(t, "edits")
		a, b := bulk.NewBatch(1, changesWith(sizes...)), bulk.NewBatch(1, changesWith(sizes...))
		if !slices.Equal(a.Groups, b.Groups) {
			t.Fatalf("%v, then %v", a.Groups, b.Groups)
		}
	})
}
