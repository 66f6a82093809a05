package fhir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/fhir"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestAFolderBecomesPatientsVisitsNotesAndDirectory(t *testing.T) {
	s := memory.New()
	report := load(t, s, "testdata/clinic", at)
	if report.Total != 0 {
		t.Errorf("problems: %v", report.Problems)
	}
	counts(t, report, map[string]fhir.Count{
		"Patient":            {Read: 3, New: 3},
		"Encounter":          {Read: 8, New: 7, Ignored: 1}, // one was entered in error
		"Condition":          {Read: 2, New: 1, Ignored: 1},
		"MedicationRequest":  {Read: 2, New: 2},
		"AllergyIntolerance": {Read: 1, New: 1},
		"Organization":       {Read: 4, New: 3, Ignored: 1}, // nothing refers to one
		"Practitioner":       {Read: 3, New: 3},
		"PractitionerRole":   {Read: 3, New: 3},
		"Location":           {Read: 2, Ignored: 2},
	})
	for id, want := range map[string]registry.Fields{
		"000101": {
			"name": "Ada Grace Example III", "birth_date": "1950-02-03", "status": "Active", "phone": "+12025550102",
			"email": "ada@example.org", "address": "1 Elm Street, Apt 2, Springfield, NY 10001, US", "language": "Spanish",
			"emergency_name": "Ben Example", "emergency_phone": "+12025550103", "registered": "2019-03-04",
			"last_visit": "2026-11-23", "upcoming": "2026-12-01T14:00Z/enc-planned",
			"facility": "org-south", "provider": "prac-1", // of the latest encounter, which is the planned one
		},
		"000102": {
			"name": "<b>Ann</b> =SUM(A1:A9); O'Neil", "birth_date": "1941-12-24", "status": "Deceased",
			"registered": "2024-06-01", "last_visit": "2024-06-01", "facility": "org-north", "provider": "prac-1",
		},
		"000103": {
			"name": "محمد الأحمد", "birth_date": "1999-09-09", "status": "Inactive", "registered": "2026-11-23",
			"facility": "org-home", "provider": "prac-1", // through the practitioner's role
		},
	} {
		if got := record(t, s, id, "profile"); !reflect.DeepEqual(got.Fields, want) {
			t.Errorf("profile of %s\n got %v\nwant %v", id, got.Fields, want)
		}
	}
	for part, want := range map[string]registry.Fields{
		"VISIT#2026-12-01T14:00Z#enc-planned":   {"state": "scheduled", "type": "Follow-up", "start": "2026-12-01T14:00Z", "minutes": "30", "facility": "org-south", "provider": "prac-1"},
		"VISIT#2019-03-05T04:30Z#enc-first":     {"state": "completed", "type": "Wellness", "start": "2019-03-05T04:30Z", "minutes": "45", "facility": "org-north", "provider": "prac-1"},
		"VISIT#2026-05-04T10:00Z#enc-last":      {"state": "completed", "type": "Other", "note": "Encounter for problem (procedure)", "start": "2026-05-04T10:00Z", "minutes": "20", "facility": "org-north", "provider": "prac-2"},
		"VISIT#2026-12-24T09:00Z#enc-cancelled": {"state": "cancelled", "type": "Urgent", "start": "2026-12-24T09:00Z", "minutes": "30", "facility": "org-north", "provider": "prac-1"},
		"VISIT#2026-06-01T09:00Z#enc-missed":    {"state": "missed", "type": "Medication Review", "start": "2026-06-01T09:00Z", "facility": "org-north", "provider": "prac-1"},
		"VISIT#2026-11-23T11:30Z#enc-arrived":   {"state": "completed", "type": "Other", "start": "2026-11-23T11:30Z"},
		"CLINICAL#condition#con-1":              {"clinical": "condition", "code": "59621000", "text": "Essential hypertension", "clinical_status": "active", "recorded": "2018-02-03"},
		"CLINICAL#medication#med-1":             {"clinical": "medication", "code": "314076", "text": "Lisinopril 10 mg", "clinical_status": "active", "recorded": "2020-01-02"},
		"CLINICAL#allergy#all-1":                {"clinical": "allergy", "text": "Peanut", "clinical_status": "active", "recorded": "2011-05-06"},
	} {
		got := record(t, s, "000101", part)
		if !reflect.DeepEqual(got.Fields, want) {
			t.Errorf("%s\n got %v\nwant %v", part, got.Fields, want)
		}
		if got.Stamp != (registry.Stamp{By: "import test", At: at}) {
			t.Errorf("%s is stamped %+v", part, got.Stamp)
		}
	}
	if got := record(t, s, "000102", "CLINICAL#medication#med-2").Get("text"); got != "Metformin 500 mg" {
		t.Errorf("a contained medication reads %q", got)
	}

	d, _ := s.Directory(t.Context())
	wantFacilities := []registry.Facility{
		{ID: "org-home", Name: "Home Care Office", TimeZone: "America/Chicago"},
		{ID: "org-north", Name: "North Clinic", TimeZone: "America/Chicago"},
		{ID: "org-south", Name: "South Clinic", TimeZone: "America/Chicago", Email: "desk@south.example.org"},
	}
	for i := range wantFacilities { // about calendars the files say nothing
		wantFacilities[i].Hours, wantFacilities[i].Lunch = registry.DefaultHours, registry.DefaultLunch
	}
	wantProviders := []registry.Provider{
		{ID: "prac-3", Name: "Dr. Mina Cedar"}, // the only role has ended
		{ID: "prac-1", Name: "Dr. Nora Alder", Specialty: "General Practice Physician", Facilities: []string{"org-north", "org-south"}, Active: true},
		{ID: "prac-2", Name: "Dr. Tomas Birch", Facilities: []string{"org-north"}, Active: true, Email: "tomas.birch@example.org"}, // from encounters: there is no role
	}
	if !reflect.DeepEqual(d.Facilities, wantFacilities) || !reflect.DeepEqual(d.Providers, wantProviders) {
		t.Errorf("directory\n got %+v\nwant %+v\n     %+v", d, wantFacilities, wantProviders)
	}
}

