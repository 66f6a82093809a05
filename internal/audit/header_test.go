package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
)

// header is the image of a header as it is stored.
func header(t *testing.T, version int, body string) string {
	t.Helper()
	return fmt.Sprintf(`{"body":{"S":%q},"version":{"N":"%d"}}`, body, version)
}

// A header is written with the event of its version, one after the other. What
// was written otherwise, or taken away, is an event that says what differs.
func TestAHeaderWithoutItsEventIsTampering(t *testing.T) {
	const was, is = `{"state":"awaiting-approval","id":"OP-1"}`, `{"state":"scheduled","id":"OP-1","decision":{"verdict":"approve"}}`
	for name, c := range map[string]struct {
		event, old, new string
		want            string
	}{
		"created":                       {"INSERT", "", header(t, 1, was), ""},
		"moved on":                      {"MODIFY", header(t, 2, was), header(t, 3, is), ""},
		"its event comes a little late": {"MODIFY", header(t, 3, was), header(t, 4, is), ""},
		"no event":                      {"MODIFY", header(t, 4, was), header(t, 5, is), "HEADER was written as version 5 without an event. Changed: decision, state."},
		"approved from the beginning":   {"INSERT", "", header(t, 5, is), "HEADER was written as version 5 where version 0 was stored. Changed: decision, id, state."},
		"the version kept":              {"MODIFY", header(t, 3, was), header(t, 3, is), "HEADER was written as version 3 where version 3 was stored. Changed: decision, state."},
		"the version before":            {"MODIFY", header(t, 3, is), header(t, 2, was), "HEADER was written as version 2 where version 3 was stored. Changed: decision, state."},
		"a version left out":            {"MODIFY", header(t, 1, was), header(t, 3, is), "HEADER was written as version 3 where version 1 was stored. Changed: decision, state."},
		"no version":                    {"MODIFY", header(t, 2, was), `{"body":{"S":"x"}}`, "HEADER was written as version 0 where version 2 was stored. Changed: id, state."},
		"removed":                       {"REMOVE", header(t, 3, was), "", "HEADER was removed."},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, reads := log{Audit: memory.NewAudit()}, 0
			r := recorder(l, map[string]bulk.Operation{"OP-1": running})
			r.Event = func(_ context.Context, id string, number int) (bulk.Event, error) {
				reads++
				if id != "OP-1" || number > 4 || number == 4 && reads == 1 {
					return bulk.Event{}, fault.New(fault.NotFound, "none")
				}
				return bulk.Event{Number: number}, nil
			}
			delivery := deliver(t, streamRecord(c.event, "OP#OP-1", "HEADER", c.old, c.new))
			for range 2 {
				if res, err := r.Handle(t.Context(), delivery); err != nil || len(res.BatchItemFailures) > 0 {
					t.Fatal(name, res, err)
				}
			}
			var got []string
			for _, r := range l.ofOP1(t) {
				got = append(got, r.Detail)
				if r.What != audit.Tampered || !r.ByHand || r.Type != audit.Event || r.Operator.Name != audit.Unknown || r.Approver.Name != "" || r.Part != "HEADER" {
					t.Errorf("%s: %+v", name, r)
				}
			}
			if want := []string{c.want}; !slices.Equal(got, want) && (c.want != "" || len(got) > 0) {
				t.Errorf("%s: recorded is %q, want %q", name, got, want)
			}
		})
	}
}

// A table that does not answer accuses nobody.
func TestAnEventThatCannotBeReadIsAskedForAgain(t *testing.T) {
	l := log{Audit: memory.NewAudit()}
	r := recorder(l, nil)
	r.Event = func(context.Context, string, int) (bulk.Event, error) {
		return bulk.Event{}, fault.New(fault.Busy, "busy")
	}
	moved := deliver(t, streamRecord("MODIFY", "OP#OP-1", "HEADER", header(t, 2, "{}"), header(t, 3, "{}")))
	if res, err := r.Handle(t.Context(), moved); err == nil || len(l.ofOP1(t)) > 0 {
		t.Errorf("%+v %v", res, err)
	}
	byHand := streamRecord("INSERT", "PATIENT#1", "profile", "", image(t, registry.Fields{"status": "Active"}))
	if res, err := r.Handle(t.Context(), deliver(t, numbered(byHand, 9), streamRecord("MODIFY", "OP#OP-1", "HEADER", header(t, 2, "{}"), header(t, 3, "{}")))); err != nil || len(res.BatchItemFailures) != 1 {
		t.Errorf("beside what can be written: %+v %v", res, err)
	}
}
