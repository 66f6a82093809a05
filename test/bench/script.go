package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// script is what a careful person writes who needs the change once: conditional updates, which
// neither undo somebody else's change nor touch a locked record. It keeps no record of what it did,
// cannot be stopped or repeated without thought, and nobody approved it.
type script struct {
	api      *dynamodb.Client
	table    string
	patients [][]registry.Record
	few      int // calls side by side
}

func newScript(d *database, table string, patients [][]registry.Record, few int) script {
	return script{dynamodb.NewFromConfig(d.config(), func(o *dynamodb.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = 64 // as the engine has it
		})
	}), table, patients, few}
}

const scriptName = "a script"

func text(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }

func isText(v types.AttributeValue, want string) bool {
	s, ok := v.(*types.AttributeValueMemberS)
	return ok && s.Value == want
}

// update is the smallest one that is safe.
func (s script) update(patient []registry.Record) types.Update {
	ref := patient[0].Ref
	return types.Update{
		TableName:                &s.table,
		Key:                      map[string]types.AttributeValue{"pk": text("PATIENT#" + ref.Patient), "sk": text(ref.Part)},
		UpdateExpression:         aws.String("SET #status = :to, hold_reason = :why, stamp_by = :by, stamp_at = :at"),
		ConditionExpression:      aws.String("#status = :from AND attribute_not_exists(locked_by)"),
		ExpressionAttributeNames: map[string]string{"#status": registry.StatusField},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":from": text(string(registry.Active)), ":to": text(string(registry.OnHold)), ":why": text(kind.HoldReasons[0]),
			":by": text(scriptName), ":at": text(time.Now().UTC().Format(time.RFC3339Nano)),
		},
	}
}

func (s script) singly(ctx context.Context) error {
	return side(s.few, len(s.patients), func(n int) error {
		u := s.update(s.patients[n])
		_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
			ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		// The SDK repeats a call whose answer was lost, and the repeat finds the change made. The
		// local AWS loses one answer in a thousand on a connection.
		if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) && isText(failed.Item["stamp_by"], scriptName) {
			return nil
		}
		return err
	})
}

// together sends the same updates in transactions as large as the engine's. No program that writes
// in transactions can be faster than that on a store.
func (s script) together(ctx context.Context) error {
	groups := slices.Collect(slices.Chunk(s.patients, 50))
	return side(s.few, len(groups), func(n int) error {
		var writes []types.TransactWriteItem
		for _, patient := range groups[n] {
			u := s.update(patient)
			writes = append(writes, types.TransactWriteItem{Update: &u})
		}
		_, err := s.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	})
}
