package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"bulkops/internal/audit"
	"bulkops/internal/audit/audittest"
	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
)

var ready = started.Add(10*time.Second + 345*time.Millisecond)

// exporting is an approved export with its file, of two batches.
var exporting = func() bulk.Operation {
	op := running
	op.Kind, op.Plan = "export", bulk.PlanSummary{Run: "run", Batches: 2, Rows: map[string]int{"patient-list": 5}}
	op.File = &bulk.File{Patients: 5, Ready: ready}
	return op
}()

// batches are the ones of every plan here: of three patients in two groups, and
// of two patients in one.
func batches(_ context.Context, _, run string, number int) (bulk.Batch, error) {
	change := func(patient string) bulk.Change {
		return bulk.Change{Subject: patient, Facility: "at-" + patient, Name: "Name " + patient}
	}
	switch number {
	case 1:
		return bulk.Batch{Number: 1, Changes: []bulk.Change{change("p1"), change("p2"), change("p3")}, Groups: []int{2, 3}}, nil
	case 2:
		return bulk.Batch{Number: 2, Changes: []bulk.Change{change("p4"), change("p5")}, Groups: []int{2}}, nil
	}
	return bulk.Batch{}, fault.New(fault.NotFound, "The plan has no batch %d.", number)
}

func recorderOf(l audit.Log, op bulk.Operation) *audit.Recorder {
	r := recorder(l, map[string]bulk.Operation{"OP-1": op})
	r.Batch = batches
	return r
}

// delivered is a delivery of results; the stream says the second in which they
// were stored.
func delivered(results ...bulk.Result) (e events.DynamoDBEvent) {
	for _, r := range results {
		e.Records = append(e.Records, audittest.Result("OP-1", r, ready.Add(2*time.Second)))
	}
	return e
}

func skipped(patient, why string) bulk.Outcome {
	return bulk.Outcome{Subject: patient, State: bulk.Skipped, Code: bulk.ChangedSince, Sentence: why}
}

func failed(patient, why string) bulk.Outcome {
	return bulk.Outcome{Subject: patient, State: bulk.Failed, Code: bulk.Unwritable, Sentence: why}
}

// Of each patient in a file there is a record, and of each whom an operation left
// as they were; of nobody else.
func TestAnOutcomeThatNoChangeShowsHasARecord(t *testing.T) {
	telling := running
	telling.Plan.Notices = 3
	long := "Changed since the preview " + strings.Repeat("by Sam Okafor. ", 100)
	stored := ready.Add(2 * time.Second).Truncate(time.Second)
	for name, c := range map[string]struct {
		op     bulk.Operation
		result bulk.Result
		want   []string // patient, outcome, sentence
		at     time.Time
	}{
		"a file":                      {exporting, bulk.Result{Batch: 1}, []string{"p1 exported ", "p2 exported "}, ready},
		"its next group":              {exporting, bulk.Result{Batch: 1, Group: 1}, []string{"p3 exported "}, ready},
		"a file that lacks a patient": {exporting, bulk.Result{Batch: 2, Others: []bulk.Outcome{skipped("p5", "Gone.")}}, []string{"p4 exported ", "p5 skipped Gone."}, ready},
		"a run that changed all":      {running, bulk.Result{Batch: 1}, nil, stored},
		"a run that left two": {running, bulk.Result{Batch: 1, Others: []bulk.Outcome{failed("p2", "Too large."), skipped("p1", long)}},
			[]string{"p1 skipped " + long, "p2 failed Too large."}, stored},
		"a group that was not attempted": {running, bulk.Result{Batch: 2, Closed: true}, nil, stored},
		"messages, which have events":    {telling, bulk.Result{Batch: 1, Others: []bulk.Outcome{failed("p1", "Refused."), {Subject: "p2", State: bulk.NotAttempted}}}, nil, stored},
	} {
		t.Run(name, func(t *testing.T) {
			l := log{Audit: memory.NewAudit()}
			res, err := recorderOf(l, c.op).Handle(t.Context(), delivered(c.result))
			if err != nil || len(res.BatchItemFailures) > 0 {
				t.Fatal(res, err)
			}
			var got []string
			for _, r := range l.ofOP1(t) {
				got = append(got, r.Patient+" "+r.What+" "+r.Detail)
				want := audit.Record{At: c.at, Type: audit.Outcome, Unique: r.Unique, Operation: "OP-1", Kind: c.op.Kind, Batch: c.result.Batch,
					Operator: audit.Person{Sub: "sam", Name: "Sam Okafor"}, Approver: audit.Person{Sub: "maria", Name: "Maria Duarte"}, Reason: c.op.Reason,
					Patient: r.Patient, Facility: "at-" + r.Patient, What: r.What, Detail: r.Detail}
				if diff := cmp.Diff(want, r); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("recorded is %q, want %q", got, c.want)
			}
		})
	}
}