func TestARepeatChangesNothing(t *testing.T) {
	for _, folder := range []string{"testdata/clinic", "testdata/hostile", "testdata/bundles"} {
		s := memory.New()
		first := load(t, s, folder, at)
		again := load(t, readOnly{s, t}, folder, at.Add(3*24*time.Hour))
		if first.Total != again.Total {
			t.Errorf("%s: %d problems, then %d", folder, first.Total, again.Total)
		}
		for kind, n := range again.Counts {
			if n.New+n.Changed+n.Kept != 0 || n.Refused != first.Counts[kind].Refused {
				t.Errorf("%s: %s: first %+v, then %+v", folder, kind, *first.Counts[kind], *n)
			}
		}
	}
}

func TestTheOrderOfFilesAndLinesMeansNothing(t *testing.T) {
	forward, backward := memory.New(), memory.New()
	load(t, forward, "testdata/clinic", at)
	folder := t.TempDir()
	names, _ := filepath.Glob("testdata/clinic/*.ndjson")
	var all []string
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Split(strings.TrimSpace(string(content)), "\n")...)
	}
	slices.Sort(all)
	slices.Reverse(all)
	// One file of all types, whose name states none, with a byte order mark and Windows line ends.
	write(t, folder, "everything.ndjson", "\ufeff"+strings.Join(all, "\r\n"))
	if r := load(t, backward, folder, at); r.Total != 0 {
		t.Errorf("problems: %v", r.Problems)
	}
	for _, id := range []string{"000101", "000102", "000103"} {
		a, _ := forward.Parts(t.Context(), id)
		b, _ := backward.Parts(t.Context(), id)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s\n%v\n%v", id, a, b)
		}
	}
	a, _ := forward.Directory(t.Context())
	b, _ := backward.Directory(t.Context())
	if !reflect.DeepEqual(a, b) {
		t.Errorf("directory\n%+v\n%+v", a, b)
	}
}

func TestBundles(t *testing.T) {
	s := memory.New()
	report := load(t, s, "testdata/bundles", at)
	counts(t, report, map[string]fhir.Count{
		"Patient":       {Read: 3, New: 3},
		"Encounter":     {Read: 2, New: 2},
		"Condition":     {Read: 1, New: 1},
		"Organization":  {Read: 2, New: 1, Unchanged: 1}, // both Bundles hold it
		"Practitioner":  {Read: 1, New: 1},
		"Claim":         {Read: 1, Ignored: 1},
		fhir.Unreadable: {Read: 2, Refused: 2},
	})
	problems(t, report,
		"transaction.json:7: The entry asks to delete; an import only adds and changes.",
		"truncated.json:2: It is not complete JSON from here on; what follows was not read.",
	)
	cleo := record(t, s, "00000000-0000-4000-8000-000000000001", "profile")
	if cleo.Get("upcoming") != "2026-12-05T15:00Z/00000000-0000-4000-8000-000000000004" || cleo.Get("facility") != "org-b" || cleo.Get("provider") != "prac-b" {
		t.Errorf("a patient without id, referred to by urn:uuid: %v", cleo.Fields)
	}
	found := record(t, s, "000301", "profile")
	if found.Get("last_visit") != "2026-02-02" || found.Get("facility") != "org-b" || found.Get("provider") != "prac-b" {
		t.Errorf("a patient referred to by address: %v", found.Fields)
	}
	if record(t, s, "000302", "profile").Get("name") != "Before The Break" {
		t.Error("what stands before a break was lost")
	}
}

