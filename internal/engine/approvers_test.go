package engine_test

import (
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// waiting is an operation of ada's that waits for an approver: grace and lin
// are asked, amir may decide too.
func (c *clinic) waiting() bulk.Operation {
	c.t.Helper()
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	c.wait(op.ID, engine.WaitApprove, "token")
	return op
}

func ids(ops []bulk.Operation, err error) string {
	list := make([]string, len(ops))
	for i, op := range ops {
		list[i] = op.ID
	}
	if err != nil {
		return err.Error()
	}
	return strings.Join(list, " ")
}

func TestARequestIsHandedToAnotherApprover(t *testing.T) {
	for _, by := range []staff.Person{grace, ada, amir} {
		t.Run("by "+by.Name, func(t *testing.T) {
			c := newClinic(t)
			op := c.waiting()
			c.now = noon.Add(30 * time.Hour)
			c.watch()
			op, err := c.Reassign(t.Context(), by, op.ID, amir.Sub)
			must(t, err)
			list(t, "asked", op.Approval.Everybody(), bulk.Person{Sub: amir.Sub, Name: amir.Name, Email: amir.Email})
			list(t, "mailed", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email, amir.Email)
			last := c.mails[len(c.mails)-1]
			if !strings.Contains(last.Text, "Handed to you by: "+by.Name) || !strings.Contains(last.Text, c.PortalURL+"/approvals/") {
				t.Errorf("the mail says\n%s", last.Text)
			}
			list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "reminded", "reassigned")
			events, err := c.Operations.Events(t.Context(), op.ID)
			must(t, err)
			equal(t, "event", events[4].Detail, "to Amir Administers; asked before: Grace Manages, Lin Manages All")
			equal(t, "by", events[4].Actor.Sub, by.Sub)

			equal(t, "waiting for amir", ids(c.Approvals(t.Context(), amir)), op.ID)
			equal(t, "waiting for grace", ids(c.Approvals(t.Context(), grace)), "")
			equal(t, "handed on by grace", ids(c.HandedOn(t.Context(), grace)), op.ID)
			equal(t, "who took it", op.Approval.TakenFrom(grace.Sub).To.Name, amir.Name)
			equal(t, "handed on by amir", ids(c.HandedOn(t.Context(), amir)), "")
			equal(t, "waiting for henry", ids(c.Approvals(t.Context(), henry)), "")
		})
	}
}

func TestHandingOnTwiceToTheSameChangesNothing(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	first, err := c.Reassign(t.Context(), grace, op.ID, lin.Sub)
	must(t, err)
	again, err := c.Reassign(t.Context(), ada, op.ID, lin.Sub)
	must(t, err)
	equal(t, "version", again.Version, first.Version)
	list(t, "mailed", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email, lin.Email)
}

// Who gets it has the whole time to answer; after that others are asked, also
// those from whom it was taken. When it expires does not change.
func TestTheTimesBeginAnewButNotTheLast(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	c.now = noon.Add(47 * time.Hour)
	c.watch()
	op, err := c.Reassign(t.Context(), grace, op.ID, lin.Sub)
	must(t, err)
	equal(t, "expires", op.Approval.Expires, noon.Add(c.Limits.ExpireAfter))
	sweep := func(after time.Duration, want engine.Swept) {
		t.Helper()
		c.now = noon.Add(47*time.Hour + after)
		got := c.watch()
		got.Looked = 0
		equal(t, "sweep after "+after.String(), got, want)
	}
	reminder := "Reminder: approval needed: " + op.ID
	sweep(23*time.Hour, engine.Swept{})
	sweep(24*time.Hour, engine.Swept{Reminded: 1, Mailed: 1})
	list(t, "reminded", c.sent(reminder), grace.Email, lin.Email, lin.Email)
	sweep(48*time.Hour, engine.Swept{Escalated: 1, Mailed: 1})
	equal(t, "waiting for grace again", ids(c.Approvals(t.Context(), grace)), op.ID)
	equal(t, "handed on by grace", ids(c.HandedOn(t.Context(), grace)), "")
}

// Asked or not, who has the right may decide.
func TestWhoHandedItOnMayStillDecide(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	op, err := c.Reassign(t.Context(), ada, op.ID, lin.Sub)
	must(t, err)
	op, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	must(t, err)
	equal(t, "state", op.State, bulk.Scheduled)
	_, err = c.Reassign(t.Context(), lin, op.ID, amir.Sub)
	refused(t, err, fault.Conflict, "Nobody is asked to decide on this operation: it is approved.")
}

func TestRefusedHandovers(t *testing.T) {
	nobody := "There is no operation %s, or you may not see it."
	tests := []struct {
		name      string
		actor, to staff.Person
		code      fault.Code
		sentence  string
	}{
		{"to somebody of another facility", grace, henry, fault.Invalid, "Choose one of those who may decide on this request."},
		{"to a team lead", grace, tom, fault.Invalid, "Choose one of those who may decide on this request."},
		{"to the requester", grace, ada, fault.Invalid, "Choose one of those who may decide on this request."},
		{"to nobody", grace, staff.Person{}, fault.Invalid, "Choose one of those who may decide on this request."},
		{"by a team lead", tom, lin, fault.Forbidden, "Only Ada Asks, who asked for this operation, or somebody who may decide on it can hand it to another approver."},
		{"by an auditor", ula, lin, fault.Forbidden, "Only Ada Asks, who asked for this operation, or somebody who may decide on it can hand it to another approver."},
		{"by somebody who may not see it", henry, lin, fault.NotFound, nobody},
		{"by somebody else of the staff", ben, lin, fault.NotFound, nobody},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			op := c.waiting()
			_, err := c.Reassign(t.Context(), test.actor, op.ID, test.to.Sub)
			refused(t, err, test.code, strings.ReplaceAll(test.sentence, "%s", op.ID))
			equal(t, "version", c.header(op.ID).Version, op.Version)
		})
	}
}

// A right that was taken away between the page and its form counts.
func TestNothingIsHandedToSomebodyWhoHasLostTheRight(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	_, offered, err := c.ToReassign(t.Context(), grace, op.ID)
	must(t, err)
	equal(t, "offered", len(offered), 3)
	gone := lin
	gone.Disabled = true
	must(t, c.store.PutPerson(t.Context(), gone))
	_, err = c.Reassign(t.Context(), grace, op.ID, lin.Sub)
	equal(t, "code", fault.CodeOf(err), fault.Invalid)
}
