package e2e_test

import (
	"reflect"
	"syscall"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// A machine that is lost in the middle of a batch costs nothing but time: what
// was committed stays, the rest is done by the repeat, nothing is done twice.
func TestAKilledWorkerCostsNothingButTime(t *testing.T) {
	t.Parallel()
	w := newWard(t, "kill", 1000, 2)
	op := w.submitted(t, registry.Inactive)
	groups, edits, groupsOf := 0, 0, map[int]int{} // of each batch
	for number := 1; number <= op.Plan.Batches; number++ {
		b, err := live.operations.Batch(t.Context(), op.ID, op.Plan.Run, number)
		if err != nil {
			t.Fatal(err)
		}
		groupsOf[number] = len(b.Groups)
		groups += len(b.Groups)
		for _, c := range b.Changes {
			edits += len(c.Edits)
		}
	}
	decide(t, live.engine(t), w.managers[0], op, bulk.Approve)

	var interrupted []bulk.Result // of batches that a kill found in the middle
	for kill := range 2 {         // the state machine repeats a batch three times
		reach(t, op.ID, kill*len(w.patients)/2+1)
		for len(halfDone(t, op, groupsOf)) == 0 && progressOf(t, op.ID).Attempted() < len(w.patients) {
			time.Sleep(time.Millisecond)
		}
		pids, err := live.FunctionPIDs("execute")
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that has ended by itself is no matter
		}
		interrupted = append(interrupted, halfDone(t, op, groupsOf)...)
	}
	if len(interrupted) == 0 {
		t.Fatal("no kill found a batch in the middle: the test says nothing")
	}

	op = await(t, op.ID, bulk.Completed)
	if op.Final != (bulk.Tally{Done: len(w.patients)}) || op.NotAttempted(op.Final) != 0 {
		t.Errorf("counts at the end are %+v", op.Final)
	}
	stored := map[[2]int]bulk.Result{}
	for _, r := range collect(t, live.operations.Results(t.Context(), op.ID)) {
		stored[[2]int{r.Batch, r.Group}] = r
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

// halfDone returns the results of batches of which, at this moment, some groups
// are written and some are not. groups says how many each batch has.
func halfDone(t *testing.T, op bulk.Operation, groups map[int]int) []bulk.Result {
	t.Helper()
	written := map[int][]bulk.Result{}
	for _, r := range collect(t, live.operations.Results(t.Context(), op.ID)) {
		written[r.Batch] = append(written[r.Batch], r)
	}
	var results []bulk.Result
	for batch, has := range written {
		if len(has) < groups[batch] {
			results = append(results, has...)
		}
	}
	return results
}
