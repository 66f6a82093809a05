// Package audittest delivers the changes of a store in memory to the audit, as
// the stream of a table does, and says whether each has its record.
package audittest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// Streamed are the changes as the Registry table's stream reports them, at the
// time. (internal/dynamo/keys.go)
func Streamed(changes []memory.Change, at time.Time) []events.DynamoDBEventRecord {
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
			ApproximateCreationDateTime: events.SecondsEpochTime{Time: at}, Keys: keys,
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
// says what changed and who did it.
func Check(changes []memory.Change, streamed []events.DynamoDBEventRecord, l *memory.Audit) error {
	records := map[string]audit.Record{}
	for r, err := range audit.Records(l.All(context.Background())) {
		if err != nil {
			return err
		}
		if _, twice := records[r.Unique]; twice {
			return fmt.Errorf("two records for change %s", r.Unique)
		}
		records[r.Unique] = r
	}
	if len(records) != len(changes) {
		return fmt.Errorf("%d records for %d changes", len(records), len(changes))
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
