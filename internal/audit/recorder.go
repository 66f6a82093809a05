package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// Recorder writes what streams deliver to the audit log. One serves all calls
// of a process.
type Recorder struct {
	Log       Log
	Operation func(ctx context.Context, id string) (bulk.Operation, error)                             // its latest header; fault.NotFound for none
	Event     func(ctx context.Context, id string, number int) (bulk.Event, error)                     // of it; fault.NotFound for none
	Batch     func(ctx context.Context, id, run string, number int) (bulk.Batch, error)                // of its plan; fault.NotFound for none
	Records   func(ctx context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error) // those that there are
	Logger    *slog.Logger

	mu       sync.Mutex
	headers  map[string]header
	batches  map[planned]bulk.Batch
	patients map[string]place
}

// header is an operation as it was read after something had been written at the
// time, by the stream's clock.
type header struct {
	bulk.Operation
	after time.Time
}

// planned names a batch of a plan.
type planned struct {
	operation, run string
	number         int
}

// What a process remembers of operations is bounded.
const (
	maxHeaders = 200
	maxBatches = 64 // more than run at once, of one operation
)

const (
	// callsLast is longer than any call of a function (template.yaml): what is
	// written later is written by none that began before.
	callsLast = 15 * time.Minute
	// clocksDiffer is how far apart the clocks of a function and of a stream may
	// be, with the seconds between a stamp and its write.
	clocksDiffer = 5 * time.Minute
)

// Handle writes the audit records for a delivery. A record that cannot be
// written does not keep the others from being written; the first such one is
// reported, so that the stream delivers again from there, and what follows it
// is found written. When the store takes nothing at all, the call fails, and
// everything is delivered again.
func (r *Recorder) Handle(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	failures := make([]error, len(e.Records))
	made := make([][]Record, len(e.Records)) // of each stream record
	for i, from := range e.Records {
		made[i], failures[i] = r.recordsOf(ctx, from)
	}
	written := r.append(ctx, made, failures)
	if written == 0 && slices.ContainsFunc(failures, func(err error) bool { return errors.Is(err, errStore) }) {
		return events.DynamoDBEventResponse{}, fault.Wrap(errors.Join(failures...), fault.Busy, "No audit record could be written; all are delivered again.")
	}
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for i, err := range failures {
		if err == nil {
			continue
		}
		r.Logger.ErrorContext(ctx, "a change could not be audited; it is delivered again", "sequence_number", e.Records[i].Change.SequenceNumber, "error", err.Error())
		if len(response.BatchItemFailures) == 0 {
			response.BatchItemFailures = append(response.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: e.Records[i].Change.SequenceNumber})
		}
	}
	return response, nil
}

// errStore marks the failures of tables, which may pass, among those of records.
var errStore = errors.New("a table did not answer as it should")

// append writes the records, and where that fails those of one stream record
// after the other, so that one which cannot be written is known. It notes
// failures by place and returns how many were written.
func (r *Recorder) append(ctx context.Context, made [][]Record, failures []error) (written int) {
	all := slices.Concat(made...)
	if len(all) == 0 || r.Log.Append(ctx, all) == nil {
		return len(all)
	}
	for i, records := range made {
		if len(records) == 0 {
			continue
		}
		if err := r.Log.Append(ctx, records); err != nil {
			failures[i] = fmt.Errorf("%w: write an audit record: %w", errStore, err)
			continue
		}
		written += len(records)
	}
	return written
}

// recordsOf makes the audit records for a stream record, each so that it can be
// stored. Whatever a malformed one makes fail stays with that one.
func (r *Recorder) recordsOf(ctx context.Context, from events.DynamoDBEventRecord) (made []Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a stream record that cannot be read: %T", p) // the value may quote data
		}
	}()
	made, err = r.read(ctx, from)
	for i := range made {
		made[i] = made[i].fitting()
	}
	return made, err
}

