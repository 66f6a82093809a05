package portal

import (
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/staff"
)

// notes are what a page says right after something was done; the address names
// one of them, so loading the page again says the same. As anybody can write such
// an address, each is said only where it is true of the person and the operation.
var notes = map[string]struct {
	banner
	holds func(staff.Person, bulk.Operation) bool
}{
	"approved":      {success("Your approval is recorded. The operation starts by itself."), decidedBy(bulk.Approve)},
	"rejected":      {success("Your rejection is recorded. The requester is told by mail."), decidedBy(bulk.Reject)},
	"reassigned":    {success("The request was handed on. Whom it waits for now is told by mail."), handedOn},
	"away":          {success("Your absence is recorded. A delegate is told by mail."), isAway},
	"back":          {success("Your absence is no longer recorded."), func(p staff.Person, op bulk.Operation) bool { return !isAway(p, op) }},
	"taken-back":    {success("The request was taken back. Nothing was changed."), in(bulk.Cancelled)},
	"stopping":      {success("No further changes begin. Those under way are being finished."), in(bulk.Stopping, bulk.Stopped)},
	"task-given":    {success("It is recorded whose task it is."), someTask(func(t bulk.Task, _ staff.Person) bool { return t.Given.Sub != "" })},
	"task-done":     {success("The task is ticked, with your name and the time."), someTask(func(t bulk.Task, p staff.Person) bool { return t.By.Sub == p.Sub })},
	"task-reopened": {success("The task is open again."), someTask(func(t bulk.Task, _ staff.Person) bool { return !t.Done() })},
	"moved-on":      {banner{"info", "It has moved on", "The page shows how the operation stands now. What came too late changed nothing."}, always},
	"place":         {banner{"info", "This is what counts now", "Plans that are made from now on follow it."}, always},
	"rights":        {banner{"info", "This is what counts now", "Rights that were changed count from the person’s next click on."}, always},
}

func success(text string) banner { return banner{"success", "Success", text} }

func always(staff.Person, bulk.Operation) bool { return true }

func isAway(p staff.Person, _ bulk.Operation) bool { return p.Away != staff.Absence{} }

func decidedBy(verdict bulk.Verdict) func(staff.Person, bulk.Operation) bool {
	return func(p staff.Person, op bulk.Operation) bool {
		return op.Decision != nil && op.Decision.Verdict == verdict && op.Decision.By.Sub == p.Sub
	}
}

func handedOn(p staff.Person, op bulk.Operation) bool {
	return slices.ContainsFunc(op.Approval.Reassigned, func(h bulk.Handover) bool { return h.By.Sub == p.Sub })
}

func in(states ...bulk.State) func(staff.Person, bulk.Operation) bool {
	return func(_ staff.Person, op bulk.Operation) bool { return slices.Contains(states, op.State) }
}

func someTask(is func(bulk.Task, staff.Person) bool) func(staff.Person, bulk.Operation) bool {
	return func(p staff.Person, op bulk.Operation) bool {
		return slices.ContainsFunc(op.Tasks, func(t bulk.Task) bool { return is(t, p) })
	}
}

// note is what the address says was just done; nil where that is not so. A page
// about no operation passes the zero one.
func (rq *request) note(op bulk.Operation) *banner {
	n, ok := notes[rq.r.URL.Query().Get("note")]
	if !ok || !n.holds(rq.person, op) {
		return nil
	}
	return &n.banner
}
