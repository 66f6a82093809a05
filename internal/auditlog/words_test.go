package auditlog_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Outcomes of patients read in words, which an event of an operation does not
// have although it is called the same; in the log as in its file, and they are a
// part of the log.
func TestOutcomesReadInWords(t *testing.T) {
	l, reader, store := newLog()
	if err := store.PutFacility(t.Context(), registry.Facility{ID: "riverside", Name: "Riverside Clinic"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{audit.PatientExported: "Put into the file of an export", audit.PatientSkipped: "Skipped by the operation", audit.PatientFailed: "Failed in the operation"}
	all := []audit.Record{{At: noon, Type: audit.Event, Unique: "e", Operation: "OP-1", What: "failed"}}
	for what := range want {
		all = append(all, audit.Record{At: noon, Type: audit.Outcome, Unique: what, Operation: "OP-1", Kind: "export", Patient: "p1", Facility: "riverside",
			Operator: audit.Person{Name: "Sam"}, Approver: audit.Person{Name: "Maria"}, Reason: "Review", What: what, Detail: "Why."})
	}
	if err := reader.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if got := auditlog.Words(all[0]); got != "Operation: failed" {
		t.Errorf("an event reads %q", got)
	}
	var file bytes.Buffer
	what, err := l.WriteCSV(t.Context(), &file, auditor, auditlog.Query{Show: auditlog.Outcomes})
	if err != nil || what.Records != len(want) {
		t.Fatalf("%+v %v", what, err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.String(), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		if !slices.ContainsFunc(rows, func(row []string) bool {
			return slices.Equal(row, []string{"2026-12-01T12:00:00Z", want[r.What], "", "OP-1", "Data Export", "Sam", "Maria", "Review", "p1", "", "", "", "", "Riverside Clinic", "Why.", "", "", "", auditlog.Name(r)})
		}) {
			t.Errorf("the file does not have %s:\n%s", r.What, file.String())
		}
	}
}

// What is no patient's record reads in words: which entry, which field, and what
// the ids in it stand for; in the log as in its file.
func TestChangesOfTheDirectoriesReadInWords(t *testing.T) {
	l, reader, store := newLog()
	for _, err := range []error{
		store.PutPerson(t.Context(), staff.Person{Sub: "sub-maria", Name: "Maria Duarte", Role: staff.Manager, Facilities: []string{"riverside"}}),
		store.PutPerson(t.Context(), staff.Person{Sub: "sub-jonas", Name: "Jonas Weber", Role: staff.Manager, Facilities: []string{staff.AllFacilities}}),
		store.PutFacility(t.Context(), registry.Facility{ID: "riverside", Name: "Riverside Clinic"}),
		store.PutFacility(t.Context(), registry.Facility{ID: "lakeside", Name: "Lakeside House"}),
		store.PutProvider(t.Context(), registry.Provider{ID: "P001", Name: "Dr. Kim"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	visit := registry.VisitRef{Start: noon, ID: "V1"}.Ref("p1")
	for _, test := range []struct {
		record               audit.Record
		what, about          string
		label, before, after string
	}{
		{audit.Record{Part: "STAFF#sub-maria#STAFF", Old: registry.Fields{"role": "staff"}, New: registry.Fields{"role": "manager"}},
			"Entry of the staff directory changed", "Staff Maria Duarte", "Role", "Staff", "Manager"},
		{audit.Record{Part: "STAFF#sub-maria#STAFF", Old: registry.Fields{"facilities": "riverside lakeside"}, New: registry.Fields{"facilities": "*"}},
			"Entry of the staff directory changed", "Staff Maria Duarte", "Facilities", "Riverside Clinic, Lakeside House", "every facility"},
		{audit.Record{Part: "STAFF#sub-maria#STAFF", Old: registry.Fields{"disabled": "false"}, New: registry.Fields{"disabled": "true"}},
			"Entry of the staff directory changed", "Staff Maria Duarte", "Access taken away", "no", "yes"},
		{audit.Record{Part: "STAFF#sub-maria#STAFF", New: registry.Fields{"delegate": "sub-jonas"}},
			"Entry of the staff directory changed", "Staff Maria Duarte", "Delegate", "", "Jonas Weber"},
		{audit.Record{Part: "STAFF#sub-maria#STAFF", Old: registry.Fields{"away_until": "2026-12-09"}},
			"Entry of the staff directory changed", "Staff Maria Duarte", "Away until", "2026-12-09", ""},
		{audit.Record{Part: "STAFF#sub-gone#STAFF", Old: registry.Fields{"name": "Gone Person"}},
			"Entry of the staff directory removed", "Staff Gone Person", "Name", "Gone Person", ""},
		{audit.Record{Part: "STAFF#sub-nobody#STAFF", Old: registry.Fields{"email": "a@example.org"}, New: registry.Fields{"email": "b@example.org"}},
			"Entry of the staff directory changed", "Staff sub-nobody", "E-mail", "a@example.org", "b@example.org"},
		{audit.Record{Part: "FACILITY#riverside", Old: registry.Fields{"capacity": "0", "version": "1"}, New: registry.Fields{"capacity": "20", "version": "2"}},
			"Facility changed", "Facility Riverside Clinic", "Most patients", "no limit", "20"},
		{audit.Record{Part: "FACILITY#riverside", New: registry.Fields{"closed": "2026-12-24 to 2026-12-26 2026-12-31"}},
			"Facility changed", "Facility Riverside Clinic", "Days without visits", "", "2026-12-24 to 2026-12-26, 2026-12-31"},
		{audit.Record{Part: "FACILITY#riverside", Old: registry.Fields{"default_provider": "P001"}},
			"Facility changed", "Facility Riverside Clinic", "Default provider", "Dr. Kim", ""},
		{audit.Record{Part: "FACILITY#new", New: registry.Fields{"name": "New House"}},
			"Facility added", "Facility New House", "Name", "", "New House"},
		{audit.Record{Part: "PROVIDER#P001", Old: registry.Fields{"active": "true"}, New: registry.Fields{"active": "false"}},
			"Provider changed", "Provider Dr. Kim", "Works here", "yes", "no"},
		{audit.Record{Part: "PROVIDER#P001", Old: registry.Fields{"daily": "8"}, New: registry.Fields{"daily": "0"}},
			"Provider changed", "Provider Dr. Kim", "Most visits a day", "8", "no limit"},
		{audit.Record{Part: "PROVIDER#P001", New: registry.Fields{"facilities": "riverside"}},
			"Provider changed", "Provider Dr. Kim", "Facilities", "", "Riverside Clinic"},
		{audit.Record{Part: registry.SlotRef("P001", noon).Part, Operation: "OP-1", New: registry.Fields{registry.HeldFor: "p1"}},
			"Record changed", "Time of Dr. Kim, 1 Dec 2026, 12:00 UTC", "Slot held for", "", "p1"},
		{audit.Record{Patient: visit.Patient, Part: visit.Part, ByHand: true, New: registry.Fields{registry.ProviderField: "P001"}},
			"Record changed by hand", "Visit on 1 Dec 2026, 12:00 UTC", "Provider", "", "Dr. Kim"},
		{audit.Record{Patient: "p1", Part: registry.ProfilePart, ByHand: true, New: registry.Fields{registry.Tags: "a b"}},
			"Record changed by hand", "Profile", "Tags", "", "a, b"},
	} {
		r := test.record
		r.Type, r.At, r.Unique, r.Operator = audit.Change, noon, t.Name()+r.Part+test.label, audit.Person{Name: "Ida Admin"}
		names, err := l.Names(t.Context(), []audit.Record{r})
		if err != nil {
			t.Fatal(err)
		}
		field := auditlog.Fields(r)[0]
		if len(auditlog.Fields(r)) > 1 {
			t.Errorf("%s: also %q is said", r.Part, auditlog.Fields(r)[1:])
		}
		got := []string{auditlog.Words(r), names.About(r), names.Label(r, field), names.Value(r, field, r.Old[field]), names.Value(r, field, r.New[field])}
		want := []string{test.what, test.about, test.label, test.before, test.after}
		if !slices.Equal(got, want) {
			t.Errorf("%s reads %q, want %q", r.Part, got, want)
		}
		if err := reader.Append(t.Context(), []audit.Record{r}); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if _, err := l.WriteCSV(t.Context(), &file, auditor, auditlog.Query{}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.String(), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(rows, func(row []string) bool {
			return row[1] == test.what && row[5] == "Ida Admin" && slices.Equal([]string{row[9], row[10], row[11], row[12]}, want[1:])
		}) {
			t.Errorf("the file does not have %q", want)
		}
	}
}
