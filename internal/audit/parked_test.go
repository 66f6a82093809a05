package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// parked is a delivery as Lambda keeps it in S3 after its last try: the event
// is a text in it.
func parked(t *testing.T, e events.DynamoDBEvent) []byte {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(map[string]any{
		"requestContext": map[string]any{"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 21}, "version": "1.0",
		"DDBStreamBatchInfo": map[string]any{"batchSize": len(e.Records)}, "payload": string(text),
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func put(t *testing.T, files *memory.Files, name string, content []byte) {
	t.Helper()
	if err := files.Put(t.Context(), name, content); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, files *memory.Files) (names []string) {
	t.Helper()
	for name, err := range files.Names(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func TestWhatWasParkedIsWrittenOnce(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	r := recorder(l, map[string]bulk.Operation{"OP-1": running})
	delivery := deliver(t, change(1, "OP-1", 1), change(2, "OP-1", 1), change(3, "OP-1", 2))
	// The first of them had been written when the delivery was given up.
	if _, err := r.Handle(t.Context(), events.DynamoDBEvent{Records: delivery.Records[:1]}); err != nil {
		t.Fatal(err)
	}
	files := memory.NewFiles()
	put(t, files, "aws/lambda/a", parked(t, delivery))
	plain, err := json.Marshal(map[string]any{"payload": delivery}) // should AWS ever keep it as it is
	if err != nil {
		t.Fatal(err)
	}
	put(t, files, "aws/lambda/b", plain)
	for range 2 { // a repeat finds nothing to do
		done, err := r.Redrive(t.Context(), files, false)
		if err != nil || len(done.Left) > 0 {
			t.Fatalf("%+v %v", done, err)
		}
		if got := len(l.ofOP1(t)); got != 3 {
			t.Errorf("%d records, want 3", got)
		}
	}
	if names := left(t, files); len(names) > 0 {
		t.Errorf("still kept: %v", names)
	}
}

// What a table refuses, or what cannot be read, stays parked; nothing is lost.
func TestWhatCannotBeWrittenStaysParked(t *testing.T) {
	down := fault.New(fault.Busy, "throttled")
	l := log{Audit: memory.NewAudit(), refuse: func(audit.Record) error { return down }}
	r := recorder(l, map[string]bulk.Operation{"OP-1": running})
	poison := strings.Replace(change(2, "OP-1", 1), `"stamp_at":{"S":"2026`, `"stamp_at":{"S":"x2026`, 1)
	if poison == change(2, "OP-1", 1) {
		t.Fatal("the change has no stamp to spoil")
	}
	files := memory.NewFiles()
	put(t, files, "a", parked(t, deliver(t, change(1, "OP-1", 1), poison)))
	put(t, files, "b", []byte("no JSON"))
	put(t, files, "c", []byte(`{"payload":"{}"}`))
	if _, err := r.Redrive(t.Context(), files, true); err == nil || len(left(t, files)) != 3 {
		t.Fatalf("a table that is down: %v, kept %v", err, left(t, files))
	}

	l.refuse = nil
	r = recorder(l, map[string]bulk.Operation{"OP-1": running})
	done, err := r.Redrive(t.Context(), files, false)
	if err != nil || done.Records != 1 || done.Files != 0 || len(done.Left) != 3 || !strings.Contains(done.Left[0].Why, "the stamp of a record has no time") {
		t.Fatalf("%+v %v", done, err)
	}
	if len(l.ofOP1(t)) != 1 || len(left(t, files)) != 3 {
		t.Errorf("%d records, kept %v", len(l.ofOP1(t)), left(t, files))
	}

	done, err = r.Redrive(t.Context(), files, true)
	if err != nil || done.Records != 2 || done.Files != 1 || len(done.Left) != 2 {
		t.Fatalf("%+v %v", done, err)
	}
	var said []string
	for record, err := range l.Backwards(t.Context(), audit.Trail{By: audit.ByDay, Key: "2026-11-23"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		if record.What == audit.Unreadable {
			said = append(said, fmt.Sprint(record.Detail, record.Operator.Name, record.Old))
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "It is kept in a.") || strings.Contains(said[0], registry.StatusField) {
		t.Errorf("said is %q", said)
	}
}

// What the table refuses for good keeps nothing behind it from being written,
// neither in its own delivery nor in the next.
func TestOneRefusalKeepsNoOtherFromBeingWritten(t *testing.T) {
	refusing := func(r audit.Record) error {
		if r.Patient == "000002" {
			return errors.New("ValidationException")
		}
		return nil
	}
	for note, want := range map[bool]struct {
		files, records int
		left           []string
	}{false: {1, 3, []string{"a"}}, true: {2, 4, nil}} {
		l := log{Audit: memory.NewAudit(), refuse: refusing}
		files := memory.NewFiles()
		put(t, files, "a", parked(t, deliver(t, change(1, "OP-1", 1), change(2, "OP-1", 1), change(3, "OP-1", 1))))
		put(t, files, "b", parked(t, deliver(t, change(4, "OP-1", 1))))
		done, err := recorder(l, map[string]bulk.Operation{"OP-1": running}).Redrive(t.Context(), files, note)
		if err != nil || done.Files != want.files || done.Records != want.records || len(done.Left) != len(want.left) || !slices.Equal(left(t, files), want.left) {
			t.Errorf("note %v: %+v %v, kept %v", note, done, err, left(t, files))
		}
		if got := len(l.ofOP1(t)); got != 3 {
			t.Errorf("note %v: %d changes written, want 3", note, got)
		}
	}
}
