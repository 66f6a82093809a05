package bulk_test

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
)

var moment = rapid.Custom(func(t *rapid.T) time.Time {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(rapid.Int64Range(0, 34*365*24*3600).Draw(t, "second")) * time.Second)
})

// Crockford's digits without I, L, O and U, which the ear or eye confuses.
var speakable = regexp.MustCompile(`^OP-[0-9A-HJKMNP-TV-Z]{6}-[0-9A-HJKMNP-TV-Z]{4}$`)

func TestIDsAreSpeakableAndSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := moment.Draw(t, "a"), moment.Draw(t, "b")
		first, second := bulk.NewID(a), bulk.NewID(b)
		if !speakable.MatchString(first) {
			t.Fatalf("%q cannot be read out", first)
		}
		if a.Before(b) && first >= second || b.Before(a) && second >= first {
			t.Fatalf("%s at %s does not sort like %s at %s", first, a, second, b)
		}
	})
}

// Ids of the same second differ by twenty random bits; a collision costs one
// more draw, so a few among many are no harm.
func TestIDsOfOneSecondDiffer(t *testing.T) {
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for range 1000 {
		seen[bulk.NewID(now)] = true
	}
	if len(seen) < 990 {
		t.Errorf("%d different ids among 1000", len(seen))
	}
}
