package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
)

// Of decisions at the same time one is recorded. Everybody else is told which,
// and nothing of what they sent is kept.
func TestOneOfTwentyDecisionsAtOnceIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWard(t, "decisions", 3, 0)
	op := w.submitted(t, registry.OnHold)

	managers := []caller{signInToAPI(t, "jonas.manager@example.org"), signInToAPI(t, "priya.manager@example.org")}
	verdicts := []bulk.Verdict{bulk.Approve, bulk.Reject}
	var recorded []bulk.Verdict
	var refusals []string
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			verdict := verdicts[n/2%2]
			var told api.Operation
			status, problem := managers[n%2].do(t, "POST", "/operations/"+op.ID+"/decision",
				map[string]any{"verdict": verdict, "comment": "Decided in parallel.", "digest": op.Plan.Digest}, &told)
			mu.Lock()
			defer mu.Unlock()
			switch status {
			case http.StatusOK:
				recorded = append(recorded, verdict)
			case http.StatusConflict:
				refusals = append(refusals, problem.Detail)
			default:
				t.Errorf("decision %d: %d %+v", n, status, problem)
			}
		})
	}
	all.Wait()
	if len(recorded) != 1 {
		t.Fatalf("%d decisions were taken for the one that counts: %v", len(recorded), recorded)
	}
	end := map[bulk.Verdict]bulk.State{bulk.Approve: bulk.Completed, bulk.Reject: bulk.Rejected}[recorded[0]]
	op = await(t, op.ID, end)
	if op.Decision.Verdict != recorded[0] {
		t.Errorf("recorded is %q, told was %q", op.Decision.Verdict, recorded[0])
	}
	for _, sentence := range refusals {
		if !strings.Contains(sentence, string(recorded[0])+" this operation at ") {
			t.Errorf("a refusal says %q, which is not what was recorded: %s", sentence, recorded[0])
		}
	}
	changed := 0
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() == registry.OnHold {
			changed++
		}
	}
	if want := map[bulk.State]int{bulk.Completed: 3, bulk.Rejected: 0}[end]; changed != want {
		t.Errorf("%d patients are changed after %s, want %d", changed, end, want)
	}
	var decisions []audit.Record
	eventually(t, "the audit has the decision", func() bool {
		decisions = slices.DeleteFunc(collect(t, live.audit.ForOperation(t.Context(), op.ID)), func(r audit.Record) bool {
			return r.What != string(bulk.Approve) && r.What != string(bulk.Reject)
		})
		return len(decisions) > 0
	})
	if len(decisions) != 1 || decisions[0].Operator.Sub != op.Decision.By.Sub {
		t.Errorf("the audit has the decisions %+v", decisions)
	}
}

// deaf is a state machine that answers never reach.
type deaf struct {
	engine.Machine
	lost int
}

func (d *deaf) Succeed(context.Context, string, any) error {
	d.lost++
	return errors.New("the connection was lost")
}

// A decision is recorded before the state machine is told. When that fails, the
// watch tells it.
func TestALostAnswerIsDeliveredByTheWatch(t *testing.T) {
	t.Parallel()
	w := newWard(t, "lost-answer", 3, 0)
	op := w.submitted(t, registry.OnHold)
	e, machine := live.engine(t), &deaf{Machine: live.machine}
	e.Machine = machine
	if op = decide(t, e, w.managers[0], op, bulk.Approve); machine.lost == 0 {
		t.Fatal("no answer was lost")
	}
	live.sweep(t)
	if op = await(t, op.ID, bulk.Completed); op.Final.Done != 3 {
		t.Errorf("counts at the end are %+v", op.Final)
	}
	if _, waits, err := live.operations.Token(t.Context(), op.ID, engine.WaitApprove); err != nil || waits {
		t.Errorf("the used token is still stored (%v)", err)
	}
}
