package dynamo

import (
	"errors"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// The local servers report few of the reasons for which AWS cancels a
// transaction, so the table stands in for it. The group has three subjects, of
// which the second has two edits.
func TestReasonsOfACancelledGroup(t *testing.T) {
	subjects := []string{"a", "b", "b", "c"}
	const (
		none     = "None"
		changed  = "ConditionalCheckFailed"
		conflict = "TransactionConflict"
		throttle = "ThrottlingError"
		capacity = "ProvisionedThroughputExceeded"
		invalid  = "ValidationError"
		size     = "ItemCollectionSizeLimitExceeded"
	)
	refusal := func(changed, unwritable []string) error {
		return &engine.Refusal{Changed: changed, Unwritable: unwritable}
	}
	busy := fault.New(fault.Busy, "")
	for _, test := range []struct {
		name    string
		reasons []string // of the four edits, the result and the tally
		want    error
	}{
		{"one changed", []string{none, none, none, changed, none, none}, refusal([]string{"c"}, nil)},
		{"a subject's second edit", []string{none, none, changed, none, none, none}, refusal([]string{"b"}, nil)},
		{"both edits of a subject", []string{changed, changed, changed, none, none, none}, refusal([]string{"a", "b"}, nil)},
		{"too large", []string{none, invalid, none, size, none, none}, refusal(nil, []string{"b", "c"})},
		{"changed and too large", []string{changed, invalid, none, none, none, none}, refusal([]string{"a"}, []string{"b"})},
		{"changed and too large, in one subject", []string{none, invalid, changed, none, none, none}, refusal([]string{"b"}, nil)},
		{"recorded", []string{none, none, none, none, changed, changed}, engine.ErrRecorded},
		{"recorded, and so changed by ourselves", []string{changed, changed, changed, changed, changed, changed}, engine.ErrRecorded},
		{"recorded, while others are in the way", []string{conflict, none, none, changed, changed, none}, engine.ErrRecorded},
		{"conflict", []string{none, none, none, conflict, none, none}, busy},
		{"conflict of the result: the same group is under way", []string{changed, none, none, none, conflict, conflict}, busy},
		{"changed and conflict", []string{changed, none, none, conflict, none, none}, busy},
		{"throttled", []string{throttle, capacity, none, none, none, none}, busy},
		{"throttled and too large", []string{throttle, none, none, invalid, none, none}, busy},
		{"reasons left out", nil, busy},
		{"a result that cannot be written", []string{none, none, none, none, invalid, none}, fault.New(fault.Internal, "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			cancelled := &types.TransactionCanceledException{}
			for _, code := range test.reasons {
				cancelled.CancellationReasons = append(cancelled.CancellationReasons, types.CancellationReason{Code: &code})
			}
			got := judge(cancelled, cancelled.CancellationReasons, subjects)
			if f := (*fault.Error)(nil); errors.As(test.want, &f) {
				if !fault.Is(got, f.Code) {
					t.Fatalf("got %v, want the fault %s", got, f.Code)
				}
				return
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Fatalf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
