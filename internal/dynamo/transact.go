package dynamo

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A cancelled transaction's reasons, one for each of its actions, in order
// (AWS, TransactWriteItems). Busy ones are in busyCodes.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonValidation = "ValidationError"
	reasonSize       = "ItemCollectionSizeLimitExceeded"
)

// cancelled returns the reason of each action when err is a cancelled
// transaction, which wrote nothing.
func cancelled(err error) ([]types.CancellationReason, bool) {
	c := (*types.TransactionCanceledException)(nil)
	if !errors.As(err, &c) {
		return nil, false
	}
	return c.CancellationReasons, true
}

func is(reason types.CancellationReason, code string) bool { return aws.ToString(reason.Code) == code }

// passes reports that the reasons hold at least one that will pass by itself.
func passes(reasons []types.CancellationReason) bool {
	for _, r := range reasons {
		for _, code := range busyCodes {
			if is(r, code) {
				return true
			}
		}
	}
	return false
}

// transact writes the items together, in as many as tries calls while others
// are in the way or an answer is lost. All carry one token, by which DynamoDB
// knows a repeat of what it has written. After a lost answer an error other
// than a cancellation says nothing about the outcome.
func (c *Client) transact(ctx context.Context, writes []types.TransactWriteItem, tries int) error {
	if c.Meter.oneByOne() {
		return c.transactedOneByOne(ctx, writes)
	}
	in := &dynamodb.TransactWriteItemsInput{
		TransactItems:          writes,
		ClientRequestToken:     aws.String(rand.Text()),
		ReturnConsumedCapacity: c.Meter.wanted(),
	}
	var lost error
	for try := 1; ; try++ {
		out, err := c.api.TransactWriteItems(ctx, in, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
		if err == nil {
			c.Meter.write(each(out.ConsumedCapacity)...)
			return nil
		}
		reasons, wasCancelled := cancelled(err)
		again := refusedForNow(err) || wasCancelled && passes(reasons)
		if !again && !refusedForGood(err) {
			lost, again = err, true
		}
		if !again || try >= tries || pause(ctx, try) != nil {
			if lost != nil && again {
				return lost
			}
			return err
		}
	}
}

func putIfNew(table string, i item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)")}}
}
