package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
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
	// The schedule sweeps once a minute, which is too seldom for these times.
	var last time.Time
	sweep := func() {
		if time.Since(last) > time.Second {
			live.sweep(t)
			last = time.Now()
		}
	}
	arrives := func(to, subject string) {
		t.Helper()
		eventually(t, expireAfter, subject+" reaches "+to, func() bool {
			sweep()
			return slices.Contains(subjects(to), subject)
		})
	}
	asked, reminder := "Approval needed: "+op.ID, "Reminder: approval needed: "+op.ID
	const other = "ida.admin@example.org"
	for _, m := range w.managers {
		arrives(m.Email, asked)
	}
	if since := time.Since(op.Submitted); since < remindAfter && slices.Contains(subjects(w.managers[0].Email), reminder) {
		t.Errorf("the reminder came after %s", since)
	}
	if since := time.Since(op.Submitted); since < escalateAfter && len(subjects(other)) > 0 {
		t.Errorf("others were asked after %s", since)
	}
	for _, m := range w.managers {
		arrives(m.Email, reminder)
	}
	arrives(other, asked)

	eventually(t, expireAfter+20*time.Second, op.ID+" expires", func() bool {
		sweep()
		now, err := live.operations.Operation(t.Context(), op.ID)
		if err != nil {
			t.Fatal(err)
		}
		return now.State == bulk.Expired
	})
	op = await(t, op.ID, bulk.Expired)
	if took := op.Ended.Sub(op.Submitted); took < expireAfter {
		t.Errorf("it expired after %s", took)
	}
	if !strings.HasPrefix(op.Cause, "Nobody decided ") {
		t.Errorf("its cause is %q", op.Cause)
	}
	arrives(w.requester.Email, "Expired: "+op.ID)
	eventually(t, 20*time.Second, "the state machine has ended too", func() bool {
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
