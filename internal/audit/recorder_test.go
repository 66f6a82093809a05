package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

var (
	requested = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	submitted = requested.Add(10 * time.Minute)
	decided   = requested.Add(20 * time.Minute)
	started   = requested.Add(21 * time.Minute)
)

// running is an approved operation with three batches, as its header is while it runs.
var running = bulk.Operation{
	ID: "OP-1", Version: 5, Kind: "status-change", State: bulk.Running, Reason: "Insurance lapse in the review",
	Requester: bulk.Person{Sub: "sam", Name: "Sam Okafor"}, Created: requested, Submitted: submitted, Started: started,
	Plan:     bulk.PlanSummary{Batches: 3},
	Decision: &bulk.Decision{Verdict: bulk.Approve, By: bulk.Person{Sub: "maria", Name: "Maria Duarte"}, At: decided},
}

// log is an audit log that refuses what refuse names.
type log struct {
	*memory.Audit
	refuse func(audit.Record) error
}

func (l log) Append(ctx context.Context, records []audit.Record) error {
	for _, r := range records {
		if l.refuse != nil {
			if err := l.refuse(r); err != nil {
				return err
			}
		}
		if err := l.Audit.Append(ctx, []audit.Record{r}); err != nil {
			return err
		}
	}
	return nil
}

// ofOP1 returns what is recorded of operation OP-1.
func (l log) ofOP1(t *testing.T) []audit.Record {
	t.Helper()
	var found []audit.Record
	for r, err := range l.ForOperation(context.Background(), "OP-1") {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, r)
	}
	return found
}

func recorder(l audit.Log, headers map[string]bulk.Operation) *audit.Recorder {
	return &audit.Recorder{Log: l, Logger: slog.New(slog.DiscardHandler), Operation: func(_ context.Context, id string) (bulk.Operation, error) {
		if op, ok := headers[id]; ok {
			return op, nil
		}
		return bulk.Operation{}, fault.New(fault.NotFound, "none")
	}, Batch: holding, Records: func(context.Context, []registry.Ref) (map[registry.Ref]registry.Record, error) { return nil, nil }}
}

// holding is each batch of the plans: it changes the profiles of the first patients.
func holding(context.Context, string, string, int) (b bulk.Batch, err error) {
	for n := range 30 {
		patient := fmt.Sprintf("%06d", n)
		b.Changes = append(b.Changes, bulk.Change{Subject: patient, Edits: []bulk.Edit{{Ref: registry.ProfileRef(patient)}}})
	}
	return b, nil
}

// change is the stream record of a patient whose status an operation changed.
func change(number int, operation string, batch int) string {
	text := streamRecord("MODIFY", fmt.Sprintf("PATIENT#%06d", number), "profile", `{"status":{"S":"Active"}}`,
		fmt.Sprintf(`{"status":{"S":"On Hold"},"stamp_op":{"S":"%s"},"stamp_batch":{"N":"%d"},"stamp_by":{"S":"Sam Okafor"},"stamp_approver":{"S":"Maria Duarte"},"stamp_at":{"S":"%s"}}`,
			operation, batch, started.Add(time.Second).Format(time.RFC3339Nano)))
	return numbered(writtenAt(text, started.Add(time.Second)), number)
}

// writtenAt is the stream record with another time of its write.
func writtenAt(text string, at time.Time) string {
	return strings.Replace(text, "1.795467874E9", fmt.Sprint(at.Unix()), 1)
}

func event(number int, what string, at time.Time) string {
	text := streamRecord("INSERT", "OP#OP-1", fmt.Sprintf("EVENT#%06d", number), "",
		fmt.Sprintf(`{"body":{"S":"{\"operation\":\"OP-1\",\"number\":%d,\"at\":\"%s\",\"actor\":{\"sub\":\"sam\",\"name\":\"Sam Okafor\",\"email\":\"\"},\"what\":\"%s\"}"}}`, number, at.Format(time.RFC3339), what))
	return numbered(text, 100+number)
}

