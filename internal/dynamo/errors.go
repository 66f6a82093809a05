package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"bulkops/internal/fault"
)

// busyCodes are the refusals that pass by themselves. This call has written
// nothing.
var busyCodes = []string{
	"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "ThrottlingException", "ThrottlingError",
	"Throttling", "RequestLimitExceeded",
	"TransactionConflictException", "TransactionConflict", "TransactionInProgressException", "ReplicatedWriteConflictException",
}

func codeOf(err error) string {
	if api := smithy.APIError(nil); errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func refusedForNow(err error) bool { return slices.Contains(busyCodes, codeOf(err)) }

// conditionFailed reports that a single conditional write found its condition false.
func conditionFailed(err error) bool {
	failed := (*types.ConditionalCheckFailedException)(nil)
	return errors.As(err, &failed)
}

// refusedForGood reports that DynamoDB answered, understood, and wrote nothing.
func refusedForGood(err error) bool {
	response := (*awshttp.ResponseError)(nil)
	return codeOf(err) != "" && errors.As(err, &response) &&
		response.HTTPStatusCode() >= http.StatusBadRequest && response.HTTPStatusCode() < http.StatusInternalServerError
}

func busy(err error, what string) error {
	return fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Busy, "The database is busy at the moment. Try again.")
}

// failed wraps the error of a read, or of a write that may be repeated without
// harm: what may pass by itself is Busy.
func failed(err error, what string) error {
	passes := refusedForNow(err) || !refusedForGood(err)
	if passes && !givenUp(err) {
		return busy(err, what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// givenUp reports that the caller's context ended. A call that got no answer in
// callTimeout is a context.DeadlineExceeded too, but may be repeated.
func givenUp(err error) bool {
	call, cancelled := (*smithy.OperationError)(nil), (*smithy.CanceledError)(nil)
	if errors.As(err, &call) {
		return errors.As(err, &cancelled)
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// written wraps the error of a write that must not be repeated blindly: only
// what surely wrote nothing is Busy, the rest says nothing about the outcome.
func written(err error, what string) error {
	if refusedForNow(err) {
		return busy(err, what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// pause waits a random time that grows with the number of tries, up to a
// second, or until ctx ends.
func pause(ctx context.Context, try int) error {
	wait := time.NewTimer(rand.N(min(25*time.Millisecond<<min(try, 10), time.Second)))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}
