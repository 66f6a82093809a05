package e2e_test

import (
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// A stop ends a run between two groups of changes. What was done stays done and
// is counted, the rest is left as it was and is listed as not attempted.
func TestAStoppedRunSaysWhatWasDoneAndWhatWasNot(t *testing.T) {
	t.Parallel()
	w := newWard(t, "stop", 120, 20)
	op := w.approved(t, registry.Inactive)
	reach(t, op.ID, 8)
	if _, err := live.engine(t).Stop(t.Context(), w.requester, op.ID); err != nil {
		t.Fatal(err)
	}
	op = await(t, op.ID, bulk.Stopped)
	missing := op.NotAttempted(op.Final)
	if op.Final.Done < 8 || missing < 1 || op.Final.Done+missing != len(w.patients) {
		t.Fatalf("%+v, %d not attempted, of %d", op.Final, missing, len(w.patients))
	}
	if want := "Stopped by " + w.requester.Name; !strings.HasPrefix(op.Cause, want) {
		t.Errorf("its cause is %q, want %q", op.Cause, want)
	}

	said := map[string]bulk.OutcomeState{}
	count := map[bulk.OutcomeState]int{}
	for _, line := range collect(t, live.engine(t).Lines(t.Context(), op)) {
		said[line.Change.Subject] = line.Outcome.State
		count[line.Outcome.State]++
	}
	if count[bulk.Done] != op.Final.Done || count[bulk.NotAttempted] != missing || len(said) != len(w.patients) {
		t.Errorf("the list says %v of %d patients, the counts %+v", count, len(said), op.Final)
	}
	for _, p := range live.patients(t, w.patients...) {
		done := p.Status() == registry.Inactive && p.Stamp.Operation == op.ID
		if left := p.Status() == registry.Active && p.Stamp.Operation == ""; said[p.ID()] == bulk.Done && !done || said[p.ID()] == bulk.NotAttempted && !left {
			t.Errorf("patient %s, listed as %q, is %s, stamped by %q", p.ID(), said[p.ID()], p.Status(), p.Stamp.Operation)
		}
	}
}
