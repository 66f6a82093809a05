package browser_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/test/readers"
)

// Exports by two people, as Excel and as CSV: columns are unticked, a Team Lead
// approves, the passphrase is shown once, and the downloaded file opens with it.
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
	ana.untick("patient-list", "address", "insurance_member_id")
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
	inFile(t, readers.Python(t, readers.File{Path: file, Passphrase: passphrase})[0].Table(t, "Patients"), chosen)
	ana.visit("/operations/" + operation + "/passphrase")
	ana.sees("#shown-before", "is shown only once")
	ana.look("passphrase-before")
	ana.visit("/exports")
	ana.sees("#exports", operation, "Ready")
	ana.look("exports")

	csv := ana.asksForExport("List for the summer round of the ward.", chosen, "patient-list", "csv", "address")
	theo.visit("/operations/" + csv + "/decision")
	theo.press("#approve")
	ana.visit("/operations/" + csv)
	ana.waits("the CSV is there", isIn(bulk.Completed))
	ana.press("#to-passphrase")
	ana.press("#show")
	passphrase = ana.text("#passphrase")
	ana.press("#to-file")
	zip := readers.File{Path: ana.downloadsFile("#download", csv+".zip"), Passphrase: passphrase}
	inFile(t, readers.Python(t, zip)[0].Table(t, "Patients.csv"), chosen)
	text, err := readers.SevenZip(t, zip, "Patients.csv")
	if err != nil || strings.Count(string(text), "\r\n") != 1+len(chosen) {
		t.Errorf("7-Zip extracts %d bytes, %v", len(text), err)
	}

	// By now the audit has all of the first one: who, why, whose data, which file.
	ana.visit("/operations/" + operation + "/audit")
	ana.sees("#audit-record", "Ana Lindqvist", "Theo Lam", "Patients affected", "12", operation+".xlsx")
	ana.sees("#audit-changes", chosen[0], "Put into the file of an export")
	ana.look("audit-of-an-export")
	ana.visit("/patients/" + chosen[0])
	ana.sees("main", "History, newest first", "Put into the file of an export", operation, csv, "approved by Theo Lam")
	ana.look("patient-exported")

	// The time of the first is over: the file is gone, and every page says so.
	live.expireFile(t, operation)
	ana.visit("/operations/" + operation + "/file")
	ana.sees("#problem", "it was kept for")
	ana.lookAt("file-deleted", 410)
	ana.visit("/operations/" + operation)
	ana.sees("main", "File deleted")
	ana.look("export-deleted")
	ana.visit("/exports")
	ana.sees("#exports", operation, "Deleted")
	ana.look("exports-deleted")
}

// An export whose file cannot be written fails, says so on every page, and is
// offered to be run again.
func TestAFailedExportSaysSo(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	operation := ana.asksForExport("Medication review of the ward.", some(3, planFacility, registry.Active), "clinical-summary", "csv")
	live.denyFile(t, operation)

	theo := signedIn(t, "Theo Lam")
	theo.visit("/operations/" + operation + "/decision")
	theo.press("#approve")
	ana.visit("/operations/" + operation)
	ana.waits("the export has failed", isIn(bulk.FailedState))
	ana.sees("main", "There is no file, and no part of one.", "Tell your administrator, and ask again for the file.")
	ana.look("export-failed")
	ana.visit("/operations/" + operation + "/file")
	ana.sees("#problem", "has no file to download")
	ana.lookAt("file-failed", 404)
	ana.visit("/exports")
	ana.sees("#exports", operation, "Failed")
	ana.look("exports-failed")
}

// asksForExport asks for an export of patients without some columns, and returns
// the operation when it waits for a decision.
func (p *person) asksForExport(reason string, chosen []string, of, format string, without ...string) (operation string) {
	p.t.Helper()
	p.visit("/operations/new/export")
	p.choose("way-paste")
	p.press("#continue")
	p.set("#ids", strings.Join(chosen, "\n"))
	p.press("#continue")
	p.chooseNamed("type", of)
	p.chooseNamed("format", format)
	p.untick(of, without...)
	p.press("#continue")
	operation = p.seesThePlan()
	p.press("#to-submit")
	p.fillsInTheSubmission(reason)
	p.press("#submit")
	p.waits("the request is sent", isIn(bulk.AwaitingApproval))
	return operation
}

// untick leaves columns of patients out of an export.
func (p *person) untick(of string, columns ...string) {
	p.t.Helper()
	for _, column := range columns {
		p.click(`label[for="` + evaluate[string](p, `document.querySelector('input[value="`+of+`/patient.`+column+`"]').id`) + `"]`)
	}
}

// inFile sees that a table has the patients, with their telephone numbers and
// without their addresses.
func inFile(t *testing.T, rows [][]string, patients []string) {
	t.Helper()
	var got []string
	for _, row := range rows[1:] {
		got = append(got, row[0])
	}
	if !slices.Equal(got, patients) || slices.Contains(rows[0], "Address") || !slices.Contains(rows[0], "Phone") {
		t.Errorf("the file has the columns %q of %q, want %q", rows[0], got, patients)
	}
}

// expireFile lets the time of an export's file be over, and the watch delete it.
func (c *clinic) expireFile(t *testing.T, operation string) {
	t.Helper()
	op := c.operation(t, operation)
	op.File.Expires = time.Now().Add(-time.Second)
	if err := c.operations.Update(t.Context(), op, bulk.Event{At: time.Now(), What: "amended", Detail: "by the test"}); err != nil {
		t.Fatal(err)
	}
	if out, err := lambda.NewFromConfig(c.AWSConfig()).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(c.Resources["WatchFunction"]), Payload: []byte("{}")}); err != nil || out.FunctionError != nil {
		t.Fatalf("the watch failed: %v %s", err, out.Payload)
	}
}

// denyFile lets the bucket refuse the file of an operation until the test's end.
func (c *clinic) denyFile(t *testing.T, operation string) {
	t.Helper()
	files, bucket := s3.NewFromConfig(c.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true }), c.Outputs["ExportsBucket"]
	deployed, err := files.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Version   string
		Statement []any
	}
	if err := json.Unmarshal([]byte(aws.ToString(deployed.Policy)), &policy); err != nil {
		t.Fatal(err)
	}
	policy.Statement = append(policy.Statement, map[string]string{"Sid": "NotThisOne", "Effect": "Deny", "Principal": "*",
		"Action": "s3:PutObject", "Resource": "arn:aws:s3:::" + bucket + "/" + operation + "*"})
	strict, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	put := func(ctx context.Context, text string) {
		if _, err := files.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &text}); err != nil {
			t.Error(err)
		}
	}
	put(t.Context(), string(strict))
	t.Cleanup(func() { put(context.WithoutCancel(t.Context()), aws.ToString(deployed.Policy)) })
}
