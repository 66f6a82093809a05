package fhir_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"bulkops/internal/fhir"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

const nextVisit = "VISIT#2026-12-01T14:00Z#enc-planned"

func TestWhatAnOperationChangedIsKept(t *testing.T) {
	s := memory.New()
	load(t, s, "testdata/clinic", at)
	// An operation discharges the patient: the profile and the visit to come change.
	profile, visit := record(t, s, "000101", "profile"), record(t, s, "000101", nextVisit)
	profile.Fields["status"], profile.Fields["upcoming"] = "Discharged", ""
	visit.Fields["state"] = "cancelled"
	stamp := registry.Stamp{Operation: "OP-000001-AAAA", Batch: 1, By: "Ana", Approver: "Maria", At: at}
	profile.Stamp, visit.Stamp = stamp, stamp
	put(t, s, profile, visit)

	report := load(t, readOnly{s, t}, "testdata/clinic", at.Add(time.Hour))
	if n := report.Counts["Patient"]; n.Kept != 1 || n.Unchanged != 2 {
		t.Errorf("patients %+v", *n)
	}
	if n := report.Counts["Encounter"]; n.Kept != 1 || n.Unchanged != 6 {
		t.Errorf("encounters %+v", *n)
	}

	// A visit newly planned at the source has no place: the kept profile could not name it.
	folder := t.TempDir()
	write(t, folder, "Encounter.000.ndjson",
		encounter("enc-new", "planned", "000101", "2027-01-05T09:00:00Z")+encounter("enc-past", "finished", "000101", "2026-10-05T09:00:00Z"))
	report = load(t, s, folder, at.Add(time.Hour))
	problems(t, report, "Encounter.000.ndjson:1: The patient's record was changed here since an earlier import, so the list of upcoming visits cannot follow; the visit was not imported.")
	counts(t, report, map[string]fhir.Count{"Encounter": {Read: 2, New: 1, Kept: 1}})
	if got := record(t, s, "000101", "profile"); got.Stamp != stamp || got.Get("upcoming") != "" {
		t.Errorf("profile %+v", got)
	}
}

func TestWhatSomebodyChangedByHandIsKept(t *testing.T) {
	s := memory.New()
	load(t, s, "testdata/clinic", at)
	if err := s.WriteByHand(t.Context(), registry.ProfileRef("000102"), registry.Fields{"phone": "+12025550199"}, "Rita Chen", at); err != nil {
		t.Fatal(err)
	}
	note := record(t, s, "000101", "CLINICAL#allergy#all-1")
	note.Fields["clinical_status"], note.Stamp = "inactive", registry.Stamp{By: "Rita Chen", At: at}
	put(t, s, note)
	report := load(t, readOnly{s, t}, "testdata/clinic", at)
	if report.Counts["Patient"].Kept != 1 || report.Counts["AllergyIntolerance"].Kept != 1 {
		t.Errorf("patients %+v, allergies %+v", *report.Counts["Patient"], *report.Counts["AllergyIntolerance"])
	}
}

