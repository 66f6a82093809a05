package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bulkops/internal/audit"
)

// Audit is the Audit table. An item has the record's own key, its canonical
// JSON as the text body, and the keys of the two indexes: day and at, and
// patient where the record is about one.
type Audit struct {
	client *Client
	table  string
}

var (
	_ audit.Log    = (*Audit)(nil)
	_ audit.Reader = (*Audit)(nil)
)

// NewAudit returns the audit log in the table.
func NewAudit(c *Client, table string) *Audit { return &Audit{c, table} }

// putsInFlight is how many records are written at once. One call writes one
// record, because a batch knows no condition and would write a record again.
const putsInFlight = 16

func (a *Audit) Append(ctx context.Context, records []audit.Record) error {
	err := inFlight(ctx, putsInFlight, records, func(ctx context.Context, r audit.Record) error {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		i := key{r.Partition(), r.SortKey()}.item()
		i["body"] = text(string(body))
		i["day"], i["at"] = text(r.Day()), text(r.At.UTC().Format(audit.TimeLayout))
		if r.Patient != "" {
			i["patient"] = text(r.Patient)
		}
		err = a.client.put(ctx, a.table, i, "attribute_not_exists(pk)")
		if conditionFailed(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return failed(err, "append to the audit log")
	}
	return nil
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

func (a *Audit) AccessTo(ctx context.Context, operation string) iter.Seq2[audit.Record, error] {
	return auditRecords(a.client.query(ctx, "read who used an operation", partition(a.table, audit.AccessPrefix+operation, "")))
}

func (a *Audit) ForPatient(ctx context.Context, patient string) iter.Seq2[audit.Record, error] {
	return auditRecords(a.client.lookup(ctx, "read a patient's audit", a.table, "by-patient", "patient", patient, true))
}

func (a *Audit) ForDay(ctx context.Context, day string) iter.Seq2[audit.Record, error] {
	return auditRecords(a.client.lookup(ctx, "read a day's audit", a.table, "by-day", "day", day, false))
}

func auditRecords(items iter.Seq2[item, error]) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for i, err := range items {
			var r audit.Record
			if err == nil {
				if err = unpack(i["body"], &r); err != nil {
					err = fmt.Errorf("decode an audit record: %w", err)
				}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