func numbered(text string, number int) string {
	text = strings.Replace(text, "c4ca4238a0b923820dcc509a6f75849b", fmt.Sprintf("id-%03d", number), 1)
	return strings.Replace(text, "4421584500000000017450439091", fmt.Sprintf("seq-%03d", number), 1)
}

func deliver(t *testing.T, texts ...string) events.DynamoDBEvent {
	t.Helper()
	return events.DynamoDBEvent{Records: delivery(t, `{"Records":[`+strings.Join(texts, ",")+`]}`)}
}

func TestAChangeNamesTheOperationWithAllThatIsKnownOfIt(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	if _, err := recorder(l, map[string]bulk.Operation{"OP-1": running}).Handle(context.Background(), deliver(t, change(1, "OP-1", 2))); err != nil {
		t.Fatal(err)
	}
	got := l.ofOP1(t)
	if len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	r := got[0]
	if r.Kind != "status-change" || r.Reason != running.Reason || r.Batch != 2 || r.Operator != (audit.Person{Sub: "sam", Name: "Sam Okafor"}) ||
		r.Approver != (audit.Person{Sub: "maria", Name: "Maria Duarte"}) || r.ByHand {
		t.Errorf("%+v", r)
	}
}

func TestAnEventSaysOnlyWhatWasKnownThen(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	_, err := recorder(l, map[string]bulk.Operation{"OP-1": running}).Handle(context.Background(),
		deliver(t, event(1, "requested", requested), event(3, "submitted", submitted), event(4, "approved", decided)))
	if err != nil {
		t.Fatal(err)
	}
	got := l.ofOP1(t)
	for i, want := range []struct{ what, reason, approver string }{
		{"requested", "", ""}, {"submitted", running.Reason, ""}, {"approved", running.Reason, "Maria Duarte"},
	} {
		if got[i].What != want.what || got[i].Reason != want.reason || got[i].Approver.Name != want.approver || got[i].Kind != "status-change" || got[i].Operator.Sub != "sam" {
			t.Errorf("event %d: %+v", i, got[i])
		}
	}
}

func TestAStampThatNoOperationCanHaveSetIsAChangeByHand(t *testing.T) {
	unapproved, rejected := running, running
	unapproved.ID, unapproved.Decision = "OP-2", nil
	rejected.ID, rejected.Decision = "OP-3", &bulk.Decision{Verdict: bulk.Reject}
	headers := map[string]bulk.Operation{"OP-1": running, "OP-2": unapproved, "OP-3": rejected}
	l := log{Audit: memory.NewAudit()}
	if _, err := recorder(l, headers).Handle(context.Background(), deliver(t,
		change(1, "OP-1", 4), change(2, "OP-1", 0), change(3, "OP-2", 1), change(4, "OP-3", 1), change(5, "OP-9", 1))); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range l.Backwards(context.Background(), audit.Trail{By: audit.ByDay, Key: "2026-11-23"}, "") {
		n++
		if err != nil {
			t.Fatal(err)
		}
		if !r.ByHand || r.Operation != "" || r.Operator.Name != audit.Unknown || !strings.Contains(r.Detail, "Stamped as made by OP-") {
			t.Errorf("%+v", r)
		}
	}
	if n != 5 {
		t.Errorf("%d records, want 5", n)
	}
}

