package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"bulkops/internal/bulk"
	"bulkops/internal/sample"
)

// history returns everything that Step Functions has of an operation's
// execution and of the children that ran its batches, as JSON texts.
func (c *clinic) history(ctx context.Context, operation string) ([]string, error) {
	arns := []string{strings.Replace(c.Outputs["StateMachineArn"], ":stateMachine:", ":execution:", 1) + ":" + operation}
	runs, err := c.executions.ListMapRuns(ctx, &sfn.ListMapRunsInput{ExecutionArn: &arns[0]})
	if err != nil {
		return nil, fmt.Errorf("list the map runs: %w", err)
	}
	for _, run := range runs.MapRuns {
		children := sfn.NewListExecutionsPaginator(c.executions, &sfn.ListExecutionsInput{MapRunArn: run.MapRunArn})
		for children.HasMorePages() {
			page, err := children.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list the children: %w", err)
			}
			for _, child := range page.Executions {
				arns = append(arns, aws.ToString(child.ExecutionArn))
			}
		}
	}
	var texts []string
	for _, arn := range arns {
		described, err := c.executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		if err != nil {
			return nil, fmt.Errorf("describe an execution: %w", err)
		}
		all := []any{[]*string{described.Name, described.Input, described.Output, described.Cause, described.Error}}
		events := sfn.NewGetExecutionHistoryPaginator(c.executions, &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, IncludeExecutionData: aws.Bool(true)})
		for events.HasMorePages() {
			page, err := events.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("read the history: %w", err)
			}
			for _, event := range page.Events {
				all = append(all, event)
			}
		}
		for _, one := range all {
			text, err := json.Marshal(one)
			if err != nil {
				return nil, err
			}
			texts = append(texts, string(text))
		}
	}
	return texts, nil
}

// onlyCounts checks that the state machine has learned ids of the operation,
// numbers and codes, and nothing about a patient; and that no state comes near
// the limit of 256 KiB, which the local AWS does not know.
func onlyCounts(t *testing.T, op bulk.Operation, w ward) {
	t.Helper()
	texts, err := live.history(t.Context(), op.ID)
	if err != nil {
		t.Fatal(err)
	}
	tallies := 0
	for _, text := range texts {
		if len(text) > 64<<10 {
			t.Errorf("an event of the state machine has %d bytes", len(text))
		}
		for _, told := range append([]string{sample.Canary, w.facility, op.Plan.Digest, "Active", "Discharged"}, w.patients...) {
			if strings.Contains(text, told) {
				t.Fatalf("the state machine has %q: %.500s", told, text)
			}
		}
		if strings.Contains(text, `\"done\":`) {
			tallies++
		}
	}
	if tallies < op.Plan.Batches {
		t.Errorf("the counts of %d batches come %d times in the state machine's history: that is not the whole of it", op.Plan.Batches, tallies)
	}
}
