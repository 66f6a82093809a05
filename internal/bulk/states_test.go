package bulk_test

import (
	"slices"
	"testing"

	"bulkops/internal/bulk"
)

var states = []bulk.State{
	bulk.Planning, bulk.Ready, bulk.AwaitingApproval, bulk.Scheduled, bulk.Running, bulk.Stopping,
	bulk.Completed, bulk.CompletedWithErrors, bulk.Stopped, bulk.FailedState, bulk.Rejected, bulk.Expired, bulk.Cancelled,
}

// life is the picture of the design, written out by hand.
var life = map[bulk.State][]bulk.State{
	bulk.Planning:         {bulk.Ready, bulk.FailedState, bulk.Cancelled},
	bulk.Ready:            {bulk.AwaitingApproval, bulk.Cancelled, bulk.Expired, bulk.FailedState},
	bulk.AwaitingApproval: {bulk.Scheduled, bulk.Rejected, bulk.Expired, bulk.Cancelled, bulk.FailedState},
	bulk.Scheduled:        {bulk.Running, bulk.Cancelled, bulk.FailedState},
	bulk.Running:          {bulk.Stopping, bulk.Completed, bulk.CompletedWithErrors, bulk.Stopped, bulk.FailedState},
	bulk.Stopping:         {bulk.Stopped, bulk.Completed, bulk.CompletedWithErrors, bulk.FailedState},
}

func TestOnlyTheDesignedStepsAreAllowed(t *testing.T) {
	for _, from := range states {
		for _, to := range states {
			if got, want := from.MayBecome(to), slices.Contains(life[from], to); got != want {
				t.Errorf("%s may become %s: %v, want %v", from, to, got, want)
			}
		}
		if got, want := from.Ended(), len(life[from]) == 0; got != want {
			t.Errorf("%s has ended: %v, want %v", from, got, want)
		}
	}
}

// Nothing is changed without an approval: the only way to running leads
// through it.
func TestTheOnlyWayToRunningLeadsThroughApproval(t *testing.T) {
	for _, step := range []struct{ to, from bulk.State }{{bulk.Running, bulk.Scheduled}, {bulk.Scheduled, bulk.AwaitingApproval}} {
		for _, from := range states {
			if from.MayBecome(step.to) != (from == step.from) {
				t.Errorf("%s may become %s: %v", from, step.to, from.MayBecome(step.to))
			}
		}
	}
}

func TestEveryStateHasWordsAndAnEnd(t *testing.T) {
	if len(bulk.Texts) != len(states) {
		t.Errorf("%d texts for %d states", len(bulk.Texts), len(states))
	}
	for _, s := range states {
		if text := bulk.Texts[s]; text.Title == "" || text.Sentence == "" {
			t.Errorf("%s has no words", s)
		}
		if !reachesEnd(s, nil) {
			t.Errorf("%s never ends", s)
		}
		if (bulk.Operation{State: s}).WaitsFor() == "" != s.Ended() {
			t.Errorf("%s waits for %q, ended %v", s, (bulk.Operation{State: s}).WaitsFor(), s.Ended())
		}
	}
}

func reachesEnd(s bulk.State, seen []bulk.State) bool {
	if s.Ended() {
		return true
	}
	return slices.ContainsFunc(life[s], func(next bulk.State) bool {
		return !slices.Contains(seen, next) && reachesEnd(next, append(seen, s))
	})
}
