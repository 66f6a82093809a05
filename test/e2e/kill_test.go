package e2e_test

import (
	"reflect"
	"syscall"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// A machine that is lost in the middle of a batch costs nothing but time: what
// was committed stays, the rest is done by the repeat, nothing is done twice.
func TestAKilledWorkerCostsNothingButTime(t *testing.T) {
	t.Parallel()
	w := newWard(t, "kill", 1000, 1)
	op := w.approved(t, registry.Inactive)

	var interrupted []bulk.Result // of batches that a kill found in the middle
	kills := 0
	for _, part := range []int{5, 3, 2} {
		reach(t, op.ID, len(w.patients)/part-100)
		pids, err := live.FunctionPIDs("execute")
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				kills++
			}
		}
		interrupted = halfDone(t, op, interrupted)
	}
	if kills == 0 || len(interrupted) == 0 {
		t.Fatalf("%d workers were killed, %d batches were in the middle: the test is too late to say anything", kills, len(interrupted))
	}

	op = await(t, op.ID, bulk.Completed)
	if op.Final != (bulk.Tally{Done: len(w.patients)}) || op.NotAttempted(op.Final) != 0 {
		t.Errorf("counts at the end are %+v", op.Final)
	}
	stored := map[[2]int]bulk.Result{}
	for _, r := range collect(t, live.operations.Results(t.Context(), op.ID)) {
		stored[[2]int{r.Batch, r.Group}] = r
	}
	edits, groups := 0, 0
	for number := 1; number <= op.Plan.Batches; number++ {
		b, err := live.operations.Batch(t.Context(), op.ID, op.Plan.Run, number)
		if err != nil {
			t.Fatal(err)
		}
		groups += len(b.Groups)
		for _, c := range b.Changes {
			edits += len(c.Edits)
		}
	}
	if len(stored) != groups {
		t.Errorf("%d results for %d groups", len(stored), groups)
	}
	for _, r := range interrupted {
		if !reflect.DeepEqual(stored[[2]int{r.Batch, r.Group}], r) {
			t.Errorf("the result of group %d of batch %d was written again", r.Group, r.Batch)
		}
	}
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() != registry.Inactive || p.Stamp.Operation != op.ID {
			t.Errorf("patient %s is %s, stamped by %q", p.ID(), p.Status(), p.Stamp.Operation)
		}
	}

	// One audit record for each edit, none twice: a change that was made again
	// would have left a second one.
	seen := map[registry.Ref]bool{}
	for _, r := range awaitAudit(t, op.ID, edits) {
		ref := registry.Ref{Patient: r.Patient, Part: r.Part}
		if seen[ref] {
			t.Errorf("the change of %s of %s is audited twice", r.Part, r.Patient)
		}
		seen[ref] = true
	}
}

// halfDone adds to before the results of batches of which, at this moment, some
// groups are written and some are not.
func halfDone(t *testing.T, op bulk.Operation, before []bulk.Result) []bulk.Result {
	t.Helper()
	written := map[int][]bulk.Result{}
	for _, r := range collect(t, live.operations.Results(t.Context(), op.ID)) {
		written[r.Batch] = append(written[r.Batch], r)
	}
	for number, results := range written {
		b, err := live.operations.Batch(t.Context(), op.ID, op.Plan.Run, number)
		if err != nil {
			t.Fatal(err)
		}
		if len(results) < len(b.Groups) {
			before = append(before, results...)
		}
	}
	return before
}
