package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// clinicFiles copies the FHIR files of this package with ids of this run.
func clinicFiles(t *testing.T) (dir, prefix string) {
	t.Helper()
	dir, prefix = t.TempDir(), "import-"+thisRun+"-"
	files, err := filepath.Glob("testdata/fhir/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files to import: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(strings.ReplaceAll(string(text), "import-", prefix)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, prefix
}

// Patients from a FHIR export are patients like all others: the same operation
// works on them, a bad line costs only itself, and a repeat changes nothing.
func TestImportedPatientsTakePartInAnOperation(t *testing.T) {
	t.Parallel()
	dir, prefix := clinicFiles(t)
	said, problems, code := bulkops(t, t.TempDir(), "import", dir)
	if code != 0 {
		t.Fatalf("the import ended with %d: %s%s", code, said, problems)
	}
	if !strings.Contains(problems, "Patient.000.ndjson:4: It is not complete JSON.") || strings.Count(problems, "ndjson:") != 1 {
		t.Errorf("it complains of\n%s", problems)
	}
	if !regexp.MustCompile(`Patient +5 +4 +0 +0 +0 +0 +1`).MatchString(said) {
		t.Errorf("it reports\n%s", said)
	}
	ids := []string{prefix + "1", prefix + "2", prefix + "3", prefix + "4"}
	imported := live.patients(t, ids...)
	for i, want := range []registry.Status{registry.Active, registry.Active, registry.Deceased, registry.Active} {
		if imported[i].Status() != want || imported[i].Facility() == "" {
			t.Errorf("%s is %s in %q", ids[i], imported[i].Status(), imported[i].Facility())
		}
	}
	kinds := map[string]int{}
	parts, err := live.registry.Parts(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range parts {
		kind, _, _ := strings.Cut(r.Ref.Part, "#")
		kinds[kind]++
	}
	if kinds["profile"] != 1 || kinds["VISIT"] != 2 || kinds["CLINICAL"] != 2 {
		t.Errorf("of the first patient there are %v", kinds)
	}

	ward := ward{facility: imported[0].Facility(), requester: live.person(t, staff.Staff, "ana.staff@example.org")}
	ward.managers[0] = live.person(t, staff.Manager, "priya.manager@example.org")

	// Given to another provider and back, record by record.
	ward.patients = ids
	successor := ward.employProvider(t, "successor-"+thisRun, 0, ward.facility)
	op := ward.plannedAs(t, "provider-reassignment", bulk.Params{"to": "one", "provider": successor, "visits": "reassign"}, ids...)
	if op.Plan.Changes != 4 || op.Plan.After[registry.ProviderField][successor] != 4 {
		t.Errorf("the plan of the reassignment is %+v", op.Plan)
	}
	for ref, fields := range ward.doAndUndo(t, op) {
		if ref.Part == registry.ProfilePart && fields[registry.ProviderField] != successor {
			t.Errorf("a patient is with %q after the reassignment", fields[registry.ProviderField])
		}
	}

	ward.patients = nil
	op = ward.approved(t, registry.Discharged)
	if op.Plan.Changes != 3 || op.Plan.ByReason[bulk.NotAllowed] != 1 || op.Plan.Visits != 1 {
		t.Errorf("the plan has %d changes, %d visits, left out %v", op.Plan.Changes, op.Plan.Visits, op.Plan.ByReason)
	}
	op = await(t, op.ID, bulk.Completed)
	for _, p := range live.patients(t, ids[0], ids[1], ids[3]) {
		if p.Status() != registry.Discharged || len(p.Visits()) != 0 || p.Stamp.Operation != op.ID {
			t.Errorf("%s is %s with the visits %v", p.ID(), p.Status(), p.Visits())
		}
	}
	awaitAudit(t, op.ID, 4) // three profiles and a visit

	// The files still say Active. What was done here since stands.
	before, stamps := live.patients(t, ids...), map[registry.Ref]time.Time{}
	for _, id := range ids {
		parts, err := live.registry.Parts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range parts {
			stamps[r.Ref] = r.Stamp.At
		}
	}
	if said, problems, code = bulkops(t, t.TempDir(), "import", dir); code != 0 {
		t.Fatalf("the repeat ended with %d: %s%s", code, said, problems)
	}
	for i, p := range live.patients(t, ids...) {
		if p.Status() != before[i].Status() || p.Stamp != before[i].Stamp {
			t.Errorf("the repeat changed %s to %s", p.ID(), p.Status())
		}
		parts, err := live.registry.Parts(t.Context(), p.ID())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range parts {
			if was, had := stamps[r.Ref]; !had || !was.Equal(r.Stamp.At) {
				t.Errorf("the repeat wrote %s of %s", r.Ref.Part, p.ID())
			}
		}
	}
}
