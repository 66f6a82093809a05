// Package dynamo keeps everything in DynamoDB behind the ports of package
// engine. What the tables hold, item by item, stands in keys.go; template.yaml
// declares them, and tables.go repeats their keys for tests.
//
// Errors say what was attempted, never with which values: an id of a patient
// in an error would end up in a log.
package dynamo

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Client is a connection to DynamoDB, shared by the stores of a process.
type Client struct {
	api *dynamodb.Client
	// Meter, when set before the first call, counts the capacity that calls consume.
	Meter *Meter
}

// callTimeout ends a call that got no answer; DynamoDB answers in milliseconds,
// and a function has better things to do with its time than to wait.
const callTimeout = 8 * time.Second

// NewClient makes a client. It tries a call a few times, with jitter; a
// transaction only once, because transact knows which repeats are safe.
func NewClient(cfg aws.Config) *Client {
	return &Client{api: dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts = 4
			s.MaxBackoff = time.Second / 2
		})
		if plain, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = plain.WithTimeout(callTimeout).WithTransportOptions(func(t *http.Transport) {
				t.MaxIdleConnsPerHost = 64 // as many as calls in flight: a new connection costs more than the call
			})
		}
	})}
}

// item is one stored item.
type item = map[string]types.AttributeValue

// get reads the latest version of an item, nil where there is none.
func (c *Client) get(ctx context.Context, table string, k key) (item, error) {
	out, err := c.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: k.item(), ConsistentRead: aws.Bool(true), ReturnConsumedCapacity: c.Meter.wanted(),
	})
	if err != nil {
		return nil, err
	}
	c.Meter.read(out.ConsumedCapacity)
	return out.Item, nil
}

// put writes an item where the condition holds; "" writes it always. When it
// does not hold, the error carries the item that is there.
func (c *Client) put(ctx context.Context, table string, i item, condition string) error {
	in := &dynamodb.PutItemInput{TableName: &table, Item: i, ReturnConsumedCapacity: c.Meter.wanted()}
	if condition != "" {
		in.ConditionExpression = &condition
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	out, err := c.api.PutItem(ctx, in)
	if err != nil {
		return err
	}
	c.Meter.write(out.ConsumedCapacity)
	return nil
}

// remove deletes an item where the condition holds ("" always) and returns
// what it held, nil where there was none.
func (c *Client) remove(ctx context.Context, table string, k key, condition string) (item, error) {
	in := &dynamodb.DeleteItemInput{
		TableName: &table, Key: k.item(), ReturnValues: types.ReturnValueAllOld, ReturnConsumedCapacity: c.Meter.wanted(),
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	out, err := c.api.DeleteItem(ctx, in)
	if err != nil {
		return nil, err
	}
	c.Meter.write(out.ConsumedCapacity)
	return out.Attributes, nil
}

// query yields the items that a query finds.
func (c *Client) query(ctx context.Context, what string, in dynamodb.QueryInput) iter.Seq2[item, error] {
	in.ReturnConsumedCapacity = c.Meter.wanted()
	return c.paged(what, func(from item) (page, error) {
		in := in
		in.ExclusiveStartKey = from
		out, err := c.api.Query(ctx, &in)
		if err != nil {
			return page{}, err
		}
		return page{out.Items, out.LastEvaluatedKey, out.ConsumedCapacity}, nil
	})
}

// scan yields every item of a table.
func (c *Client) scan(ctx context.Context, what, table string) iter.Seq2[item, error] {
	return c.paged(what, func(from item) (page, error) {
		out, err := c.api.Scan(ctx, &dynamodb.ScanInput{
			TableName: &table, ExclusiveStartKey: from, ReturnConsumedCapacity: c.Meter.wanted(),
		})
		if err != nil {
			return page{}, err
		}
		return page{out.Items, out.LastEvaluatedKey, out.ConsumedCapacity}, nil
	})
}

// page is one answer to a query or a scan; where nothing follows, next is empty.
type page struct {
	items []item
	next  item
	units *types.ConsumedCapacity
}

// paged yields the items of pages, each read from a key when it is needed; the
// first is read from nil.
func (c *Client) paged(what string, read func(from item) (page, error)) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		var from item // each walk through the sequence begins at its beginning
		for {
			p, err := read(from)
			if err != nil {
				yield(nil, failed(err, what))
				return
			}
			c.Meter.read(p.units)
			for _, i := range p.items {
				if !yield(i, nil) {
					return
				}
			}
			if len(p.next) == 0 {
				return
			}
			from = p.next
		}
	}
}

// partition is the query for the items of a partition whose sort key begins
// with prefix, in their latest version.
func partition(table, pk, prefix string) dynamodb.QueryInput {
	in := dynamodb.QueryInput{
		TableName:                 &table,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(pk)},
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :prefix)")
		in.ExpressionAttributeValues[":prefix"] = text(prefix)
	}
	return in
}

// lookup yields what an index holds under a value of its key, ordered by its
// sort key.
func (c *Client) lookup(ctx context.Context, what, table, index, attribute, value string, newestFirst bool) iter.Seq2[item, error] {
	if value == "" || len(value) > maxPartitionKey {
		return func(func(item, error) bool) {} // no index has such a key, and DynamoDB calls it an error
	}
	in := indexed(table, index, attribute, value)
	in.ScanIndexForward = aws.Bool(!newestFirst)
	return c.query(ctx, what, in)
}

// indexed is the query for what an index holds under a value of its key.
func indexed(table, index, attribute, value string) dynamodb.QueryInput {
	return dynamodb.QueryInput{
		TableName:                 &table,
		IndexName:                 &index,
		KeyConditionExpression:    aws.String("#key = :key"),
		ExpressionAttributeNames:  map[string]string{"#key": attribute},
		ExpressionAttributeValues: item{":key": text(value)},
	}
}

// between narrows a query to items whose sort key, the attribute, lies between
// two values, both included.
func between(in dynamodb.QueryInput, attribute, from, to string) dynamodb.QueryInput {
	in.KeyConditionExpression = aws.String(*in.KeyConditionExpression + " AND #sort BETWEEN :from AND :to")
	in.ExpressionAttributeNames = maps.Clone(in.ExpressionAttributeNames)
	if in.ExpressionAttributeNames == nil {
		in.ExpressionAttributeNames = map[string]string{}
	}
	in.ExpressionAttributeNames["#sort"] = attribute
	in.ExpressionAttributeValues = maps.Clone(in.ExpressionAttributeValues)
	in.ExpressionAttributeValues[":from"], in.ExpressionAttributeValues[":to"] = text(from), text(to)
	return in
}
