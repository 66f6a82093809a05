package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
	"bulkops/internal/bucket"
	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// today returns today's audit records that fit, newest first.
func today(t *testing.T, fits func(audit.Record) bool) []audit.Record {
	t.Helper()
	day := time.Now().UTC().Format(time.DateOnly)
	return slices.DeleteFunc(collect(t, live.audit.Backwards(t.Context(), audit.Trail{By: audit.ByDay, Key: day}, "")), func(r audit.Record) bool { return !fits(r) })
}

// A journey through portal and API, from the sign-in to the download, leaves
// every event that must be audited: who, when, from where, about what, and what
// became of it. So does who tries after the access was taken away.
func TestAJourneyLeavesEveryRequiredEvent(t *testing.T) {
	t.Parallel()
	w := newWard(t, "journey", 2, 0)
	nora := hire(t, "Journey-Nora", staff.Staff, w.facility)
	w.requester = nora
	elsewhere := newWard(t, "elsewhere", 1, 0)

	browser := signIn(t, nora.Email, "/patients")
	browser.send(browser.page.Form("Search").Fill("Name or patient id", w.patients[0]))
	browser.open("/patients/" + w.patients[0])
	browser.open("/patients/" + elsewhere.patients[0])
	browser.isStatus(http.StatusNotFound)
	browser.whoPage("Upload a CSV file")
	browser.send(browser.page.Form("Continue").Attach("CSV file", "list.csv", []byte("patient_id\n"+strings.Join(w.patients, "\n")+"\n")))
	op := w.submitted(t, registry.Inactive, w.patients...)
	browser.open("/operations/" + op.ID)
	browser.open("/operations/" + op.ID + "/decision")
	browser.isStatus(http.StatusForbidden)
	decide(t, live.engine(t), w.managers[0], op, bulk.Approve)
	await(t, op.ID, bulk.Completed)
	browser.open("/operations/" + op.ID + "/outcomes.csv")
	browser.open("/operations/" + op.ID + "/audit")
	terminal := signInToAPI(t, nora.Email)
	if status, problem := terminal.do(t, "POST", "/patients/search", map[string]any{}, &struct{}{}); status != http.StatusOK {
		t.Errorf("%d %+v", status, problem)
	}
	browser.press("Sign out")
	nora.Role, nora.Disabled = staff.TeamLead, true
	put(t, nora)
	signIn(t, nora.Email, "/patients").isStatus(http.StatusForbidden)

	type event struct {
		what   string
		result audit.Result
		about  string // operation or patient
	}
	required := []event{
		{audit.SignIn, audit.Done, ""}, {audit.PatientsListed, audit.Done, ""}, {audit.PatientsSearched, audit.Done, ""},
		{audit.PatientViewed, audit.Done, w.patients[0]}, {audit.PatientViewed, audit.Refused, ""},
		{audit.FileUploaded, audit.Done, ""}, {audit.OperationViewed, audit.Done, op.ID}, {audit.Viewed, audit.Refused, ""},
		{audit.FileDownloaded, audit.Done, op.ID}, {audit.AuditViewed, audit.Done, op.ID}, {audit.PatientsSearched, audit.Done, ""}, {audit.SignOut, audit.Done, ""},
		{audit.SignIn, audit.Refused, ""},
	}
	accesses := today(t, func(r audit.Record) bool { return r.Type == audit.Access && r.Operator.Sub == nora.Sub })
	slices.Reverse(accesses)
	next := 0
	for _, r := range accesses {
		if r.Source == "" || r.Request == "" || r.Result == "" || r.Operator.Name != "Journey-Nora" || time.Since(r.At) > time.Hour {
			t.Errorf("an access says too little: %+v", r)
		}
		if next < len(required) && required[next] == (event{r.What, r.Result, r.Operation + r.Patient}) {
			next++
		}
	}
	if next < len(required) {
		t.Errorf("%+v is not among what is written down, after those before it: %+v", required[next], accesses)
	}

	var happened []string
	eventually(t, "everything that happened to the operation is audited", func() bool {
		happened = nil
		changes := 0
		for _, r := range collect(t, live.audit.ForOperation(t.Context(), op.ID)) {
			if r.Type == audit.Change {
				changes++
			} else {
				happened = append(happened, r.What)
			}
		}
		return changes == len(w.patients) && slices.Contains(happened, "completed")
	})
	for _, what := range []string{"requested", "planned", "submitted", "approved", "started", "completed"} {
		if !slices.Contains(happened, what) {
			t.Errorf("%s is not among what happened: %v", what, happened)
		}
	}
	eventually(t, "the change of rights is audited", func() bool {
		return len(today(t, func(r audit.Record) bool {
			return r.Part == "STAFF#"+nora.Sub+"#STAFF" && r.New["role"] == string(staff.TeamLead)
		})) == 1
	})
}

// What a stream gave up is shown to auditors, and written by the command: once.
func TestWhatCouldNotBeAuditedIsRedriven(t *testing.T) {
	t.Parallel()
	w := newWard(t, "redriven", 1, 0)
	text := events.NewStringAttribute
	keys := map[string]events.DynamoDBAttributeValue{"pk": text("PATIENT#" + w.patients[0]), "sk": text(registry.ProfilePart)}
	is := map[string]events.DynamoDBAttributeValue{"pk": keys["pk"], "sk": keys["sk"], registry.Language: text("Spanish"), "stamp_by": text("Rita")}
	payload, err := json.Marshal(events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{{EventID: "parked-" + w.patients[0], EventName: "MODIFY",
		Change: events.DynamoDBStreamRecord{ApproximateCreationDateTime: events.SecondsEpochTime{Time: time.Now().Truncate(time.Second)}, Keys: keys, NewImage: is, SequenceNumber: "1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(map[string]any{"version": "1.0", "payload": string(payload)})
	if err != nil {
		t.Fatal(err)
	}
	files := bucket.New(live.AWSConfig(), live.Outputs["AuditFailuresBucketName"])
	if err := files.Put(t.Context(), fmt.Sprintf("aws/lambda/test/%d", time.Now().UnixNano()), kept); err != nil {
		t.Fatal(err)
	}
	omar := signIn(t, "omar.auditor@example.org", "/audit")
	omar.reads("Needs attention", "1 delivery of changes", "bulkops audit redrive")
	for _, want := range []string{"1 record written into the audit, from 1 delivery.", "0 records written into the audit, from 0 deliveries."} {
		said, problems, code := bulkops(t, t.TempDir(), "audit", "redrive")
		if code != 0 || !strings.Contains(said, want) {
			t.Fatalf("%d %s %s", code, said, problems)
		}
	}
	if written := slices.DeleteFunc(collect(t, live.audit.ForPatient(t.Context(), w.patients[0])), func(r audit.Record) bool { return !strings.HasPrefix(r.Unique, "parked-") }); len(written) != 1 || written[0].Operator.Name != "Rita" {
		t.Errorf("written is %+v", written)
	}
	omar.open("/audit")
	if omar.page.Says("Needs attention") {
		t.Error("it still needs attention")
	}
}
