package dynamo

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Meter counts the capacity that a client's calls consume, as DynamoDB
// reports it. The zero Meter is ready; a nil one counts nothing, and then
// nothing is asked for.
type Meter struct {
	// OneByOne makes the client write each action of a transaction by itself
	// and counts it twice, as AWS charges it. It is for measurements on DynamoDB
	// Local, which reports the units of one action for a whole transaction (seen
	// with 3.1.0), and for nothing else: what is written so is not atomic.
	OneByOne bool

	mu    sync.Mutex
	units map[string]Units
}

// Units are capacity units of one table. Read and Write include its indexes,
// IndexWrite is the part of Write that they took.
type Units struct{ Read, Write, IndexWrite float64 }

// Units returns what was consumed since the last Reset, by table.
func (m *Meter) Units() map[string]Units {
	m.mu.Lock()
	defer m.mu.Unlock()
	units := make(map[string]Units, len(m.units))
	for table, u := range m.units {
		units[table] = u
	}
	return units
}

// Total returns what was consumed since the last Reset, of all tables.
func (m *Meter) Total() Units {
	var total Units
	for _, u := range m.Units() {
		total.Read += u.Read
		total.Write += u.Write
		total.IndexWrite += u.IndexWrite
	}
	return total
}

// Reset begins a new count.
func (m *Meter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.units = nil
}

func (m *Meter) wanted() types.ReturnConsumedCapacity {
	if m == nil {
		return types.ReturnConsumedCapacityNone
	}
	return types.ReturnConsumedCapacityIndexes
}

func (m *Meter) read(consumed ...*types.ConsumedCapacity) {
	m.add(consumed, func(u *Units, c *types.ConsumedCapacity) { u.Read += aws.ToFloat64(c.CapacityUnits) })
}

func (m *Meter) write(consumed ...*types.ConsumedCapacity) {
	m.add(consumed, func(u *Units, c *types.ConsumedCapacity) {
		u.Write += aws.ToFloat64(c.CapacityUnits)
		for _, index := range c.GlobalSecondaryIndexes {
			u.IndexWrite += aws.ToFloat64(index.CapacityUnits)
		}
	})
}

func (m *Meter) oneByOne() bool { return m != nil && m.OneByOne }

// transactedOneByOne writes the actions of a transaction one after the other.
func (c *Client) transactedOneByOne(ctx context.Context, writes []types.TransactWriteItem) error {
	for _, w := range writes {
		var consumed *types.ConsumedCapacity
		if p := w.Put; p != nil {
			out, err := c.api.PutItem(ctx, &dynamodb.PutItemInput{
				TableName: p.TableName, Item: p.Item, ConditionExpression: p.ConditionExpression,
				ExpressionAttributeValues: p.ExpressionAttributeValues, ReturnConsumedCapacity: c.Meter.wanted(),
			})
			if err != nil {
				return err
			}
			consumed = out.ConsumedCapacity
		} else {
			out, err := c.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
				TableName: w.Update.TableName, Key: w.Update.Key,
				UpdateExpression: w.Update.UpdateExpression, ConditionExpression: w.Update.ConditionExpression,
				ExpressionAttributeNames: w.Update.ExpressionAttributeNames, ExpressionAttributeValues: w.Update.ExpressionAttributeValues,
				ReturnConsumedCapacity: c.Meter.wanted(),
			})
			if err != nil {
				return err
			}
			consumed = out.ConsumedCapacity
		}
		c.Meter.write(consumed, consumed)
	}
	return nil
}

func (m *Meter) add(consumed []*types.ConsumedCapacity, count func(*Units, *types.ConsumedCapacity)) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range consumed {
		if c == nil {
			continue
		}
		if m.units == nil {
			m.units = map[string]Units{}
		}
		u := m.units[aws.ToString(c.TableName)]
		count(&u, c)
		m.units[aws.ToString(c.TableName)] = u
	}
}

// each returns the capacities that a call on several tables reports.
func each(consumed []types.ConsumedCapacity) []*types.ConsumedCapacity {
	pointers := make([]*types.ConsumedCapacity, len(consumed))
	for i := range consumed {
		pointers[i] = &consumed[i]
	}
	return pointers
}