// A stamp can be copied into any write. It counts for what was written while the
// operation ran, when the stamp says, into a record that the batch changes; also
// where the process has known the operation since it ran.
func TestAStampIsTheOperationsOnlyForWhatItDid(t *testing.T) {
	ended := running
	ended.State, ended.Version, ended.Ended = bulk.Completed, 9, started.Add(time.Minute)
	stamp := started.Add(time.Second).Format(time.RFC3339Nano)
	written := func(at time.Time) string {
		return strings.Replace(change(1, "OP-1", 1), fmt.Sprint(started.Add(time.Second).Unix()), fmt.Sprint(at.Unix()), 1)
	}
	stamped := func(at time.Time) string {
		return strings.Replace(written(at), stamp, at.Format(time.RFC3339Nano), 1)
	}
	year := started.AddDate(1, 0, 0)
	for name, c := range map[string]struct {
		text   string
		byHand bool
	}{
		"as it ran":                        {change(1, "OP-1", 1), false},
		"by a clock that is behind":        {stamped(started.Add(-time.Minute)), false},
		"by a call that outlived the run":  {stamped(ended.Ended.Add(10 * time.Minute)), false},
		"a year later, with the old stamp": {written(year), true},
		"a year later, with a new stamp":   {stamped(year), true},
		"soon after the end":               {stamped(ended.Ended.Add(16 * time.Minute)), true},
		"before the start":                 {stamped(started.Add(-time.Hour)), true},
		"a patient who is not in it":       {strings.Replace(change(1, "OP-1", 1), "PATIENT#000001", "PATIENT#999999", 1), true},
		"another record of one who is":     {strings.Replace(change(1, "OP-1", 1), `"profile"`, `"CLINICAL#condition#1"`, 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			header, l := running, log{Audit: memory.NewAudit()}
			r := recorder(l, nil)
			r.Operation = func(context.Context, string) (bulk.Operation, error) { return header, nil }
			if _, err := r.Handle(t.Context(), deliver(t, change(2, "OP-1", 1))); err != nil { // it runs
				t.Fatal(err)
			}
			header = ended
			for range 2 {
				if res, err := r.Handle(t.Context(), deliver(t, c.text)); err != nil || len(res.BatchItemFailures) > 0 {
					t.Fatal(res, err)
				}
				r = recorder(l, map[string]bulk.Operation{"OP-1": ended}) // another process, at another time
			}
			for record, err := range audit.Records(l.All(t.Context())) {
				if err != nil {
					t.Fatal(err)
				}
				if record.Patient != "000002" && (record.ByHand != c.byHand || c.byHand && (record.Operation != "" || record.Approver.Name != "" || !strings.Contains(record.Detail, "OP-1"))) {
					t.Errorf("%+v", record)
				}
			}
			if got, want := len(l.ofOP1(t)), map[bool]int{true: 1, false: 2}[c.byHand]; got != want {
				t.Errorf("%d changes are the operation's, want %d", got, want)
			}
		})
	}
}

func TestARepeatChangesNothing(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	e := deliver(t, change(1, "OP-1", 1), event(3, "submitted", submitted), change(2, "OP-1", 1))
	later := running
	later.State, later.Version = bulk.Completed, 9
	for _, headers := range []map[string]bulk.Operation{{"OP-1": running}, {"OP-1": later}} {
		if res, err := recorder(l, headers).Handle(context.Background(), e); err != nil || len(res.BatchItemFailures) != 0 {
			t.Fatal(res, err)
		}
	}
	if got := l.ofOP1(t); len(got) != 3 {
		t.Errorf("%d records after a repeat, want 3", len(got))
	}
}