// A stream dates by whole seconds, a file to the millisecond: what is recorded
// stands behind the event from which it follows.
func TestAnOutcomeStandsBehindWhatItFollowsFrom(t *testing.T) {
	op := running
	op.Started = started.Add(900 * time.Millisecond)
	l := log{Audit: memory.NewAudit()}
	early := audittest.Result("OP-1", bulk.Result{Batch: 2, Others: []bulk.Outcome{skipped("p4", "Locked.")}}, op.Started)
	if _, err := recorderOf(l, op).Handle(t.Context(), events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{early}}); err != nil {
		t.Fatal(err)
	}
	if got := l.ofOP1(t); len(got) != 1 || !got[0].At.Equal(op.Started) {
		t.Errorf("%+v", got)
	}
}

// However often a result is delivered, and whatever became of the operation
// since, each patient has one record.
func TestAResultDeliveredAgainGivesTheSameRecords(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	e := delivered(bulk.Result{Batch: 1}, bulk.Result{Batch: 1, Group: 1}, bulk.Result{Batch: 2, Others: []bulk.Outcome{skipped("p4", "Gone.")}})
	ended := exporting
	file := *exporting.File
	file.Shown, file.Deleted = ready.Add(time.Hour), ready.Add(time.Hour)
	ended.State, ended.Version, ended.File = bulk.CompletedWithErrors, 9, &file
	for _, op := range []bulk.Operation{exporting, ended} {
		if res, err := recorderOf(l, op).Handle(t.Context(), e); err != nil || len(res.BatchItemFailures) > 0 {
			t.Fatal(res, err)
		}
	}
	if got := l.ofOP1(t); len(got) != 5 {
		t.Errorf("%d records, want 5", len(got))
	}
}

// A delivery that breaks off in the middle of a group is taken up again, and the
// other results of it are written meanwhile.
func TestAFailureInTheMiddleOfAGroup(t *testing.T) {
	down := true
	l := log{Audit: memory.NewAudit(), refuse: func(r audit.Record) error {
		if down && r.Patient == "p2" {
			return errors.New("throttled")
		}
		return nil
	}}
	r := recorderOf(l, exporting)
	e := delivered(bulk.Result{Batch: 1}, bulk.Result{Batch: 2})
	res, err := r.Handle(t.Context(), e)
	if err != nil || len(res.BatchItemFailures) != 1 || res.BatchItemFailures[0].ItemIdentifier != e.Records[0].Change.SequenceNumber {
		t.Fatalf("%+v %v", res, err)
	}
	if got := l.ofOP1(t); len(got) != 3 {
		t.Errorf("%d records are written, want those of p1, p4 and p5", len(got))
	}
	down = false
	if res, err := r.Handle(t.Context(), e); err != nil || len(res.BatchItemFailures) > 0 {
		t.Fatal(res, err)
	}
	if got := l.ofOP1(t); len(got) != 4 {
		t.Errorf("%d records, want 4", len(got))
	}
}

