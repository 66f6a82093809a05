// Package audittest delivers the changes and results of a store in memory to the
// audit, as the streams of the tables do, and says whether each has its records.
package audittest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/memory"
	"bulkops/internal/packed"
	"bulkops/internal/registry"
)

// Streamed are the changes as the Registry table's stream reports them: written
// when they were stamped. (internal/dynamo/keys.go)
func Streamed(changes []memory.Change) []events.DynamoDBEventRecord {
	streamed := make([]events.DynamoDBEventRecord, len(changes))
	for i, c := range changes {
		partition, sort := "PATIENT#"+c.Ref.Patient, c.Ref.Part
		if cut := strings.LastIndexByte(sort, '#'); c.Ref.Patient == "" {
			partition, sort = sort[:cut], sort[cut+1:]
		}
		keys := map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute(partition), "sk": events.NewStringAttribute(sort)}
		what := events.DynamoDBOperationTypeModify
		switch {
		case c.Old.Fields == nil:
			what = events.DynamoDBOperationTypeInsert
		case c.New.Fields == nil:
			what = events.DynamoDBOperationTypeRemove
		}
		streamed[i] = events.DynamoDBEventRecord{EventID: fmt.Sprintf("id-%06d", i), EventName: string(what), Change: events.DynamoDBStreamRecord{
			ApproximateCreationDateTime: events.SecondsEpochTime{Time: cmp.Or(c.New.Stamp.At, c.Old.Stamp.At).Truncate(time.Second)}, Keys: keys,
			OldImage: image(keys, c.Old), NewImage: image(keys, c.New), SequenceNumber: fmt.Sprintf("seq-%06d", i),
		}}
	}
	return streamed
}

func image(keys map[string]events.DynamoDBAttributeValue, r registry.Record) map[string]events.DynamoDBAttributeValue {
	if r.Fields == nil {
		return nil
	}
	attributes := maps.Clone(keys)
	attributes["stamp_by"] = events.NewStringAttribute(r.Stamp.By)
	attributes["stamp_at"] = events.NewStringAttribute(r.Stamp.At.Format(time.RFC3339Nano))
	if r.Stamp.Operation != "" {
		attributes["stamp_op"] = events.NewStringAttribute(r.Stamp.Operation)
		attributes["stamp_batch"] = events.NewNumberAttribute(strconv.Itoa(r.Stamp.Batch))
		attributes["stamp_approver"] = events.NewStringAttribute(r.Stamp.Approver)
	}
	for field, value := range r.Fields {
		attributes[field] = events.NewStringAttribute(value)
	}
	return attributes
}

// Results are the stored results of an operation as the Operations table's stream
// reports them, at the time. (internal/dynamo/keys.go)
func Results(s *memory.Store, operation string, at time.Time) (streamed []events.DynamoDBEventRecord, err error) {
	for r, err := range s.Results(context.Background(), operation) {
		if err != nil {
			return nil, err
		}
		streamed = append(streamed, Result(operation, r, at))
	}
	return streamed, nil
}

// Result is a result as the stream reports it: long ones are packed.
func Result(operation string, r bulk.Result, at time.Time) events.DynamoDBEventRecord {
	part := fmt.Sprintf("RESULT#%05d#%02d", r.Batch, r.Group)
	keys := map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute("OP#" + operation), "sk": events.NewStringAttribute(part)}
	plain, err := json.Marshal(r)
	if err != nil {
		panic(err) // only texts and numbers go in
	}
	stored := maps.Clone(keys)
	stored["body"] = events.NewStringAttribute(string(plain))
	if len(plain) > 512 {
		stored["body"] = events.NewBinaryAttribute(packed.Deflate(plain))
	}
	id := operation + "-" + part
	return events.DynamoDBEventRecord{EventID: id, EventName: string(events.DynamoDBOperationTypeInsert), Change: events.DynamoDBStreamRecord{
		ApproximateCreationDateTime: events.SecondsEpochTime{Time: at.Truncate(time.Second)}, Keys: keys, NewImage: stored, SequenceNumber: "seq-" + id,
	}}
}