func TestASingleFileCanBeImported(t *testing.T) {
	report := load(t, memory.New(), "testdata/bundles/searchset.json", at)
	if report.Counts["Patient"].New != 1 || report.Total != 1 { // the practitioner is in another file
		t.Errorf("%v, %v", report.Counts["Patient"], report.Problems)
	}
}

func TestWhatStopsAnImport(t *testing.T) {
	options := fhir.Options{Source: "test", At: at, TimeZone: "America/Chicago"}
	empty := t.TempDir()
	for name, c := range map[string]struct {
		path string
		o    fhir.Options
		code fault.Code
	}{
		"no such folder":      {"testdata/nowhere", options, fault.NotFound},
		"no FHIR files":       {empty, options, fault.Invalid},
		"no name":             {"testdata/clinic", fhir.Options{At: at, TimeZone: "UTC"}, fault.Invalid},
		"no moment":           {"testdata/clinic", fhir.Options{Source: "x", TimeZone: "UTC"}, fault.Invalid},
		"time zone not given": {"testdata/clinic", fhir.Options{Source: "x", At: at}, fault.Invalid},
		"time zone unknown":   {"testdata/clinic", fhir.Options{Source: "x", At: at, TimeZone: "Mars/Olympus"}, fault.Invalid},
	} {
		if _, err := fhir.Import(t.Context(), memory.New(), c.path, c.o); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := fhir.Import(t.Context(), failing{memory.New()}, "testdata/clinic", options); !errors.Is(err, errDown) {
		t.Errorf("a store that is down: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := fhir.Import(ended, memory.New(), "testdata/clinic", options); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled import: %v", err)
	}
}

func load(t *testing.T, s fhir.Store, path string, at time.Time) fhir.Report {
	t.Helper()
	report, err := fhir.Import(t.Context(), s, path, fhir.Options{Source: "test", At: at, TimeZone: "America/Chicago"})
	if err != nil {
		t.Fatal(err)
	}
	for kind, n := range report.Counts {
		if n.Read != n.New+n.Changed+n.Unchanged+n.Kept+n.Ignored+n.Refused {
			t.Errorf("%s: the numbers do not add up: %+v", kind, *n)
		}
	}
	return report
}

func counts(t *testing.T, report fhir.Report, want map[string]fhir.Count) {
	t.Helper()
	got := map[string]fhir.Count{}
	for kind, n := range report.Counts {
		got[kind] = *n
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("counts\n got %+v\nwant %+v", got, want)
	}
}

func problems(t *testing.T, report fhir.Report, want ...string) {
	t.Helper()
	var got []string
	for _, p := range report.Problems {
		got = append(got, p.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("problems\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func record(t *testing.T, s *memory.Store, patient, part string) registry.Record {
	t.Helper()
	ref := registry.Ref{Patient: patient, Part: part}
	found, err := s.Records(t.Context(), []registry.Ref{ref})
	if err != nil || found[ref].Fields == nil {
		t.Errorf("there is no %s of %s (%v)", part, patient, err)
	}
	return found[ref]
}

func write(t *testing.T, folder, name string, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readOnly fails the test when anything is written.
type readOnly struct {
	*memory.Store
	t *testing.T
}

func (r readOnly) PutRecords(_ context.Context, records []registry.Record) error {
	r.t.Errorf("written: %v", records)
	return nil
}

func (r readOnly) PutFacility(_ context.Context, f registry.Facility) error {
	r.t.Errorf("written: %v", f)
	return nil
}

func (r readOnly) PutProvider(_ context.Context, p registry.Provider) error {
	r.t.Errorf("written: %v", p)
	return nil
}

var errDown = errors.New("store is down")

type failing struct{ *memory.Store }

func (failing) PutRecords(context.Context, []registry.Record) error { return errDown }