func TestTheDirectoryBelongsToTheClinicOnceItExists(t *testing.T) {
	s := memory.New()
	mine := registry.Facility{ID: "org-north", Name: "North, renamed here", TimeZone: "Europe/Rome", DefaultProvider: "prac-2"}
	plain := registry.Facility{ID: "org-south", Name: "South, renamed here"}
	gone := registry.Provider{ID: "prac-1", Name: "Dr. Alder", Facilities: []string{"org-north"}}
	for _, f := range []registry.Facility{mine, plain} {
		if err := s.PutFacility(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutProvider(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	report := load(t, s, "testdata/clinic", at)
	d, _ := s.Directory(t.Context())
	if f, _ := d.Facility("org-north"); !reflect.DeepEqual(f, mine) {
		t.Errorf("facility %+v", f)
	}
	if f, _ := d.Facility("org-south"); f.Name != plain.Name || f.Email != "desk@south.example.org" {
		t.Errorf("only the address is filled: %+v", f)
	}
	if p, _ := d.Provider("prac-1"); p.Active || len(p.Facilities) != 1 || p.Name != "Dr. Alder" || p.Specialty != "General Practice Physician" {
		t.Errorf("only what was empty is filled: %+v", p)
	}
	if n := report.Counts["Organization"]; n.New != 1 || n.Kept != 1 || n.Changed != 1 {
		t.Errorf("organizations %+v", *n)
	}
	if n := report.Counts["Practitioner"]; n.New != 2 || n.Changed != 1 {
		t.Errorf("practitioners %+v", *n)
	}
}

// Later files may hold no more than what is new.
func TestLaterEncountersReachTheProfile(t *testing.T) {
	s := memory.New()
	load(t, s, "testdata/clinic", at)
	folder := t.TempDir()
	write(t, folder, "Encounter.000.ndjson",
		encounter("enc-planned", "planned", "000101", "2026-12-02T09:00:00Z")+ // moved by a day
			encounter("enc-more", "planned", "000101", "2026-12-24T09:00:00Z")+
			encounter("enc-old", "finished", "000101", "2018-01-01T09:00:00Z"))
	report := load(t, s, folder, at)
	counts(t, report, map[string]fhir.Count{"Encounter": {Read: 3, New: 3}})
	p := record(t, s, "000101", "profile")
	if got := p.Get("upcoming"); got != "2026-12-02T09:00Z/enc-planned 2026-12-24T09:00Z/enc-more" {
		t.Errorf("upcoming %q", got)
	}
	if p.Get("registered") != "2018-01-01" || p.Get("last_visit") != "2026-11-23" || p.Get("name") != "Ada Grace Example III" {
		t.Errorf("profile %v", p.Fields)
	}
	if old := record(t, s, "000101", nextVisit); old.Get("state") != "cancelled" || old.Get("cancelled_why") != "Moved to another time" {
		t.Errorf("the visit at the old time: %v", old.Fields)
	}

	write(t, folder, "Encounter.000.ndjson",
		encounter("enc-planned", "finished", "000101", "2026-12-02T09:00:00Z")+
			encounter("enc-more", "entered-in-error", "000101", "2026-12-24T09:00:00Z"))
	load(t, s, folder, at.Add(30*24*time.Hour))
	p = record(t, s, "000101", "profile")
	if p.Get("upcoming") != "" || p.Get("last_visit") != "2026-12-02" {
		t.Errorf("profile %v", p.Fields)
	}
	if v := record(t, s, "000101", "VISIT#2026-12-24T09:00Z#enc-more"); v.Get("state") != "cancelled" || v.Get("cancelled_why") != "Entered in error" {
		t.Errorf("a visit taken back: %v", v.Fields)
	}
}

func TestAVisitThatWasPlannedForATimeThatHasPassedIsMissed(t *testing.T) {
	s := memory.New()
	load(t, s, "testdata/clinic", at)
	report := load(t, s, "testdata/clinic", at.Add(30*24*time.Hour))
	if report.Counts["Encounter"].Changed != 1 || report.Counts["Patient"].Changed != 1 {
		t.Errorf("encounters %+v, patients %+v", *report.Counts["Encounter"], *report.Counts["Patient"])
	}
	if v := record(t, s, "000101", nextVisit); v.Get("state") != "missed" || record(t, s, "000101", "profile").Get("upcoming") != "" {
		t.Errorf("visit %v", v.Fields)
	}
}

// One transaction must be able to cancel all planned visits of a patient.
func TestPlannedVisitsAreLimited(t *testing.T) {
	folder := t.TempDir()
	var lines strings.Builder
	for i := range 100 {
		lines.WriteString(encounter("e"+string(rune('A'+i/26))+string(rune('A'+i%26)), "planned", "1", "2027-01-05T09:00:00Z"))
	}
	write(t, folder, "Encounter.000.ndjson", lines.String())
	write(t, folder, "Patient.000.ndjson", `{"resourceType":"Patient","id":"1","name":[{"text":"Very Planned"}]}`)
	s := memory.New()
	if n := load(t, s, folder, at).Counts["Encounter"]; n.New != 90 || n.Refused != 10 {
		t.Errorf("%+v", *n)
	}
	if got := len(registry.Patient{Record: record(t, s, "1", "profile")}.Visits()); got != 90 {
		t.Errorf("%d visits to come", got)
	}
}

func encounter(id, status, patient, start string) string {
	return `{"resourceType":"Encounter","id":"` + id + `","status":"` + status + `","class":{"code":"AMB"},"subject":{"reference":"Patient/` +
		patient + `"},"period":{"start":"` + start + `"}}` + "\n"
}

func put(t *testing.T, s *memory.Store, records ...registry.Record) {
	t.Helper()
	if err := s.PutRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}
