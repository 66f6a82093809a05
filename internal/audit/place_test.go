package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// written is the stream record of a clinical note.
func written(t *testing.T, number int, patient string, at time.Time) string {
	t.Helper()
	return numbered(writtenAt(streamRecord("INSERT", "PATIENT#"+patient, fmt.Sprintf("CLINICAL#allergy#%d", number), "",
		image(t, registry.Fields{"clinical": "allergy", "text": "Penicillin", "stamp_by": "Rita", "stamp_at": "2026-11-23T20:00:00Z"})), at), number)
}

// A note does not say where its patient is: the patient does, so that those who
// see the patient find what was changed. What is recorded stays, wherever the
// patient goes.
func TestAChangedNoteConcernsThePatientsFacility(t *testing.T) {
	l, reads, at := log{Audit: memory.NewAudit()}, 0, "riverside"
	r := recorder(l, nil)
	r.Records = func(_ context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error) {
		reads++
		if len(refs) != 1 || refs[0] != registry.ProfileRef("p1") {
			return nil, nil
		}
		return map[registry.Ref]registry.Record{refs[0]: {Ref: refs[0], Fields: registry.Fields{registry.FacilityField: at}}}, nil
	}
	handle := func(texts ...string) {
		t.Helper()
		if res, err := r.Handle(t.Context(), deliver(t, texts...)); err != nil || len(res.BatchItemFailures) > 0 {
			t.Fatal(res, err)
		}
	}
	handle(written(t, 1, "p1", started), written(t, 2, "p1", started.Add(time.Second)), written(t, 3, "nobody", started))
	if reads != 2 {
		t.Errorf("%d reads for the notes of two patients", reads)
	}
	at = "lakeside"
	r = &audit.Recorder{Log: l, Records: r.Records, Logger: r.Logger}
	handle(written(t, 1, "p1", started), written(t, 4, "p1", started.Add(time.Hour)))
	handle(written(t, 5, "p1", started.Add(2*time.Hour)))
	at = "hillside"
	handle(written(t, 6, "p1", started.Add(3*time.Hour)))
	got := map[string]string{}
	for r, err := range audit.Records(l.All(t.Context())) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.Unique] = r.Facility
	}
	want := map[string]string{"id-001": "riverside", "id-002": "riverside", "id-003": "", "id-004": "lakeside", "id-005": "lakeside", "id-006": "hillside"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the notes concern %v, want %v", got, want)
	}
}

// What the profile's own stream says needs no look at it; one that cannot be
// had now is waited for.
func TestTheFacilityIsReadOnlyWhereItIsNotSaid(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	r := recorder(l, nil)
	r.Records = func(context.Context, []registry.Ref) (map[registry.Ref]registry.Record, error) {
		return nil, fault.New(fault.Busy, "busy")
	}
	moved := streamRecord("MODIFY", "PATIENT#p1", "profile", image(t, registry.Fields{"facility": "riverside"}), image(t, registry.Fields{"facility": "lakeside"}))
	if res, err := r.Handle(t.Context(), deliver(t, numbered(moved, 1), written(t, 2, "p1", started))); err != nil || len(res.BatchItemFailures) != 1 || res.BatchItemFailures[0].ItemIdentifier != "seq-002" {
		t.Errorf("%+v %v", res, err)
	}
}
