// Package stepfunctions is the engine's state machine on AWS Step Functions.
package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"bulkops/internal/engine"
)

// Machine starts executions of one state machine and answers their waits.
type Machine struct {
	api *sfn.Client
	arn string
}

var _ engine.Machine = (*Machine)(nil)

// New returns the state machine with the ARN; "" where only Succeed is called:
// a token alone says which execution waits.
func New(cfg aws.Config, arn string) *Machine { return &Machine{sfn.NewFromConfig(cfg), arn} }

// Start names the execution after the operation, so a second start finds the
// first one, for 90 days after its end too. Of one that runs with the same input
// Step Functions says that it was started.
func (m *Machine) Start(ctx context.Context, operation string) (runs bool, err error) {
	input, err := json.Marshal(map[string]string{"operation": operation})
	if err != nil {
		return false, err
	}
	_, err = m.api.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &m.arn, Name: &operation, Input: aws.String(string(input)),
	})
	if exists := (*types.ExecutionAlreadyExists)(nil); errors.As(err, &exists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("start the state machine: %w", err)
	}
	return true, nil
}

// Succeed cannot tell a wait that was answered before from one that has ended:
// Step Functions reports both as timed out.
func (m *Machine) Succeed(ctx context.Context, token string, output any) error {
	text, err := json.Marshal(output)
	if err != nil {
		return err
	}
	_, err = m.api.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String(string(text))})
	var (
		timedOut *types.TaskTimedOut
		gone     *types.TaskDoesNotExist
		invalid  *types.InvalidToken
	)
	switch {
	case errors.As(err, &timedOut), errors.As(err, &gone), errors.As(err, &invalid):
		return engine.ErrNoWait
	case err != nil:
		return fmt.Errorf("answer the state machine: %w", err)
	}
	return nil
}

// Alive asks for the one execution that the operation can have.
func (m *Machine) Alive(ctx context.Context, operation string) (bool, error) {
	execution := strings.Replace(m.arn, ":stateMachine:", ":execution:", 1) + ":" + operation
	out, err := m.api.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &execution})
	if none := (*types.ExecutionDoesNotExist)(nil); errors.As(err, &none) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the state machine: %w", err)
	}
	return out.Status == types.ExecutionStatusRunning, nil
}
