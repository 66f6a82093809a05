package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
)

// Audit is the Audit table. An item has the record's own key, its canonical
// JSON as the text body, and the keys of the indexes: day, hour, and
// patient where the record is about one (audit.Item).
type Audit struct {
	client *Client
	table  string
}

var (
	_ audit.Log     = (*Audit)(nil)
	_ audit.Reader  = (*Audit)(nil)
	_ audit.Written = (*Audit)(nil)
)

// NewAudit returns the audit log in the table.
func NewAudit(c *Client, table string) *Audit { return &Audit{c, table} }

// putsInFlight is how many records are written at once. One call writes one
// record, because a batch knows no condition and would write a record again.
const putsInFlight = 16

func (a *Audit) Append(ctx context.Context, records []audit.Record) error {
	err := inFlight(ctx, putsInFlight, records, func(ctx context.Context, r audit.Record) error {
		stored, err := r.Item(audit.HourOf(time.Now()))
		if err != nil {
			return err
		}
		i := item{}
		for name, value := range stored {
			i[name] = text(value)
		}
		err = a.client.put(ctx, a.table, i, "attribute_not_exists(pk)")
		if conditionFailed(err) {
			return nil
		}
		return err
	})
	switch {
	case err == nil, fault.Is(err, fault.TooLarge):
		return err
	}
	return failed(err, "append to the audit log")
}

func (a *Audit) ForOperation(ctx context.Context, operation string) iter.Seq2[audit.Record, error] {
	return auditRecords(a.client.query(ctx, "read an operation's audit", partition(a.table, operationPrefix+operation, "")))
}

func (a *Audit) ForOperationAfter(ctx context.Context, operation, sortKey string) iter.Seq2[audit.Record, error] {
	in := partition(a.table, operationPrefix+operation, "")
	if sortKey != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND sk > :after")
		in.ExpressionAttributeValues[":after"] = text(sortKey)
	}
	return auditRecords(a.client.query(ctx, "read an operation's audit", in))
}

func (a *Audit) ForPatient(ctx context.Context, patient string) iter.Seq2[audit.Record, error] {
	return auditRecords(a.client.lookup(ctx, "read a patient's audit", a.table, "by-patient", "patient", patient, true))
}

// trails are where the trails are found: an index with its key, or the table's
// own partitions by their prefix.
var trails = map[audit.TrailKey]struct{ index, key, prefix string }{
	audit.ByDay:       {index: "by-day", key: "day"},
	audit.ByPatient:   {index: "by-patient", key: "patient"},
	audit.ByOperation: {key: "pk", prefix: operationPrefix},
	audit.ByAccess:    {key: "pk", prefix: audit.AccessPrefix},
}

func (a *Audit) Backwards(ctx context.Context, t audit.Trail, sortKey string) iter.Seq2[audit.Record, error] {
	trail := trails[t.By]
	if t.Key == "" || len(trail.prefix+t.Key) > maxPartitionKey {
		return func(func(audit.Record, error) bool) {} // no record has such a key, and DynamoDB calls it an error
	}
	in := dynamodb.QueryInput{
		TableName:                 &a.table,
		KeyConditionExpression:    aws.String("#key = :key"),
		ExpressionAttributeNames:  map[string]string{"#key": trail.key},
		ExpressionAttributeValues: item{":key": text(trail.prefix + t.Key)},
		ScanIndexForward:          aws.Bool(false),
	}
	if trail.index != "" {
		in.IndexName = &trail.index
	}
	if sortKey != "" {
		in.KeyConditionExpression = aws.String("#key = :key AND sk < :before")
		in.ExpressionAttributeValues[":before"] = text(sortKey)
	}
	return auditRecords(a.client.query(ctx, "read the audit log", in))
}

func (a *Audit) InHour(ctx context.Context, hour audit.Hour) iter.Seq2[audit.Item, error] {
	return auditItems(a.client.lookup(ctx, "read an hour's audit", a.table, "by-hour", "hour", string(hour), false))
}

// All reads the table itself: no index has an item that lacks its key.
func (a *Audit) All(ctx context.Context) iter.Seq2[audit.Item, error] {
	return auditItems(a.client.scan(ctx, "read the whole audit", a.table))
}

func (a *Audit) Item(ctx context.Context, partition, sort string) (audit.Item, error) {
	i, err := a.client.get(ctx, a.table, key{partition, sort})
	if err != nil {
		return nil, failed(err, "read an audit record")
	}
	if i == nil {
		return nil, fault.New(fault.NotFound, "There is no audit record with this key.")
	}
	return auditItem(i)
}

func auditRecords(items iter.Seq2[item, error]) iter.Seq2[audit.Record, error] {
	return audit.Records(auditItems(items))
}

func auditItems(items iter.Seq2[item, error]) iter.Seq2[audit.Item, error] {
	return func(yield func(audit.Item, error) bool) {
		for i, err := range items {
			var stored audit.Item
			if err == nil {
				stored, err = auditItem(i)
			}
			if !yield(stored, err) || err != nil {
				return
			}
		}
	}
}

// auditItem keeps every attribute of an item. What is no text was not written
// by bulkops; it becomes one, so that a seal tells it.
func auditItem(i item) (audit.Item, error) {
	stored := make(audit.Item, len(i))
	for name, v := range i {
		if s, ok := v.(*types.AttributeValueMemberS); ok {
			stored[name] = s.Value
			continue
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("read an audit record: %w", err)
		}
		stored[name] = string(encoded)
	}
	return stored, nil
}
