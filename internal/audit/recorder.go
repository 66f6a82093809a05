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

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

// Recorder writes what streams deliver to the audit log. One serves all calls
// of a process.
type Recorder struct {
	Log       Log
	Operation func(ctx context.Context, id string) (bulk.Operation, error)              // its latest header; fault.NotFound for none
	Batch     func(ctx context.Context, id, run string, number int) (bulk.Batch, error) // of its plan; fault.NotFound for none
	Logger    *slog.Logger

	mu      sync.Mutex
	headers map[string]bulk.Operation
	batches map[planned]bulk.Batch
}

// planned names a batch of a plan.
type planned struct {
	operation, run string
	number         int
}

// What a process remembers of operations is bounded.
const (
	maxHeaders = 200
	maxBatches = 8 // the groups of a batch come one after the other
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
	if record.Operation == "" {
		return []Record{record}, nil
	}
	op, err := r.header(ctx, record)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("%w: read an operation: %w", errStore, err)
	}
	switch {
	case record.Type == Outcome:
		return r.outcomes(ctx, from, op, record)
	case record.Type == Change && !couldMake(op, record.Batch):
		record.Detail = fmt.Sprintf("Stamped as made by %s, which has no such batch running.", record.Operation)
		record.At = from.Change.ApproximateCreationDateTime.UTC()
		record.Operation, record.Batch, record.ByHand = "", 0, true
		record.Operator, record.Approver = Person{Name: Unknown}, Person{}
		return []Record{record}, nil
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

// couldMake reports whether the operation was approved and has the batch that
// a change or a result names: anybody who can write an item can also write a stamp.
func couldMake(op bulk.Operation, batch int) bool {
	return op.Decision != nil && op.Decision.Verdict == bulk.Approve && !op.Started.IsZero() &&
		batch >= 1 && batch <= op.Plan.Batches
}

// header returns the header of a record's operation, not older than what the
// record is about. It is read once for a process as long as it is new enough.
func (r *Recorder) header(ctx context.Context, about Record) (bulk.Operation, error) {
	r.mu.Lock()
	op, known := r.headers[about.Operation]
	r.mu.Unlock()
	version, _ := strconv.Atoi(strings.TrimPrefix(about.Part, eventPrefix)) // 0 for what is no event
	if known && op.Version >= version && (about.Type == Event || !op.Started.IsZero()) && (about.Type != Outcome || !lacksFile(op)) {
		return op, nil
	}
	op, err := r.Operation(ctx, about.Operation)
	if err != nil {
		return bulk.Operation{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.headers == nil || len(r.headers) >= maxHeaders {
		r.headers = map[string]bulk.Operation{}
	}
	r.headers[about.Operation] = op
	return op, nil
}
