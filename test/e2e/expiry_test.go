package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
)

// A request that nobody answers is asked for again, goes to the others who may
// decide, and ends. Whoever comes too late reads that it has ended.
func TestARequestWithoutAnAnswerExpires(t *testing.T) {
	t.Parallel()
	w := newWard(t, "expiry", 2, 0)
	before := live.patients(t, w.patients...)
	op := w.submitted(t, registry.Discharged)

	subjects := func(to string) []string {
		var subjects []string
		for _, m := range live.mails(t, to, op.ID) {
			subjects = append(subjects, m.Subject)
		}
		return subjects
	}
	arrives := func(to, subject string) {
		t.Helper()
		eventually(t, subject+" reaches "+to, func() bool {
			live.sweep(t) // the schedule does so once a minute
			return slices.Contains(subjects(to), subject)
		})
	}
	asked, reminder := "Approval needed: "+op.ID, "Reminder: approval needed: "+op.ID
	const other = "ida.admin@example.org"
	limits := engine.DefaultLimits
	for _, m := range w.managers {
		arrives(m.Email, asked)
	}
	if got := subjects(w.managers[0].Email); slices.Contains(got, reminder) {
		t.Errorf("the reminder came at once: %q", got)
	}

	waited(t, op.ID, limits.RemindAfter)
	for _, m := range w.managers {
		arrives(m.Email, reminder)
	}
	if got := subjects(other); len(got) > 0 {
		t.Errorf("others were asked with the reminder: %q", got)
	}
	waited(t, op.ID, limits.EscalateAfter-limits.RemindAfter)
	arrives(other, asked)
	op = await(t, op.ID, bulk.AwaitingApproval)

	waited(t, op.ID, limits.ExpireAfter-limits.EscalateAfter)
	live.sweep(t)
	op = await(t, op.ID, bulk.Expired)
	if !strings.HasPrefix(op.Cause, "Nobody decided ") {
		t.Errorf("its cause is %q", op.Cause)
	}
	arrives(w.requester.Email, "Expired: "+op.ID)
	eventually(t, "the state machine has ended too", func() bool {
		alive, err := live.machine.Alive(t.Context(), op.ID)
		return err == nil && !alive
	})

	status, problem := signInToAPI(t, "priya.manager@example.org").do(t, "POST", "/operations/"+op.ID+"/decision",
		map[string]any{"verdict": bulk.Approve, "digest": op.Plan.Digest}, nil)
	if status != http.StatusConflict || !strings.Contains(problem.Detail, "expired at") || !strings.Contains(problem.Detail, "not recorded") {
		t.Errorf("a late approval gets %d %q", status, problem.Detail)
	}
	if after, err := live.operations.Operation(t.Context(), op.ID); err != nil || after.Decision != nil || after.State != bulk.Expired {
		t.Errorf("after the late approval it is %s with the decision %v (%v)", after.State, after.Decision, err)
	}
	for i, p := range live.patients(t, w.patients...) {
		if p.Status() != before[i].Status() || p.Stamp != before[i].Stamp {
			t.Errorf("patient %s was changed: %s", p.ID(), p.Status())
		}
	}
	// Two sweeps at the same moment may send a mail twice; none sends another.
	for _, m := range w.managers {
		got := subjects(m.Email)
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, []string{asked, reminder}) {
			t.Errorf("%s got %q", m.Email, got)
		}
	}
}

// waited lets a request have waited for longer.
func waited(t *testing.T, id string, longer time.Duration) {
	t.Helper()
	live.amend(t, id, func(op *bulk.Operation) {
		for _, at := range []*time.Time{&op.Submitted, &op.Approval.Asked, &op.Approval.Expires} {
			*at = at.Add(-longer)
		}
	})
}