func TestOneRecordThatCannotBeWrittenKeepsNoOtherBack(t *testing.T) {
	poison := numbered(streamRecord("INSERT", "OP#OP-1", "EVENT#000007", "", `{"body":{"S":"no JSON"}}`), 50)
	refusing := func(r audit.Record) error {
		if r.Patient == "000002" {
			return errors.New("the item is too large")
		}
		return nil
	}
	for name, c := range map[string]struct {
		refuse func(audit.Record) error
		second string
		first  string // sequence number that is reported
	}{
		"the table refuses it":   {refusing, change(2, "OP-1", 1), "seq-002"},
		"it cannot be read":      {nil, poison, "seq-050"},
		"two, the first counts":  {refusing, poison + "," + change(2, "OP-1", 1), "seq-050"},
		"its image has no types": {nil, numbered(`{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":1,"Keys":{"pk":{"S":"PATIENT#1"},"sk":{"S":"profile"}},"NewImage":{"stamp_op":{"S":"OP-1"},"stamp_at":{"N":"1"}},"SequenceNumber":"4421584500000000017450439091"}}`, 51), "seq-051"},
	} {
		t.Run(name, func(t *testing.T) {
			l := log{Audit: memory.NewAudit(), refuse: c.refuse}
			var logged bytes.Buffer
			r := recorder(l, map[string]bulk.Operation{"OP-1": running})
			r.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			res, err := r.Handle(context.Background(), deliver(t, change(1, "OP-1", 1), c.second, change(3, "OP-1", 1)))
			if err != nil {
				t.Fatal(err)
			}
			if want := []events.DynamoDBBatchItemFailure{{ItemIdentifier: c.first}}; !slices.Equal(res.BatchItemFailures, want) {
				t.Errorf("reported %v, want %v", res.BatchItemFailures, want)
			}
			if got := l.ofOP1(t); len(got) != 2 {
				t.Errorf("%d records written, want the 2 others", len(got))
			}
			if !strings.Contains(logged.String(), "sequence_number="+c.first) { // an alarm counts what has one
				t.Errorf("the log does not name it: %s", logged.String())
			}
		})
	}
}

func TestWhenTheTablesDoNotAnswerEverythingIsDeliveredAgain(t *testing.T) {
	down := func(audit.Record) error { return fault.New(fault.Busy, "busy") }
	if res, err := recorder(log{memory.NewAudit(), down}, map[string]bulk.Operation{"OP-1": running}).Handle(context.Background(), deliver(t, change(1, "OP-1", 1), change(2, "OP-1", 1))); err == nil {
		t.Errorf("the audit table is down: %v", res)
	}
	r := recorder(log{Audit: memory.NewAudit()}, nil)
	r.Operation = func(context.Context, string) (bulk.Operation, error) {
		return bulk.Operation{}, fault.New(fault.Busy, "busy")
	}
	if res, err := r.Handle(context.Background(), deliver(t, change(1, "OP-1", 1))); err == nil {
		t.Errorf("the operations table is down: %v", res)
	}
}

func TestHeadersAreReadOnceForAProcess(t *testing.T) {
	reads := 0
	header := running
	header.Version, header.Started = 3, time.Time{}
	r := recorder(log{Audit: memory.NewAudit()}, nil)
	r.Operation = func(context.Context, string) (bulk.Operation, error) { reads++; return header, nil }
	handle := func(texts ...string) {
		t.Helper()
		if _, err := r.Handle(context.Background(), deliver(t, texts...)); err != nil {
			t.Fatal(err)
		}
	}
	handle(event(1, "requested", requested), event(2, "planned", requested), event(3, "submitted", submitted))
	if reads != 1 {
		t.Errorf("%d reads for three events that the header is newer than", reads)
	}
	header = running
	handle(event(4, "approved", decided))
	if reads != 2 {
		t.Errorf("%d reads: an event newer than the header needs the header again", reads)
	}
	for n := range 20 {
		handle(change(n, "OP-1", 1))
	}
	if reads != 2 {
		t.Errorf("%d reads for the changes of a run that had started", reads)
	}
}

func TestNothingToAuditIsNoFailure(t *testing.T) {
	res, err := recorder(log{Audit: memory.NewAudit()}, nil).Handle(context.Background(), deliver(t, streamRecord("MODIFY", "OP#OP-1", "TOKEN#review", `{"a":{"S":"1"}}`, `{"a":{"S":"2"}}`)))
	if err != nil || res.BatchItemFailures == nil || len(res.BatchItemFailures) != 0 {
		t.Errorf("%+v %v", res, err)
	}
}
