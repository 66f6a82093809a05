package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
)

// endings counts what became of the operations of many worlds: a simulation in
// which nothing much happens would find nothing.
type endings struct {
	mu     sync.Mutex
	counts map[string]int
}

func (e *endings) add(w *world) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = map[string]int{}
	}
	e.counts["worlds"]++
	e.counts["calls"] += w.traced
	e.counts["mails without an answer"] += w.hung
	for _, op := range w.checker.headers {
		e.counts[string(op.State)]++
		if op.Origin != nil && op.Final.Done > 0 {
			e.counts[string(op.Origin.As)+"s that did something"]++
		}
		if op.Final.Done > 0 {
			e.counts[runsOf(op.Kind)]++
		}
		if links := w.checker.links(op); op.Final.Done > 0 && len(links) > 1 {
			e.counts[strings.Join(links, " of a ")+" that did something"]++
		}
		if op.File != nil {
			e.counts["files"]++
			e.counts["files opened"] += len(w.shown[op.ID])
			if !op.File.Deleted.IsZero() {
				e.counts["files deleted"]++
			}
		}
		switch {
		case op.Start.IsZero():
		case op.StartPassed():
			e.counts["starts that had passed"]++
		case !op.Started.IsZero():
			e.counts["runs at a chosen time"]++
		case op.State == bulk.Cancelled && op.Decision != nil:
			e.counts["taken back before their start"]++
		}
		events, _ := w.store.Events(context.Background(), op.ID)
		for _, event := range events {
			if strings.HasPrefix(event.Detail, "Stopped by itself") {
				e.counts["stops by themselves"]++
			}
		}
		if op.Plan.Notices > 0 {
			e.notices(w, op)
		}
		e.counts["patients done"] += op.Final.Done
		e.counts["patients skipped"] += op.Final.Skipped
		e.counts["patients failed"] += op.Final.Failed
		if !op.Started.IsZero() {
			e.counts["patients not attempted"] += op.NotAttempted(op.Final)
		}
		if len(w.checker.plans[op.ID].groups()) > 1 {
			e.counts["runs of several groups"]++
		}
	}
}

// links says how the operation was made, from the last step back.
func (k *checker) links(op bulk.Operation) (links []string) {
	for ; op.Origin != nil; op = k.headers[op.Origin.Operation] {
		links = append(links, string(op.Origin.As))
	}
	return links
}

func (p *approvedPlan) groups() (groups []int) {
	if p == nil {
		return nil
	}
	for _, b := range p.batches {
		groups = append(groups, b.Groups...)
	}
	return groups
}

func (e *endings) String() string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(e.counts)) {
		lines = append(lines, fmt.Sprintf("%8d %s", e.counts[what], what))
	}
	return "\n" + strings.Join(lines, "\n")
}

// check wants every ending often enough to be tested.
func (e *endings) check(t *testing.T) {
	t.Helper()
	for what, least := range map[string]int{
		string(bulk.Completed): 100, string(bulk.CompletedWithErrors): 100, string(bulk.Stopped): 20, string(bulk.FailedState): 100,
		string(bulk.Rejected): 50, string(bulk.Expired): 50, string(bulk.Cancelled): 50, "runs of several groups": 50,
		"rollbacks that did something": 50, "reruns that did something": 100,
		"rerun of a rerun that did something": 15, "rollback of a rerun that did something": 4, "rollback of a rollback that did something": 2,
		"files": 40, "files opened": 20, "files deleted": 20,
		"runs at a chosen time": 50, "starts that had passed": 10, "taken back before their start": 20, "stops by themselves": 2,
		"notices done": 200, "notices mail-refused": 30, "notices mail-unknown": 15, "notices not attempted": 30, "mails without an answer": 1000,
		"patients done": 1000, "patients skipped": 200, "patients failed": 10, "patients not attempted": 100,
	} {
		if e.counts[what] < least {
			t.Errorf("only %d %s; want %d for the simulation to mean something", e.counts[what], what, least)
		}
	}
	for _, k := range kind.All {
		if what := runsOf(k.Name); e.counts[what] < 30 {
			t.Errorf("only %d %s; want 30 for the simulation to be one of all kinds", e.counts[what], what)
		}
	}
}

func runsOf(kind string) string { return "runs of " + kind + " that did something" }
