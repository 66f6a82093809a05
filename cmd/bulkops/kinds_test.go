package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Whatever can be asked for is asked for, and sent for approval, at a terminal.
func TestEveryKindIsPlannedAndSubmittedAtATerminal(t *testing.T) {
	d := newDesk(t)
	values := filepath.Join(t.TempDir(), "values.csv")
	if err := os.WriteFile(values, []byte("mrn,phone,member id\n000010,+15125550123,XYZ-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []registry.Facility{
		{ID: "riverside", Name: "Riverside Clinic", TimeZone: "America/New_York", Email: "riverside@example.org", Hours: registry.DefaultHours},
		{ID: "lakeside", Name: "Lakeside Clinic", TimeZone: "America/New_York", Email: "lakeside@example.org", Hours: registry.DefaultHours},
	} {
		if err := d.PutFacility(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"P001", "P002"} {
		if err := d.PutProvider(t.Context(), registry.Provider{ID: id, Name: "Dr. " + id, Facilities: []string{"riverside"}, Active: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.PutPerson(t.Context(), staff.Person{Sub: "maria", Name: "Maria Duarte", Email: "maria@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}}); err != nil {
		t.Fatal(err)
	}
	d.signIn("jonas")
	from := d.Engine.Now().AddDate(0, 0, 7).Format("2006-01-02")
	to := d.Engine.Now().AddDate(0, 0, 14).Format("2006-01-02")
	ways := map[string][]string{
		"status-change":         {"--to", "Hospitalized", "--id", "000010"},
		"provider-reassignment": {"--to", "P002", "--visits", "keep", "--id", "000010"},
		"facility-transfer":     {"--to", "lakeside", "--with", "later", "--visits", "cancel", "--id", "000010"},
		"tags":                  {"--add", "vip", "--id", "000010"},
		"insurance-change":      {"--plan", "Aetna", "--effective", "2027-01-01", "--member-ids", "file", "--csv", values},
		"data-correction":       {"--csv", values},
		"visit-scheduling":      {"--type", "Routine", "--from", from, "--to", to, "--id", "000010"},
		"communication":         {"--type", "facility-notification", "--heading", "News", "--text", "Please read.", "--id", "000010"},
		"export":                {"--type", "patient-list", "--format", "csv", "--id", "000010"},
	}
	for _, k := range kind.All {
		if k.Follows {
			continue // from the operation that it follows
		}
		t.Run(k.Name, func(t *testing.T) {
			way, ok := ways[k.Name]
			if !ok {
				t.Fatal("nothing is known of how to ask for it at a terminal")
			}
			text := enter(t, 0, slices.Concat([]string{"request", k.Name}, way)...)
			id := idPattern.FindString(text)
			wants(t, text, "ready", "0 left out", "Next: bulkops changes "+id)
			wants(t, enter(t, 0, "submit", id, "--reason", "Needed for the new year", "--confirm"), "awaiting-approval")
		})
	}
	t.Run("values of an earlier correction", func(t *testing.T) {
		id := idPattern.FindString(enter(t, 0, "request", "data-correction", "--csv", values))
		again := idPattern.FindString(enter(t, 0, "request", "data-correction", "--edits", id))
		wants(t, enter(t, 0, "changes", again), "→ +15125550123")
		wants(t, enter(t, 1, "request", "data-correction"), "Give the file with the new values: --csv.")
	})
}
