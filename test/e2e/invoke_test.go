package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/s3"
)

// sampleOperation is the operation that the files in events/ name.
const sampleOperation = "OP-SAMPLE-0001"

// idle is a state machine that runs nothing: the test takes every step itself.
type idle struct{ engine.Machine }

func (idle) Start(context.Context, string) (bool, error) { return true, nil }
func (idle) Succeed(context.Context, string, any) error  { return nil }

// Every function runs in a container with its file in events/, and does its
// real work: the steps of the state machine take an operation through its life.
func TestEveryFunctionRunsInAContainerWithItsEvent(t *testing.T) {
	t.Parallel()
	w := newWard(t, "invoke", 3, 1)
	ctx := t.Context()
	invoke := func(function string, into any) {
		t.Helper()
		var log strings.Builder
		answer, err := live.InvokeLocal(ctx, function, "../../events/"+function+".json", &log)
		if err != nil {
			t.Fatalf("%v\n%s", err, log.String())
		}
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("the function %s answered %s: %v\n%s", function, answer, err, log.String())
		}
	}

	var page struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if invoke("portal", &page); page.StatusCode != 303 || !strings.HasPrefix(page.Headers["Location"], "/sign-in") {
		t.Errorf("the portal answers a stranger %d %v", page.StatusCode, page.Headers)
	}
	if invoke("api", &page); page.StatusCode != 200 || !strings.Contains(page.Body, `"openapi":"3.1`) {
		t.Errorf("the API answers %d %.200s", page.StatusCode, page.Body)
	}

	e := live.engine(t)
	e.Machine, e.NewID = idle{}, func(time.Time) string { return sampleOperation }
	forget(t, sampleOperation)
	_, err := e.Request(ctx, w.requester, engine.Request{
		Kind: "status-change", Params: change(registry.Inactive), Key: "the sample operation " + thisRun,
		Selection: bulk.Selection{Source: bulk.Pasted, IDs: w.patients},
	})
	if err != nil {
		t.Fatal(err)
	}
	state := func(want bulk.State) bulk.Operation {
		t.Helper()
		op, err := live.operations.Operation(ctx, sampleOperation)
		if err != nil {
			t.Fatal(err)
		}
		if op.State != want {
			t.Fatalf("the operation is %s (%s), want %s", op.State, op.Cause, want)
		}
		return op
	}

	invoke("plan", &struct{}{})
	op := state(bulk.Ready)
	if op.Plan.Changes != 3 || op.Plan.Visits != 3 {
		t.Errorf("the plan has %d changes and %d visits", op.Plan.Changes, op.Plan.Visits)
	}

	invoke("ask", &struct{}{})
	var event struct{ Token string }
	text, err := os.ReadFile("../../events/ask.json")
	if err != nil || json.Unmarshal(text, &event) != nil {
		t.Fatalf("read the event: %v", err)
	}
	if token, stored, err := live.operations.Token(ctx, sampleOperation, engine.WaitReview); err != nil || !stored || token != event.Token {
		t.Errorf("ask has not stored the event's token: %v", err)
	}

	if op, err = e.Submit(ctx, w.requester, op.ID, submission(op)); err != nil {
		t.Fatal(err)
	}
	decide(t, e, w.managers[0], op, bulk.Approve)
	var verified engine.Verified
	if invoke("verify", &verified); !verified.OK || len(verified.Batches) != 1 {
		t.Fatalf("verify answers %+v", verified)
	}
	state(bulk.Running)

	var tally bulk.Tally
	if invoke("execute", &tally); tally != (bulk.Tally{Done: 3}) {
		t.Errorf("execute answers %+v", tally)
	}
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() != registry.Inactive || p.Stamp.Operation != sampleOperation {
			t.Errorf("%s is %s, stamped by %q", p.ID(), p.Status(), p.Stamp.Operation)
		}
	}

	var finished struct{ State bulk.State }
	if invoke("finish", &finished); finished.State != bulk.Completed {
		t.Errorf("finish answers %+v", finished)
	}
	if op := state(bulk.Completed); op.Final != (bulk.Tally{Done: 3}) {
		t.Errorf("counts at the end are %+v", op.Final)
	}

	made := exportedInContainer(t, w, invoke)
	if made != (bulk.Tally{Done: 3}) {
		t.Errorf("export answers %+v", made)
	}

	var reported struct{ BatchItemFailures []any }
	if invoke("audit", &reported); len(reported.BatchItemFailures) != 0 {
		t.Errorf("audit reports %+v", reported)
	}
	byHand := 0
	var delivered struct {
		Records []struct {
			EventID  string `json:"eventID"`
			Dynamodb struct {
				Keys map[string]struct{ S string }
			} `json:"dynamodb"`
		}
	}
	if text, err = os.ReadFile("../../events/audit.json"); err != nil || json.Unmarshal(text, &delivered) != nil {
		t.Fatalf("read the event: %v", err)
	}
	for _, r := range collect(t, live.audit.ForPatient(ctx, strings.TrimPrefix(delivered.Records[0].Dynamodb.Keys["pk"].S, "PATIENT#"))) {
		if r.Unique == delivered.Records[0].EventID && r.Type == audit.Change {
			byHand++
		}
	}
	if byHand != 1 {
		t.Errorf("the event's change is audited %d times", byHand)
	}

	// The mail of the event belongs to no message of this operation: nothing is written.
	invoke("bounce", &struct{}{})
	if op, err := live.operations.Operation(ctx, sampleOperation); err != nil || len(op.Bounced) > 0 {
		t.Errorf("%v came back, error %v", op.Bounced, err)
	}

	var swept engine.Swept
	if invoke("watch", &swept); swept.Looked < 0 {
		t.Errorf("watch answers %+v", swept)
	}

	sealed := struct{ Sealed int }{-1}
	if invoke("seal", &sealed); sealed.Sealed < 0 {
		t.Errorf("seal answers %+v", sealed)
	}
}