// Outcomes are the outcomes of an operation's patients that no change and no
// message shows, from its plan and its results: for each its record, without time and id.
func Outcomes(s *memory.Store, op bulk.Operation) (expected []audit.Record, err error) {
	ctx := context.Background()
	for result, err := range s.Results(ctx, op.ID) {
		if err != nil {
			return nil, err
		}
		b, err := s.Batch(ctx, op.ID, op.Plan.Run, result.Batch)
		if err != nil {
			return nil, err
		}
		for _, c := range b.Group(result.Group) {
			o := result.Outcome(c.Subject)
			what := map[bulk.OutcomeState]string{bulk.Skipped: audit.PatientSkipped, bulk.Failed: audit.PatientFailed}[o.State]
			if o.State == bulk.Done && c.Extract != nil {
				what = audit.PatientExported
			}
			if what == "" || c.Notice != nil {
				continue
			}
			expected = append(expected, audit.Record{Type: audit.Outcome, Operation: op.ID, Kind: op.Kind, Batch: b.Number, Patient: c.Subject, Facility: c.Facility,
				Operator: audit.Person{Sub: op.Requester.Sub, Name: op.Requester.Name}, Approver: audit.Person{Sub: op.Decision.By.Sub, Name: op.Decision.By.Name},
				Reason: op.Reason, What: what, Detail: o.Sentence})
		}
	}
	return expected, nil
}

// Deliver delivers as a stream does: portions in order, each again from the first
// failure on until it succeeds, and now and then one more time. draw draws a
// number below n.
func Deliver(r *audit.Recorder, streamed []events.DynamoDBEventRecord, draw func(n int, what string) int) error {
	for len(streamed) > 0 {
		size := 1 + draw(len(streamed), "portion")
		portion := streamed[:size]
		for tries := 0; ; tries++ {
			if tries > 200 {
				return errors.New("the delivery does not end")
			}
			res, err := r.Handle(context.Background(), events.DynamoDBEvent{Records: portion})
			if err != nil {
				continue
			}
			if len(res.BatchItemFailures) > 0 {
				from := 0
				for portion[from].Change.SequenceNumber != res.BatchItemFailures[0].ItemIdentifier {
					from++
				}
				portion = portion[from:]
				continue
			}
			if draw(4, "once more") != 0 {
				break
			}
		}
		streamed = streamed[size:]
	}
	return nil
}

// Check says where the log has not exactly one record for each change, which
// says what changed and who did it, and one for each of the outcomes. streamed
// begins with the changes.
func Check(changes []memory.Change, outcomes []audit.Record, streamed []events.DynamoDBEventRecord, l *memory.Audit) error {
	records := map[string]audit.Record{}
	type patientOf struct{ operation, patient string }
	found := map[patientOf]audit.Record{}
	for r, err := range audit.Records(l.All(context.Background())) {
		if err != nil {
			return err
		}
		if _, twice := records[r.Unique]; twice {
			return fmt.Errorf("two records for change %s", r.Unique)
		}
		records[r.Unique] = r
		if r.Type == audit.Outcome {
			found[patientOf{r.Operation, r.Patient}] = r
		}
	}
	if len(records) != len(changes)+len(outcomes) {
		return fmt.Errorf("%d records for %d changes and %d outcomes", len(records), len(changes), len(outcomes))
	}
	for _, want := range outcomes {
		got := found[patientOf{want.Operation, want.Patient}]
		want.At, want.Unique = got.At, got.Unique
		if got.At.IsZero() || !reflect.DeepEqual(got, want) {
			return fmt.Errorf("the outcome %+v is recorded as %+v", want, got)
		}
	}
	for i, c := range changes {
		r, by := records[streamed[i].EventID], c.New.Stamp
		if r.Type != audit.Change || r.Patient != c.Ref.Patient || r.Part != c.Ref.Part || r.Operation != by.Operation || r.ByHand != (by.Operation == "") ||
			!r.ByHand && (r.Batch != by.Batch || r.Operator.Name != by.By || r.Approver.Name != by.Approver || !r.At.Equal(by.At)) {
			return fmt.Errorf("change %d of %v by %+v is recorded as one of %s %s by %+v", i, c.Ref, by, r.Patient, r.Part, r)
		}
		if !says(r.Old, c.Old.Fields, c.New.Fields) || !says(r.New, c.New.Fields, c.Old.Fields) {
			return fmt.Errorf("change %d of %v into %v is recorded as one of %v into %v", i, c.Old.Fields, c.New.Fields, r.Old, r.New)
		}
	}
	return nil
}

// says reports whether what is recorded are the values that the other side does
// not have: each as it is or, where it is long, its size and digest.
func says(recorded, values, other registry.Fields) bool {
	differ := 0
	for field, value := range values {
		if was, both := other[field]; both && was == value {
			continue
		}
		differ++
		if said, there := recorded[field]; !there || said != value && said != fmt.Sprintf("(%d bytes, SHA-256 %x)", len(value), sha256.Sum256([]byte(value))) {
			return false
		}
	}
	return len(recorded) == differ
}
