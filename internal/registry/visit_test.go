package registry_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/registry"
)

// visitRefs draws lists of visits as a profile can hold them: to the minute,
// and no visit twice.
func visitRefs() *rapid.Generator[[]registry.VisitRef] {
	ref := rapid.Custom(func(t *rapid.T) registry.VisitRef {
		minute := rapid.Int64Range(0, 80*365*24*60).Draw(t, "minute")
		return registry.VisitRef{
			Start: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute),
			ID:    rapid.StringMatching(`[A-Za-z0-9/#._-]{1,12}`).Draw(t, "id"),
		}
	})
	return rapid.SliceOfDistinct(ref, func(r registry.VisitRef) string { return r.String() })
}

func TestVisitRefsComeBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		refs := visitRefs().Draw(t, "refs")
		got := registry.ParseVisitRefs(registry.FormatVisitRefs(refs))
		if !slices.Equal(got, refs) {
			t.Fatalf("wrote %v, read %v", refs, got)
		}
	})
}

func TestVisitRefsIgnoreWhatNamesNoRecord(t *testing.T) {
	const good = "2026-12-01T09:00Z/V1"
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"spaces", "  ", ""},
		{"no id", "2026-12-01T09:00Z 2026-12-01T09:00Z/ " + good, good},
		{"no time", "V7 noon/V7 " + good, good},
		{"an impossible day", "2026-02-30T09:00Z/V7 " + good, good},
		{"another zone", "2026-12-01T09:00+01:00/V7 " + good, good},
		{"more space between", good + "   2026-12-02T09:00Z/V2 ", good + " 2026-12-02T09:00Z/V2"},
		// A record edited twice in one transaction is refused by the store for good.
		{"the same visit twice", good + " " + good, good},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := registry.FormatVisitRefs(registry.ParseVisitRefs(test.text)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestVisitRecordsSortByTimeBeforeTheProfile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		refs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) registry.VisitRef {
			return visitRefs().Filter(func(r []registry.VisitRef) bool { return len(r) > 0 }).Draw(t, "one")[0]
		}), 2, 2).Draw(t, "two")
		a, b := refs[0].Ref("P1"), refs[1].Ref("P1")
		if refs[0].Start.Before(refs[1].Start) && a.Part >= b.Part {
			t.Fatalf("%q does not sort before %q", a.Part, b.Part)
		}
		if !a.IsVisit() || a.Part >= registry.ProfilePart || registry.ProfileRef("P1").IsVisit() {
			t.Fatalf("%q is no visit before the profile", a.Part)
		}
	})
}

func TestVisitStartsAreStoredInUTC(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	v := registry.VisitRef{Start: time.Date(2026, 12, 1, 0, 30, 0, 0, berlin), ID: "V1"}
	if got, want := v.String(), "2026-11-30T23:30Z/V1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := v.Ref("P1"), (registry.Ref{Patient: "P1", Part: "VISIT#2026-11-30T23:30Z#V1"}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