// exportedInContainer takes an export of the event's name up to its run, and
// lets the function run it.
func exportedInContainer(t *testing.T, w ward, invoke func(string, any)) (tally bulk.Tally) {
	t.Helper()
	ctx := t.Context()
	e := live.engine(t)
	e.Machine, e.NewID = idle{}, func(time.Time) string { return sampleOperation }
	forget(t, sampleOperation)
	if err := s3.New(live.AWSConfig(), live.Outputs["ExportsBucket"]).Delete(ctx, sampleOperation); err != nil {
		t.Fatal(err)
	}
	of, _ := kind.FindExport("patient-list")
	op, err := e.Request(ctx, w.requester, engine.Request{Kind: "export", Params: exports(of, kind.FormatCSV), Key: "the sample export " + thisRun,
		Selection: bulk.Selection{Source: bulk.Pasted, IDs: w.patients}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Plan(ctx, op.ID); err != nil {
		t.Fatal(err)
	}
	if op, err = live.operations.Operation(ctx, op.ID); err != nil {
		t.Fatal(err)
	}
	if op, err = e.Submit(ctx, w.requester, op.ID, submission(op)); err != nil {
		t.Fatal(err)
	}
	decide(t, e, w.managers[0], op, bulk.Approve)
	if verified, err := e.Verify(ctx, op.ID); err != nil || !verified.Export {
		t.Fatalf("%+v %v", verified, err)
	}
	invoke("export", &tally)
	if op, err = live.operations.Operation(ctx, op.ID); err != nil || op.File == nil || op.File.Patients != 3 {
		t.Errorf("after the export: %+v %v", op.File, err)
	}
	return tally
}

// forget removes what an earlier run on a kept stack left of an operation.
func forget(t *testing.T, operation string) {
	t.Helper()
	table := aws.String(live.Outputs["OperationsTable"])
	found, err := live.database.Query(t.Context(), &dynamodb.QueryInput{
		TableName: table, KeyConditionExpression: aws.String("pk = :pk"), ProjectionExpression: aws.String("pk, sk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: "OP#" + operation}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range found.Items {
		if _, err := live.database.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: table, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
}
