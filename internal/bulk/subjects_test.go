package bulk

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

func subjectBatch(number int, ids ...string) Batch {
	b := Batch{Number: number}
	for _, id := range ids {
		b.Changes = append(b.Changes, Change{Subject: id, Edits: make([]Edit, 1)})
	}
	return b
}

// Two plans have in common, batch by batch, exactly the subjects that stand in
// both.
func TestSubjectsInCommonAreThoseInBothPlans(t *testing.T) {
	ids := rapid.SliceOfDistinct(rapid.IntRange(0, 300), func(n int) int { return n })
	rapid.Check(t, func(t *rapid.T) {
		plan := func(name string) (s Subjects, batches map[string]int) {
			batches = map[string]int{}
			var b Batch
			number := 1
			for _, id := range ids.Draw(t, name) {
				subject := fmt.Sprintf("P%03d", id)
				b.Changes = append(b.Changes, Change{Subject: subject, Edits: make([]Edit, 1)})
				batches[subject] = number
				if len(b.Changes) == BatchSize || rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
					s, b, number = s.With(b), Batch{}, number+1
				}
			}
			return s.With(b), batches
		}
		a, inA := plan("one")
		b, inB := plan("other")
		want := map[int]int{}
		for subject, batch := range inA {
			if _, both := inB[subject]; both {
				want[batch]++
			}
		}
		if got := a.Common(b); !maps.Equal(got, want) {
			t.Fatalf("in common %v, want %v", got, want)
		}
		has := a.Has()
		for subject := range inB {
			if _, want := inA[subject]; has(subject) != want {
				t.Fatalf("%s is in the first: %v", subject, !want)
			}
		}
	})
}

func TestSubjectsWhoseRecordsAreNotChangedAreNotAmongThem(t *testing.T) {
	b := subjectBatch(1, "read", "changed")
	b.Changes[0].Edits = nil
	has := Subjects(nil).With(b).Has()
	if has("read") || !has("changed") {
		t.Error("who is only read is taken for changed, or the other way round")
	}
	if len(Subjects(nil).Common(nil)) != 0 || (Subjects{9, 1}).Has()("x") {
		t.Error("of nothing, something is in common")
	}
}
