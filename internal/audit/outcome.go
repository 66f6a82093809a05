package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/packed"
)

// resultOf reads the result of a group, as it was stored.
func resultOf(r events.DynamoDBEventRecord) (result bulk.Result, err error) {
	body := r.Change.NewImage["body"]
	switch body.DataType() {
	case events.DataTypeString:
		err = json.Unmarshal([]byte(body.String()), &result)
	case events.DataTypeBinary:
		err = packed.Inflate(body.Binary(), &result)
	default:
		err = fmt.Errorf("a body of no known type")
	}
	if err != nil {
		return bulk.Result{}, fmt.Errorf("a result that cannot be read")
	}
	return result, nil
}

// outcomes makes the records for the result of a group: one for each patient
// whose data is in the file of an export, and for each who was skipped or failed.
// Who was changed has the record of the change, and messages have events. In the
// place of a result that the operation cannot have had stands an event that says so.
func (r *Recorder) outcomes(ctx context.Context, from events.DynamoDBEventRecord, op bulk.Operation, group Record) ([]Record, error) {
	result, err := resultOf(from)
	if err != nil {
		return nil, err
	}
	forged := tampered(group, fmt.Sprintf("%s was stored, and is no result that %s can have had.", group.Part, group.Operation))
	forged.Type, forged.Kind = Event, op.Kind
	if group.Part != fmt.Sprintf(resultPrefix+"%05d#%02d", result.Batch, result.Group) || !couldMake(op, result.Batch) || lacksFile(op) {
		return []Record{forged}, nil
	}
	if result.Closed || op.Plan.Notices > 0 || !makesFile(op) && len(result.Others) == 0 {
		return nil, nil
	}
	batch, err := r.batch(ctx, planned{op.ID, op.Plan.Run, result.Batch})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("%w: read a batch: %w", errStore, err)
	}
	if result.Group < 0 || result.Group >= len(batch.Groups) {
		return []Record{forged}, nil
	}
	group.Part, group.Batch = "", result.Batch
	group.At = later(group.At, op.Started) // a stream's time has whole seconds
	if op.File != nil {
		group.At = op.File.Ready.UTC()
	}
	var made []Record
	others := 0
	for i, c := range batch.Group(result.Group) {
		record, o := group, result.Outcome(c.Subject)
		record.Unique = fmt.Sprintf("%s-%02d", group.Unique, i) // sorts as the plan does
		record.Patient, record.Facility, record.Detail = c.Subject, c.Facility, o.Sentence
		if o.State != bulk.Done {
			others++
		}
		switch {
		case o.State == bulk.Done && makesFile(op):
			record.What = PatientExported
		case o.State == bulk.Skipped:
			record.What = PatientSkipped
		case o.State == bulk.Failed:
			record.What = PatientFailed
		default:
			continue
		}
		made = append(made, record.of(op))
	}
	if others != len(result.Others) {
		return []Record{forged}, nil // it names patients who are not in the group
	}
	return made, nil
}

// makesFile reports whether the operation is an export: the plan of one counts
// the rows of its file.
func makesFile(op bulk.Operation) bool { return len(op.Plan.Rows) > 0 }

// lacksFile reports whether the operation is an export without a file: there are
// no results before it.
func lacksFile(op bulk.Operation) bool { return makesFile(op) && op.File == nil }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b.UTC()
}

// batch returns a batch of a plan, which never changes; an empty one with
// fault.NotFound where there is none. A process reads it once for all its groups.
func (r *Recorder) batch(ctx context.Context, of planned) (bulk.Batch, error) {
	r.mu.Lock()
	b, known := r.batches[of]
	r.mu.Unlock()
	if known {
		return b, nil
	}
	b, err := r.Batch(ctx, of.operation, of.run, of.number)
	if err != nil {
		return bulk.Batch{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches == nil || len(r.batches) >= maxBatches {
		r.batches = map[planned]bulk.Batch{}
	}
	r.batches[of] = b
	return b, nil
}