// Who can write an item can write a result. It gives no patient an outcome that
// the operation cannot have had, and is itself recorded.
func TestAResultThatNoOperationCanHaveHad(t *testing.T) {
	unapproved, waiting, without := running, running, exporting
	unapproved.Decision, waiting.Started, without.File = nil, time.Time{}, nil
	elsewhere := audittest.Result("OP-1", bulk.Result{Batch: 2}, ready)
	elsewhere.Change.Keys["sk"] = events.NewStringAttribute("RESULT#00001#00")
	two := bulk.Result{Batch: 1, Others: []bulk.Outcome{skipped("p1", "Gone."), skipped("p1", "Gone.")}}
	for name, c := range map[string]struct {
		op     bulk.Operation
		forged events.DynamoDBEvent
	}{
		"nobody approved it":                {unapproved, delivered(bulk.Result{Batch: 1})},
		"it has not started":                {waiting, delivered(bulk.Result{Batch: 1, Others: []bulk.Outcome{skipped("p1", "Gone.")}})},
		"there is no such operation":        {bulk.Operation{}, delivered(bulk.Result{Batch: 1})},
		"there is no such batch":            {exporting, delivered(bulk.Result{Batch: 3})},
		"its batch is not stored":           {running, delivered(bulk.Result{Batch: 3, Others: []bulk.Outcome{skipped("p1", "Gone.")}})},
		"there is no such group":            {exporting, delivered(bulk.Result{Batch: 2, Group: 1})},
		"it lies at the place of another":   {exporting, events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{elsewhere}}},
		"the export has no file":            {without, delivered(bulk.Result{Batch: 1})},
		"it names a patient of nobody":      {exporting, delivered(bulk.Result{Batch: 1, Others: []bulk.Outcome{skipped("p9", "Gone.")}})},
		"it names a patient of other group": {running, delivered(bulk.Result{Batch: 1, Others: []bulk.Outcome{skipped("p1", "Gone."), skipped("p3", "Gone.")}})},
		"it names a patient twice":          {running, delivered(two)},
	} {
		l := log{Audit: memory.NewAudit()}
		r := recorderOf(l, c.op)
		if c.op.ID == "" {
			r.Operation = recorder(l, nil).Operation
		}
		for range 2 {
			if res, err := r.Handle(t.Context(), c.forged); err != nil || len(res.BatchItemFailures) > 0 {
				t.Fatal(name, res, err)
			}
		}
		got := l.ofOP1(t)
		if len(got) != 1 || got[0].Type != audit.Event || got[0].What != audit.Tampered || !got[0].ByHand || got[0].Patient != "" || got[0].Operator.Name != audit.Unknown ||
			!strings.Contains(got[0].Detail, got[0].Part+" was stored, and is no result that OP-1 can have had.") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A result that cannot be read holds up no other; it is parked, and the rest of
// what is parked with it gets its records.
func TestAParkedResultIsWrittenOnce(t *testing.T) {
	poison := audittest.Result("OP-1", bulk.Result{Batch: 1}, ready)
	poison.Change.NewImage["body"] = events.NewBinaryAttribute([]byte("no result"))
	numbers := poison
	numbers.Change.NewImage = map[string]events.DynamoDBAttributeValue{"body": events.NewNumberAttribute("1")}
	e := delivered(bulk.Result{Batch: 2}, bulk.Result{Batch: 1, Group: 1})
	e.Records = slices.Concat(e.Records[:1], []events.DynamoDBEventRecord{poison, numbers}, e.Records[1:])
	l := log{Audit: memory.NewAudit()}
	r := recorderOf(l, exporting)
	res, err := r.Handle(t.Context(), e)
	if err != nil || len(res.BatchItemFailures) != 1 || res.BatchItemFailures[0].ItemIdentifier != poison.Change.SequenceNumber {
		t.Fatalf("%+v %v", res, err)
	}
	if got := l.ofOP1(t); len(got) != 3 {
		t.Errorf("%d records, want those of p3, p4 and p5", len(got))
	}

	l = log{Audit: memory.NewAudit()}
	r = recorderOf(l, exporting)
	files := memory.NewFiles()
	put(t, files, "a", parked(t, e))
	done, err := r.Redrive(t.Context(), files, false)
	if err != nil || done.Records != 3 || len(done.Left) != 1 || !strings.Contains(done.Left[0].Why, "a result that cannot be read") {
		t.Fatalf("%+v %v", done, err)
	}
	for range 2 {
		if done, err = r.Redrive(t.Context(), files, true); err != nil || len(done.Left) > 0 {
			t.Fatalf("%+v %v", done, err)
		}
	}
	if got := l.ofOP1(t); len(got) != 3 || len(left(t, files)) > 0 {
		t.Errorf("%d records, want 3; kept is %v", len(got), left(t, files))
	}
}

// A process reads a batch once for its groups, and a header again only where it
// says less than the result follows from.
func TestPlansAreReadOnceForAProcess(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	header := exporting
	header.File = nil
	r := recorderOf(l, exporting)
	headers, plans := 0, 0
	r.Operation = func(context.Context, string) (bulk.Operation, error) { headers++; return header, nil }
	r.Batch = func(ctx context.Context, id, run string, number int) (bulk.Batch, error) {
		plans++
		if id != "OP-1" || run != "run" {
			return bulk.Batch{}, fmt.Errorf("asked for batch %d of %s, %s", number, id, run)
		}
		return batches(ctx, id, run, number)
	}
	handle := func(e events.DynamoDBEvent) {
		t.Helper()
		if res, err := r.Handle(t.Context(), e); err != nil || len(res.BatchItemFailures) > 0 {
			t.Fatal(res, err)
		}
	}
	handle(deliver(t, event(5, "started", started)))
	header = exporting
	for range 3 {
		handle(delivered(bulk.Result{Batch: 1}, bulk.Result{Batch: 1, Group: 1}, bulk.Result{Batch: 2}))
	}
	if headers != 2 || plans != 2 || len(l.ofOP1(t)) != 6 {
		t.Errorf("%d headers and %d batches were read for %d records", headers, plans, len(l.ofOP1(t)))
	}
	r = recorderOf(l, exporting)
	r.Batch = func(context.Context, string, string, int) (bulk.Batch, error) {
		return bulk.Batch{}, fault.New(fault.Busy, "busy")
	}
	if res, err := r.Handle(t.Context(), delivered(bulk.Result{Batch: 1})); err == nil {
		t.Errorf("the operations table is down: %v", res)
	}
}

// A sentence quotes what somebody wrote into a record, however long that is.
func TestALongSentenceFitsIntoARecord(t *testing.T) {
	for sentence, want := range map[string]string{strings.Repeat("x", 350_000): strings.Repeat("x", 350_000), strings.Repeat("<", 80_000): digest(strings.Repeat("<", 80_000))} {
		l := log{Audit: memory.NewAudit()}
		if _, err := recorderOf(l, running).Handle(t.Context(), delivered(bulk.Result{Batch: 2, Others: []bulk.Outcome{skipped("p4", sentence)}})); err != nil {
			t.Fatal(err)
		}
		if got := l.ofOP1(t); len(got) != 1 || got[0].Detail != want {
			t.Errorf("%d records for a sentence of %d bytes", len(got), len(sentence))
		}
	}
}

// The patients of a group come in the order of the plan, also when there are more
// than ten.
func TestPatientsComeInTheOrderOfThePlan(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	r := recorderOf(l, exporting)
	whole := bulk.Batch{Number: 1, Groups: []int{bulk.BatchSize}}
	for n := range bulk.BatchSize {
		whole.Changes = append(whole.Changes, bulk.Change{Subject: fmt.Sprint("p", n)})
	}
	r.Batch = func(context.Context, string, string, int) (bulk.Batch, error) { return whole, nil }
	if _, err := r.Handle(t.Context(), delivered(bulk.Result{Batch: 1})); err != nil {
		t.Fatal(err)
	}
	got := l.ofOP1(t)
	if len(got) != bulk.BatchSize {
		t.Fatalf("%d records", len(got))
	}
	for n, record := range got {
		if record.Patient != whole.Changes[n].Subject {
			t.Fatalf("record %d is of %s, not of %s", n, record.Patient, whole.Changes[n].Subject)
		}
	}
}
