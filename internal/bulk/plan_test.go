package bulk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

func TestEditHoldsOnlyWhereNothingChanged(t *testing.T) {
	edit := bulk.Edit{
		Ref:    registry.ProfileRef("P1"),
		Reads:  registry.Fields{registry.FacilityField: "fac-1"},
		Before: registry.Fields{registry.StatusField: "Active", registry.HoldReason: ""},
		After:  registry.Fields{registry.StatusField: "On Hold", registry.HoldReason: "Payment"},
	}
	tests := []struct {
		name   string
		fields registry.Fields
		want   bool
	}{
		{"as planned", registry.Fields{registry.StatusField: "Active", registry.FacilityField: "fac-1"}, true},
		{"empty and absent are the same", registry.Fields{registry.StatusField: "Active", registry.FacilityField: "fac-1", registry.HoldReason: "", registry.LockedBy: ""}, true},
		{"another field does not matter", registry.Fields{registry.StatusField: "Active", registry.FacilityField: "fac-1", registry.Phone: "1"}, true},
		{"a field to be written changed", registry.Fields{registry.StatusField: "Pending", registry.FacilityField: "fac-1"}, false},
		{"a field to be written appeared", registry.Fields{registry.StatusField: "Active", registry.FacilityField: "fac-1", registry.HoldReason: "x"}, false},
		{"a field that was read changed", registry.Fields{registry.StatusField: "Active", registry.FacilityField: "fac-2"}, false},
		{"a field that was read is gone", registry.Fields{registry.StatusField: "Active"}, false},
		{"already written", registry.Fields{registry.StatusField: "On Hold", registry.HoldReason: "Payment", registry.FacilityField: "fac-1"}, false},
		{"locked", registry.Fields{registry.StatusField: "Active", registry.FacilityField: "fac-1", registry.LockedBy: "Lin"}, false},
		{"no such record", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := edit.Holds(registry.Record{Ref: edit.Ref, Fields: test.fields}); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// A sentence names what differs, however long the values are: thousands of such
// sentences are kept, and each is read by somebody.
func TestADifferenceIsASentenceOfItsOwnLength(t *testing.T) {
	visit := func(day int) registry.VisitRef {
		return registry.VisitRef{Start: time.Date(2026, 12, day, 9, 0, 0, 0, time.UTC), ID: fmt.Sprint("V", day)}
	}
	upcoming := func(days ...int) registry.Fields {
		var refs []registry.VisitRef
		for _, d := range days {
			refs = append(refs, visit(d))
		}
		return registry.Fields{registry.Upcoming: registry.FormatVisitRefs(refs)}
	}
	tests := []struct {
		name    string
		was, is registry.Fields
		want    string
	}{
		{"a value", registry.Fields{registry.StatusField: "Active"}, registry.Fields{registry.StatusField: "Pending"}, `Status was "Active" and is now "Pending".`},
		{"a long value", registry.Fields{registry.Address: strings.Repeat("é", 201)}, nil, `Address was "` + strings.Repeat("é", 200) + `…" and is now "".`},
		{"a visit more", upcoming(1, 2), upcoming(1, 2, 3), "Upcoming visits: added 3 Dec 2026, 09:00 UTC."},
		{"a visit less", upcoming(1, 2), upcoming(2), "Upcoming visits: gone 1 Dec 2026, 09:00 UTC."},
		{"other visits", upcoming(1, 2), upcoming(2, 3), "Upcoming visits: added 3 Dec 2026, 09:00 UTC; gone 1 Dec 2026, 09:00 UTC."},
		{"many", upcoming(1), upcoming(1, 2, 3, 4, 5, 6), "Upcoming visits: added 2 Dec 2026, 09:00 UTC, 3 Dec 2026, 09:00 UTC, 4 Dec 2026, 09:00 UTC, and 2 more."},
		{"the order", upcoming(1, 2), upcoming(2, 1), "Upcoming visits are listed in another way."},
	}
	for _, test := range tests {
		e := bulk.Edit{Ref: registry.ProfileRef("p"), Before: test.was, After: registry.Fields{}}
		if got, want := e.Difference(registry.Record{Ref: e.Ref, Fields: test.is}), "by somebody: "+test.want; got != want {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
}

func TestTheInverseOfTheInverseIsTheChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawChange(t, 1)
		back := c.Inverse().Inverse()
		for i := range c.Edits {
			c.Edits[i].Reads = nil // what was relied on then is not relied on to undo it
		}
		if got, want := encode(back), encode(c); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestInverseTakesEditsBackLastFirst(t *testing.T) {
	c := changesWith(3)[0]
	c.Edits[0].Before, c.Edits[0].After = registry.Fields{"a": "1"}, registry.Fields{"a": "2"}
	inverse := c.Inverse()
	if inverse.Edits[2].Before["a"] != "2" || inverse.Edits[2].After["a"] != "1" || inverse.Subject != c.Subject {
		t.Errorf("got %+v", inverse)
	}
	if c.Edits[0].Before["a"] != "1" {
		t.Error("the change itself was altered")
	}
}

func TestVisitsAreCountedAsSideEffects(t *testing.T) {
	c := bulk.Change{Edits: []bulk.Edit{
		{Ref: registry.ProfileRef("P1")},
		{Ref: registry.Ref{Patient: "P1", Part: "VISIT#2026-12-01T09:00Z#V1"}},
		{Ref: registry.Ref{Patient: "P1", Part: "CLINICAL#C1"}},
	}}
	if got, _ := c.Visits(); got != 1 {
		t.Errorf("got %d visits, want 1", got)
	}
}

func TestEveryExclusionAndOutcomeHasATitle(t *testing.T) {
	for _, code := range []bulk.ExclusionCode{bulk.AlreadySo, bulk.NotAllowed, bulk.Locked, bulk.OtherFacility,
		bulk.UnknownSubject, bulk.Duplicate, bulk.TooManyEdits} {
		if bulk.ExclusionTitles[code] == "" {
			t.Errorf("exclusion %s has no title", code)
		}
	}
	for _, code := range []string{bulk.ChangedSince, bulk.LockedSince, bulk.Gone, bulk.Unwritable} {
		if bulk.OutcomeTitles[code] == "" {
			t.Errorf("outcome %s has no title", code)
		}
	}
}

// fields draws values for a few field names.
func fields(t *rapid.T, label string) registry.Fields {
	return rapid.MapOfN(rapid.SampledFrom([]string{"status", "upcoming", "facility"}), rapid.String(), 1, 3).Draw(t, label)
}

func drawChange(t *rapid.T, number int) bulk.Change {
	c := changesWith(rapid.IntRange(1, 3).Draw(t, "edits"))[0]
	c.Subject = strings.Repeat("P", number)
	c.Name = rapid.String().Draw(t, "name")
	for i := range c.Edits {
		c.Edits[i].Before = fields(t, "before")
		c.Edits[i].After = maps.Clone(c.Edits[i].Before)
		for field := range c.Edits[i].After {
			c.Edits[i].After[field] = rapid.String().Draw(t, "after")
		}
		if rapid.Bool().Draw(t, "reads") {
			c.Edits[i].Reads = fields(t, "read")
		}
	}
	return c
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only texts and numbers
	}
	return string(text)
}

func TestDigestIsSpokenInFours(t *testing.T) {
	if got, want := bulk.Speak("0123456789abcdef0123"), "0123 4567 89ab cdef"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := bulk.Speak("short"); got != "short" {
		t.Errorf("got %q", got)
	}
}

func TestResultNamesOnlyWhatWasNotDone(t *testing.T) {
	r := bulk.Result{Others: []bulk.Outcome{{Subject: "P2", State: bulk.Skipped, Code: bulk.ChangedSince}}}
	if got := r.Outcome("P2"); got.State != bulk.Skipped || got.Code != bulk.ChangedSince {
		t.Errorf("P2 is %+v", got)
	}
	if got := r.Outcome("P1"); got != (bulk.Outcome{Subject: "P1", State: bulk.Done}) {
		t.Errorf("P1 is %+v", got)
	}
}

func TestTallyCountsEverySubjectOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := rapid.SliceOfN(rapid.SampledFrom([]bulk.OutcomeState{bulk.Skipped, bulk.Failed}), 0, 50).Draw(t, "others")
		var others []bulk.Outcome
		for _, s := range states {
			others = append(others, bulk.Outcome{State: s})
		}
		size := len(others) + rapid.IntRange(0, 50).Draw(t, "done")
		tally := bulk.TallyOf(size, others)
		failed := len(slices.DeleteFunc(states, func(s bulk.OutcomeState) bool { return s != bulk.Failed }))
		if tally.Attempted() != size || tally.Failed != failed || tally.Done != size-len(others) {
			t.Fatalf("%d subjects, %d of them failed: %+v", size, failed, tally)
		}
		op := bulk.Operation{Plan: bulk.PlanSummary{Changes: size + 3}}
		if op.NotAttempted(tally) != 3 || tally.Plus(tally).Attempted() != 2*size {
			t.Fatalf("not attempted: %d, twice: %+v", op.NotAttempted(tally), tally.Plus(tally))
		}
	})
}

func TestRunStopsByItselfWhenHalfOfTwoHundredFail(t *testing.T) {
	tests := []struct {
		done, failed int
		want         bool
	}{
		{0, 0, false}, {0, 199, false}, {100, 99, false},
		{0, 200, true}, {100, 100, true}, {101, 99, false}, {1000, 999, false}, {1000, 1000, true},
	}
	for _, test := range tests {
		if got := bulk.DefaultStopRule.Passed(bulk.Tally{Done: test.done, Failed: test.failed}); got != test.want {
			t.Errorf("%d done, %d failed: %v", test.done, test.failed, got)
		}
	}
}
