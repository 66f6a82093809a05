package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"bulkops/internal/bulk"
	"bulkops/internal/sample"
)

// history returns everything that Step Functions has of an operation's
// execution and of the children that ran its batches, as JSON texts.
func (c *clinic) history(t *testing.T, operation string) []string {
	t.Helper()
	ctx := t.Context()
	arns := []string{strings.Replace(c.Outputs["StateMachineArn"], ":stateMachine:", ":execution:", 1) + ":" + operation}
	runs, err := c.executions.ListMapRuns(ctx, &sfn.ListMapRunsInput{ExecutionArn: &arns[0]})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range runs.MapRuns {
		children := sfn.NewListExecutionsPaginator(c.executions, &sfn.ListExecutionsInput{MapRunArn: run.MapRunArn})
		for children.HasMorePages() {
			page, err := children.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, child := range page.Executions {
				arns = append(arns, aws.ToString(child.ExecutionArn))
			}
		}
	}
	var texts []string
	add := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, arn := range arns {
		described, err := c.executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		add([]any{described.Name, described.Input, described.Output, described.Cause, described.Error})
		events := sfn.NewGetExecutionHistoryPaginator(c.executions, &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, IncludeExecutionData: aws.Bool(true)})
		for events.HasMorePages() {
			page, err := events.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range page.Events {
				add(event)
			}
		}
	}
	return texts
}

// onlyCounts checks that the state machine has learned ids of the operation,
// numbers and codes, and nothing about a patient; and that no state comes near
// the limit of 256 KiB, which the local AWS does not know.
func onlyCounts(t *testing.T, op bulk.Operation, w ward) {
	t.Helper()
	texts := live.history(t, op.ID)
	counted := false
	for _, text := range texts {
		if len(text) > 64<<10 {
			t.Errorf("an event of the state machine has %d bytes", len(text))
		}
		for _, secret := range append([]string{sample.Canary, "ward-", "Active", "Discharged"}, w.patients...) {
			if strings.Contains(text, secret) {
				t.Fatalf("the state machine has %q: %.500s", secret, text)
			}
		}
		counted = counted || strings.Contains(text, `\"done\":`) || strings.Contains(text, `\"done\": `)
	}
	if len(texts) < 20 || !counted {
		t.Errorf("the state machine has %d events, with counts %v: that is not the whole history", len(texts), counted)
	}
}
