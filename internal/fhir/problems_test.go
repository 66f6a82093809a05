package fhir_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/fhir"
	"bulkops/internal/memory"
)

func TestBadLinesAreReportedAndTheRestIsImported(t *testing.T) {
	s := memory.New()
	report := load(t, s, "testdata/hostile", at)
	problems(t, report,
		"AllergyIntolerance.000.ndjson:1: Its resourceType is not the one that the file's name states.",
		"Condition.000.ndjson:1: It does not say what it is about: it has neither code nor text.",
		"Condition.000.ndjson:2: Its patient is neither in the files nor in the registry.",
		"Condition.000.ndjson:3: Its patient is neither in the files nor in the registry.",
		"Condition.000.ndjson:4: Its field code has another form than in FHIR R4.",
		"Encounter.000.ndjson:1: Its organization is not in the files; the visit was imported without a facility.",
		"Encounter.000.ndjson:1: Its practitioner is not in the files; the visit was imported without a provider.",
		"Encounter.000.ndjson:2: Its patient is neither in the files nor in the registry.",
		"Encounter.000.ndjson:3: Its patient is neither in the files nor in the registry.", // that patient was refused
		"Encounter.000.ndjson:4: Its status is not one of FHIR R4.",
		"Encounter.000.ndjson:5: Its period has no start, or one that is less than a day.",
		"Encounter.000.ndjson:6: Its patient is neither in the files nor in the registry.",
		"Encounter.000.ndjson:7: Its period has no start, or one that is less than a day.",
		"Encounter.000.ndjson:8: Its patient is neither in the files nor in the registry.",
		"Encounter.000.ndjson:9: Its practitioner is not in the files; the visit was imported without a provider.", // two have that identifier
		"Organization.000.ndjson:2: Its field name has another form than in FHIR R4.",
		"Organization.000.ndjson:4: The same id was read before with other content; the first one counts.",
		"Patient.000.ndjson:2: It is not complete JSON.",
		"Patient.000.ndjson:4: It has no id.",
		"Patient.000.ndjson:5: Its id is not a FHIR id: up to 64 letters, digits, hyphens and dots.",
		"Patient.000.ndjson:6: Its field birthDate has another form than in FHIR R4.",
		"Patient.000.ndjson:7: Its birth date is not a whole date; it was imported without.",
		"Patient.000.ndjson:8: It has no name; it was imported as (no name).",
		"Patient.000.ndjson:8: Nothing names a facility of this patient, so no facility's list shows it.",
		"Patient.000.ndjson:9: Its resourceType is not the one that the file's name states.",
		"Patient.000.ndjson:10: It is no FHIR resource: its type or id is not a text.",
		"Patient.000.ndjson:11: It is no FHIR resource: it has no resourceType.",
		"Patient.000.ndjson:12: It is no FHIR resource: its type or id is not a text.",
		"Patient.000.ndjson:13: It is not complete JSON.",
		"Patient.000.ndjson:14: It is not complete JSON.",
		"Patient.000.ndjson:15: It is no FHIR resource: it has no resourceType.",
		"Patient.000.ndjson:16: The same id was read before with other content; the first one counts.",
		"Patient.000.ndjson:17: A text of it is longer than 200 characters and was cut.",
		"PractitionerRole.ndjson:1: Its practitioner is not in the files.",
		"PractitionerRole.ndjson:2: Its organization is not in the files; the role was read without it.",
		"export-log.ndjson:2: It is not complete JSON.",
		"manifest.json: It is no FHIR Bundle.",
	)
	for _, p := range report.Problems {
		if strings.Contains(strings.ToLower(p.Reason), "zqxv") {
			t.Errorf("a reason repeats what the resource holds: %s", p)
		}
	}
	counts(t, report, map[string]fhir.Count{
		"Organization":       {Read: 4, New: 1, Unchanged: 1, Refused: 2},
		"Practitioner":       {Read: 3, New: 3},
		"PractitionerRole":   {Read: 2, New: 1, Refused: 1},
		"Patient":            {Read: 16, New: 4, Refused: 12},
		"Encounter":          {Read: 9, New: 2, Refused: 7},
		"Condition":          {Read: 4, Refused: 4},
		"AllergyIntolerance": {Read: 1, Refused: 1},
		"OperationOutcome":   {Read: 1, Ignored: 1},
		fhir.Unreadable:      {Read: 2, Refused: 2},
	})
	if name := record(t, s, "000207", "profile").Get("name"); len([]rune(name)) != 200 {
		t.Errorf("a name of %d characters", len([]rune(name)))
	}
	if p := record(t, s, "000201", "profile"); p.Get("birth_date") != "1950-02-03" {
		t.Errorf("of two resources with one id the first counts: %v", p.Fields)
	}
}

func TestLongLines(t *testing.T) {
	folder := t.TempDir()
	patient := func(id string, size int) string {
		return `{"resourceType":"Patient","id":"` + id + `","name":[{"text":"Long Line"}],"photo":[{"data":"` + strings.Repeat("A", size) + `"}]}` + "\n"
	}
	write(t, folder, "Patient.000.ndjson", patient("1", 5<<20)+patient("2", fhir.MaxLine)+patient("3", 10))
	bundle := func(id string, size int) string {
		return `{"resourceType":"Bundle","entry":[{"resource":` + patient(id, size) + `},{"resource":` + patient(id+"b", 10) + `}]}`
	}
	write(t, folder, "a.json", bundle("4", 5<<20))
	write(t, folder, "b.json", bundle("5", fhir.MaxLine))
	write(t, folder, "c.json", bundle("6", 2*fhir.MaxLine+2<<20))
	s := memory.New()
	report := load(t, s, folder, at)
	for _, id := range []string{"1", "3", "4", "4b", "5b"} {
		record(t, s, id, "profile")
	}
	if n := report.Counts["Patient"]; n.New != 5 || n.Refused != 1 {
		t.Errorf("%+v", *n)
	}
	var long []string
	for _, p := range report.Problems {
		if strings.Contains(p.Reason, "long") {
			long = append(long, p.String())
		}
	}
	want := []string{
		"Patient.000.ndjson:2: The line is longer than 16 MB.",
		"b.json:1: The entry is longer than 16 MB.",
		"c.json:1: An entry is far too long; it and what follows were not read.",
	}
	slices.Sort(long)
	if !slices.Equal(long, want) {
		t.Errorf("%q", long)
	}
}

func TestThousandsOfProblemsAreCountedAndTheFirstListed(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "Patient.000.ndjson", strings.Repeat("no\n", 2_500))
	report := load(t, memory.New(), folder, at)
	if report.Total != 2_500 || len(report.Problems) != 1_000 || report.Problems[999].Line != 1_000 {
		t.Errorf("%d problems, %d listed", report.Total, len(report.Problems))
	}
}

// FuzzImport feeds arbitrary lines and Bundles: nothing may stop an import.
func FuzzImport(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.ndjson", "testdata/*/*.json"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Add([]byte(`{"entry":[{"resource":{}},null,7],"resourceType":"Bundle"}`))
	f.Add([]byte(`{"resourceType":"Encounter","id":"1","status":"planned","subject":{"reference":"Patient/"},"participant":[null],"type":[{}],"period":{"start":"9999-12-31"}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		folder := t.TempDir()
		write(t, folder, "lines.ndjson", string(content))
		write(t, folder, "bundle.json", string(content))
		s := memory.New()
		first := load(t, s, folder, at)
		again := load(t, readOnly{s, t}, folder, at)
		if first.Total != again.Total {
			t.Errorf("%d problems, then %d", first.Total, again.Total)
		}
	})
}
