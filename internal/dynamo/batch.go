package dynamo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	keysPerRead    = 100 // AWS, BatchGetItem
	itemsPerWrite  = 25  // AWS, BatchWriteItem
	callsInFlight  = 4
	fruitlessTries = 10 // rounds without progress, after which a batch is given up
)

var errNoProgress = errors.New("DynamoDB leaves items unprocessed")

// readAll reads the items that exist among the keys, in any number and with
// repetitions, and hands each once to found, in no order, one at a time.
func (c *Client) readAll(ctx context.Context, table string, keys []key, consistent bool, found func(item)) error {
	seen := make(map[key]bool, len(keys))
	wanted := make([]item, 0, len(keys))
	for _, k := range keys {
		if !seen[k] && k.possible() {
			seen[k] = true
			wanted = append(wanted, k.item())
		}
	}
	var one sync.Mutex
	return inFlight(ctx, callsInFlight, slices.Collect(slices.Chunk(wanted, keysPerRead)), func(ctx context.Context, keys []item) error {
		for try := 0; ; try++ {
			out, err := c.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems:           map[string]types.KeysAndAttributes{table: {Keys: keys, ConsistentRead: &consistent}},
				ReturnConsumedCapacity: c.Meter.wanted(),
			})
			if err != nil {
				return err
			}
			c.Meter.read(each(out.ConsumedCapacity)...)
			one.Lock()
			for _, i := range out.Responses[table] {
				found(i)
			}
			one.Unlock()
			left := out.UnprocessedKeys[table].Keys
			if len(left) == 0 {
				return nil
			}
			if len(left) < len(keys) {
				try = 0
			}
			if try == fruitlessTries {
				return errNoProgress
			}
			keys = left
			if err := pause(ctx, try); err != nil {
				return err
			}
		}
	})
}

// writeAll puts the items, which have different keys, in any number and order.
func (c *Client) writeAll(ctx context.Context, table string, items []item) error {
	return inFlight(ctx, callsInFlight, slices.Collect(slices.Chunk(items, itemsPerWrite)), func(ctx context.Context, items []item) error {
		requests := make([]types.WriteRequest, len(items))
		for i := range items {
			requests[i].PutRequest = &types.PutRequest{Item: items[i]}
		}
		for try := 0; ; try++ {
			out, err := c.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
				RequestItems:           map[string][]types.WriteRequest{table: requests},
				ReturnConsumedCapacity: c.Meter.wanted(),
			})
			if err != nil {
				return err
			}
			c.Meter.write(each(out.ConsumedCapacity)...)
			left := out.UnprocessedItems[table]
			if len(left) == 0 {
				return nil
			}
			if len(left) < len(requests) {
				try = 0
			}
			if try == fruitlessTries {
				return errNoProgress
			}
			requests = left
			if err := pause(ctx, try); err != nil {
				return err
			}
		}
	})
}

// inFlight runs call on every part, at most limit at a time, and returns the
// first error, after which it begins no further call.
func inFlight[T any](ctx context.Context, limit int, parts []T, call func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free := make(chan struct{}, limit)
	var all sync.WaitGroup
	for _, part := range parts {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-free }()
			if err := call(ctx, part); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
