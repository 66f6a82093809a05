package audit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// Whatever is changed by operations and by hand, and however the stream
// delivers it (in any portions, twice, with failures in between), in the end
// there is exactly one record for every change that was committed, and it says
// what changed and who did it.
func TestEveryCommittedChangeHasExactlyOneRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		store := memory.New()
		patients := make([]registry.Record, rapid.IntRange(1, 6).Draw(t, "patients"))
		for i := range patients {
			patients[i] = registry.Record{Ref: registry.ProfileRef(strconv.Itoa(i)), Fields: registry.Fields{"name": "N", "status": "a"},
				Stamp: registry.Stamp{By: "import", At: requested}}
		}
		if err := store.PutRecords(ctx, patients); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(ctx, running, bulk.Selection{}, "0123456789abcdef", bulk.Event{}); err != nil {
			t.Fatal(err)
		}
		draw := func(label string) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, label) }
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			ref := registry.ProfileRef(strconv.Itoa(rapid.IntRange(0, len(patients)-1).Draw(t, "patient")))
			at := started.Add(time.Duration(step) * time.Second)
			if rapid.Bool().Draw(t, "by hand") {
				if err := store.WriteByHand(ctx, ref, registry.Fields{"status": draw("to")}, "Rita", at); err != nil {
					t.Fatal(err)
				}
				continue
			}
			err := store.CommitGroup(ctx, engine.Group{
				Operation: running.ID,
				Changes: []bulk.Change{{Subject: ref.Patient, Edits: []bulk.Edit{{Ref: ref,
					Before: registry.Fields{"status": draw("from")}, After: registry.Fields{"status": draw("to")}}}}},
				Stamp:  registry.Stamp{Operation: running.ID, Batch: 1 + step%3, By: "Sam Okafor", Approver: "Maria Duarte", At: at},
				Result: bulk.Result{Batch: 1 + step%3, Group: step},
			})
			if refusal := (*engine.Refusal)(nil); err != nil && !errors.As(err, &refusal) {
				t.Fatal(err)
			}
		}

		changes := store.Changes()
		streamed := make([]events.DynamoDBEventRecord, len(changes))
		for i, c := range changes {
			streamed[i] = asStreamed(i, c)
		}
		l := log{Audit: memory.NewAudit(), refuse: func(audit.Record) error {
			if rapid.IntRange(0, 4).Draw(t, "refused") == 0 {
				return errors.New("throttled")
			}
			return nil
		}}
		follow(t, recorder(l, map[string]bulk.Operation{running.ID: running}), streamed)

		records := map[string]audit.Record{}
		for r, err := range l.Backwards(ctx, audit.Trail{By: audit.ByDay, Key: "2026-11-23"}, "") {
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := records[r.Unique]; twice {
				t.Fatalf("two records for change %s", r.Unique)
			}
			records[r.Unique] = r
		}
		if len(records) != len(changes) {
			t.Fatalf("%d records for %d changes", len(records), len(changes))
		}
		for i, c := range changes {
			r := records[streamed[i].EventID]
			if r.Patient != c.Ref.Patient || r.Operation != c.New.Stamp.Operation || r.ByHand != (c.New.Stamp.Operation == "") {
				t.Fatalf("change %d: %+v", i, r)
			}
			rebuilt := maps.Clone(c.Old.Fields)
			if rebuilt == nil {
				rebuilt = registry.Fields{}
			}
			for field := range r.Old {
				delete(rebuilt, field)
			}
			maps.Copy(rebuilt, r.New)
			if !maps.Equal(rebuilt, c.New.Fields) {
				t.Fatalf("change %d: old %v with the record's difference is %v, want %v", i, c.Old.Fields, rebuilt, c.New.Fields)
			}
		}
	})
}

// follow delivers as a stream does: portions in order, each again from the
// first failure on until it succeeds, and now and then one more time.
func follow(t *rapid.T, r *audit.Recorder, streamed []events.DynamoDBEventRecord) {
	for len(streamed) > 0 {
		size := rapid.IntRange(1, len(streamed)).Draw(t, "portion")
		portion := streamed[:size]
		for tries := 0; ; tries++ {
			if tries > 200 {
				t.Fatal("delivery does not end")
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
			if rapid.IntRange(0, 3).Draw(t, "once more") != 0 {
				break
			}
		}
		streamed = streamed[size:]
	}
}

func asStreamed(number int, c memory.Change) events.DynamoDBEventRecord {
	image := func(r registry.Record) map[string]events.DynamoDBAttributeValue {
		if r.Fields == nil {
			return nil
		}
		attributes := map[string]events.DynamoDBAttributeValue{
			"pk": events.NewStringAttribute("PATIENT#" + c.Ref.Patient), "sk": events.NewStringAttribute(c.Ref.Part),
			"stamp_by": events.NewStringAttribute(r.Stamp.By), "stamp_at": events.NewStringAttribute(r.Stamp.At.Format(time.RFC3339Nano)),
		}
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
	record := events.DynamoDBEventRecord{EventID: fmt.Sprintf("id-%03d", number), EventName: "MODIFY"}
	if c.Old.Fields == nil {
		record.EventName = "INSERT"
	}
	record.Change = events.DynamoDBStreamRecord{
		ApproximateCreationDateTime: events.SecondsEpochTime{Time: started.Add(time.Hour)},
		Keys: map[string]events.DynamoDBAttributeValue{
			"pk": events.NewStringAttribute("PATIENT#" + c.Ref.Patient), "sk": events.NewStringAttribute(c.Ref.Part)},
		OldImage: image(c.Old), NewImage: image(c.New), SequenceNumber: fmt.Sprintf("seq-%03d", number),
	}
	return record
}