func (r *Recorder) read(ctx context.Context, from events.DynamoDBEventRecord) ([]Record, error) {
	record, ok, err := FromStream(from)
	if err != nil || !ok {
		return nil, err
	}
	written := from.Change.ApproximateCreationDateTime.UTC()
	if record.Type == Change && record.Patient != "" && record.Facility == "" {
		if record.Facility, err = r.facility(ctx, record.Patient, written); err != nil {
			return nil, fmt.Errorf("%w: read a patient's facility: %w", errStore, err)
		}
	}
	switch {
	case record.Operation == "", record.Part == headerPart && record.What == Tampered: // what such a header says counts for nothing
		return []Record{record}, nil
	case record.Type == Event && record.Part == headerPart:
		return r.withoutEvent(ctx, from, record)
	}
	op, err := r.header(ctx, record, written)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("%w: read an operation: %w", errStore, err)
	}
	switch record.Type {
	case Outcome:
		return r.outcomes(ctx, from, op, record)
	case Change:
		made, err := r.madeBy(ctx, op, record, written)
		if err != nil {
			return nil, err
		}
		if !made {
			record.Detail = fmt.Sprintf("Stamped as made by %s, which has no such change in a batch that ran then.", record.Operation)
			record.At = written
			record.Operation, record.Batch, record.ByHand = "", 0, true
			record.Operator, record.Approver = Person{Name: Unknown}, Person{}
			return []Record{record}, nil
		}
	}
	return []Record{record.of(op)}, nil
}

// of adds to a record what its operation's header says.
func (r Record) of(op bulk.Operation) Record {
	r.Kind = op.Kind
	if r.Type != Event {
		r.Operator = personOf(op.Requester)
	}
	// What came later than the event is not said of it, so that a repeat gives the same record.
	if !op.Submitted.IsZero() && !r.At.Before(op.Submitted) {
		r.Reason = op.Reason
	}
	if op.Decision != nil && op.Decision.Verdict == bulk.Approve && !r.At.Before(op.Decision.At) {
		r.Approver = personOf(op.Decision.By)
	}
	return r
}

// madeBy reports whether the operation made the change that its stamp names:
// anybody who can write an item can also write a stamp. It must have been written
// while the operation ran, at the time of the stamp, and the batch must change
// this record. All of that is the same in a repeat, and however late it comes.
func (r *Recorder) madeBy(ctx context.Context, op bulk.Operation, change Record, written time.Time) (bool, error) {
	if !couldMake(op, change.Batch) || written.Before(op.Started.Add(-clocksDiffer)) ||
		!op.Ended.IsZero() && written.After(op.Ended.Add(callsLast)) || written.Sub(change.At).Abs() > clocksDiffer {
		return false, nil
	}
	batch, err := r.batch(ctx, planned{op.ID, op.Plan.Run, change.Batch})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, fmt.Errorf("%w: read a batch: %w", errStore, err)
	}
	ref := registry.Ref{Patient: change.Patient, Part: change.Part}
	return slices.ContainsFunc(batch.Changes, func(c bulk.Change) bool {
		return slices.ContainsFunc(c.Edits, func(e bulk.Edit) bool { return e.Ref == ref })
	}), nil
}

// couldMake reports whether the operation was approved, was started, and has the
// batch that a change or a result names.
func couldMake(op bulk.Operation, batch int) bool {
	return op.Decision != nil && op.Decision.Verdict == bulk.Approve && !op.Started.IsZero() &&
		batch >= 1 && batch <= op.Plan.Batches
}

// header returns the header of a record's operation, not older than what the
// record is about. It is read once for a process as long as it is new enough: one
// that had not ended then says of what is written long after nothing.
func (r *Recorder) header(ctx context.Context, about Record, written time.Time) (bulk.Operation, error) {
	r.mu.Lock()
	known, ok := r.headers[about.Operation]
	r.mu.Unlock()
	version, _ := strconv.Atoi(strings.TrimPrefix(about.Part, eventPrefix)) // 0 for what is no event
	if ok && known.Version >= version && (about.Type == Event || !known.Started.IsZero()) && (about.Type != Outcome || !lacksFile(known.Operation)) &&
		(about.Type != Change || !known.Ended.IsZero() || !written.After(known.after.Add(callsLast))) {
		return known.Operation, nil
	}
	op, err := r.Operation(ctx, about.Operation)
	if err != nil {
		return bulk.Operation{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.headers == nil || len(r.headers) >= maxHeaders {
		r.headers = map[string]header{}
	}
	r.headers[about.Operation] = header{op, written}
	return op, nil
}
