package browser_test

import (
	"slices"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/test/readers"
)

// An export by two people: columns are unticked, a Team Lead approves, the
// passphrase is shown once, and the downloaded file opens with it.
func TestTwoPeopleExportPatients(t *testing.T) {
	t.Parallel()
	chosen := some(12, planFacility, registry.Active)
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/exports")
	ana.look("exports-none")
	ana.visit("/operations/new/export")
	ana.choose("way-paste")
	ana.press("#continue")
	ana.set("#ids", strings.Join(chosen, "\n"))
	ana.press("#continue")
	ana.look("what-export")
	ana.press("#continue")
	ana.isToldOf("type", "format")
	ana.lookAt("what-export-nothing-chosen", 422)
	ana.chooseNamed("type", "patient-list")
	ana.chooseNamed("format", "excel")
	for _, column := range []string{"address", "insurance_member_id"} {
		ana.click(`label[for="` + evaluate[string](ana, `document.querySelector('input[value="patient-list/patient.`+column+`"]').id`) + `"]`)
	}
	ana.lookAt("what-export-patient-list", 422)
	ana.press("#continue")
	operation := ana.seesThePlan()
	ana.sees("main", "Export Patient List as Excel without Address, Insurance member id", "12\npatients to export", "12\nrows in a file of roughly")
	ana.look("export-plan")
	ana.press("#to-submit")
	ana.fillsInTheSubmission("List for the winter round of the ward.")
	ana.look("export-submit")
	ana.press("#submit")
	ana.waits("the request is sent", isIn(bulk.AwaitingApproval))

	theo := signedIn(t, "Theo Lam")
	theo.visit("/operations/" + operation + "/decision")
	theo.sees("#verdict", "Approve the export of 12 patients")
	theo.look("export-decision")
	theo.press("#approve")
	ana.visit("/operations/" + operation)
	ana.waits("the file is there", isIn(bulk.Completed))
	ana.sees("#file", operation+".xlsx", "12 rows of patients", "not shown yet")
	ana.look("export-completed")
	ana.press("#to-passphrase")
	ana.look("passphrase")
	ana.press("#show")
	passphrase := ana.text("#passphrase")
	ana.look("passphrase-shown")
	ana.press("#to-file")
	ana.look("file")
	file := ana.downloadsFile("#download", operation+".xlsx")
	content := readers.Python(t, readers.File{Path: file, Passphrase: passphrase})[0]
	if content.Error != "" {
		t.Fatalf("the file cannot be opened: %s", content.Error)
	}
	rows := content.Table(t, "Patients")
	var got []string
	for _, row := range rows[1:] {
		got = append(got, row[0])
	}
	if !slices.Equal(got, chosen) || slices.Contains(rows[0], "Address") || !slices.Contains(rows[0], "Phone") {
		t.Errorf("the file has the columns %q of %q, want %q", rows[0], got, chosen)
	}
	ana.visit("/operations/" + operation + "/passphrase")
	ana.sees("#shown-before", "is shown only once")
	ana.look("passphrase-before")
	ana.visit("/exports")
	ana.sees("#exports", operation, "Ready")
	ana.look("exports")
}
