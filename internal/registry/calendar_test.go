package registry_test

import (
	"testing"
	"time"

	"bulkops/internal/registry"
)

func TestHoursAreReadAndWritten(t *testing.T) {
	tests := []struct{ text, written string }{
		{"", ""},
		{"Mon-Fri 08:00-17:00", "Mon-Fri 08:00-17:00"},
		{"monday 8:00–12:30; Sat 0:00-24:00", "Mon 08:00-12:30, Sat 00:00-24:00"},
		{"Mon 08:00-17:00, Tue 08:00-17:00, Wed 09:00-17:00", "Mon-Tue 08:00-17:00, Wed 09:00-17:00"},
	}
	for _, tt := range tests {
		w, err := registry.ParseWeek(tt.text)
		if err != nil || w.String() != tt.written {
			t.Errorf("%q: got %q, %v; want %q", tt.text, w, err, tt.written)
		}
		if again, err := registry.ParseWeek(w.String()); err != nil || again != w {
			t.Errorf("%q is not read back: %v", w, err)
		}
	}
}

func TestWrongHoursAreNamed(t *testing.T) {
	tests := map[string]string{
		"Mon":                                `"Mon" is no day with hours: write it like Mon-Fri 08:00-17:00`,
		"Mon 8-17":                           `"Mon 8-17" is no day with hours: write it like Mon-Fri 08:00-17:00`,
		"Fri-Mon 08:00-17:00":                `"Fri-Mon 08:00-17:00" is no day with hours: write it like Mon-Fri 08:00-17:00`,
		"Mon 17:00-08:00":                    `"Mon 17:00-08:00" is no day with hours: write it like Mon-Fri 08:00-17:00`,
		"Mon 08:00-24:15":                    `"Mon 08:00-24:15" is no day with hours: write it like Mon-Fri 08:00-17:00`,
		"Mon-Fri 08:00-17:00, Tue 8:00-9:00": "Tuesday is given twice",
	}
	for text, want := range tests {
		if _, err := registry.ParseWeek(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestDaysOffAreReadAndWritten(t *testing.T) {
	d, err := registry.ParseDays(" 2026-12-24 to 2026-12-26 ")
	if err != nil || d.String() != "2026-12-24 to 2026-12-26" || !d.Hold("2026-12-24") || !d.Hold("2026-12-26") || d.Hold("2026-12-27") {
		t.Errorf("got %v, %v", d, err)
	}
	if d, err = registry.ParseDays("2026-12-25"); err != nil || d.String() != "2026-12-25" {
		t.Errorf("got %v, %v", d, err)
	}
	for _, text := range []string{"", "Christmas", "2026-02-30", "2026-12-26 to 2026-12-24"} {
		if _, err := registry.ParseDays(text); err == nil {
			t.Errorf("%q is read as days", text)
		}
	}
}

func TestAPartOfADay(t *testing.T) {
	noon := registry.Span{From: 12 * 60, To: 13 * 60}
	for text, want := range map[string][2]bool{ // covered by noon, meets noon
		"12:00-13:00": {true, true}, "12:15-12:30": {true, true}, "11:00-12:00": {false, false},
		"11:00-12:01": {false, true}, "12:59-14:00": {false, true}, "13:00-14:00": {false, false},
	} {
		s, err := registry.ParseSpan(text)
		if err != nil || s.String() != text || noon.Covers(s) != want[0] || noon.Meets(s) != want[1] {
			t.Errorf("%s: %v %v %v %v", text, s, err, noon.Covers(s), noon.Meets(s))
		}
	}
	if !registry.DefaultHours[time.Sunday].Empty() || registry.DefaultHours.String() != "Mon-Fri 08:00-17:00" {
		t.Errorf("default hours: %v", registry.DefaultHours)
	}
}
