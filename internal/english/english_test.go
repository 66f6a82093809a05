package english_test

import (
	"strings"
	"testing"
	"time"

	"bulkops/internal/english"
)

func TestNumbersAndTimesAsPeopleReadThem(t *testing.T) {
	at := time.Date(2026, 3, 1, 22, 5, 9, 0, time.FixedZone("", -6*60*60))
	for _, test := range []struct{ got, want string }{
		{english.Number(0), "0"}, {english.Number(999), "999"}, {english.Number(1000), "1,000"},
		{english.Number(1234567), "1,234,567"}, {english.Number(-123), "-123"}, {english.Number(-1234), "-1,234"},
		{english.Count(1, "batch", "batches"), "1 batch"}, {english.Count(0, "batch", "batches"), "0 batches"},
		{english.Count(1200, "batch", "batches"), "1,200 batches"},
		{english.Date("2026-03-01"), "1 Mar 2026"}, {english.Date("soon"), "soon"}, {english.Date(""), ""},
		{english.Day(at), "1 Mar 2026"}, {english.Minute(at), "2 Mar 2026, 04:05 UTC"}, {english.Second(at), "2 Mar 2026, 04:05:09 UTC"},
		{english.At(at), "04:05 UTC on 2 March 2026"},
		{english.Span(72 * time.Hour), "3 days"}, {english.Span(24 * time.Hour), "24 hours"}, {english.Span(time.Hour), "1 hour"},
		{english.Span(90 * time.Minute), "90 minutes"}, {english.Span(90 * time.Second), "1m30s"},
		{english.Brief("Geburtsdatum (größer)"), "Geburtsdatum (größer)"}, {english.Brief(strings.Repeat("ß", 40)), strings.Repeat("ß", 40)},
		{english.Brief(strings.Repeat("ß", 41)), strings.Repeat("ß", 40) + "…"}, {english.Cut("naïve", 3), "naï…"},
		{english.Capital("not attempted"), "Not attempted"}, {english.Capital(""), ""}, {english.Small("Phone"), "phone"}, {english.Small(""), ""},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
