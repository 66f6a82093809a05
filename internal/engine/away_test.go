package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// person reads somebody's entry as it is stored.
func (c *clinic) person(p staff.Person) staff.Person {
	c.t.Helper()
	p, err := c.store.Person(c.t.Context(), p.Sub)
	must(c.t, err)
	return p
}

// away records an absence around the day on which the tests begin.
func (c *clinic) away(p staff.Person, from, until string, delegate staff.Person) {
	c.t.Helper()
	_, err := c.SetAway(c.t.Context(), c.person(p), staff.Absence{From: from, Until: until, Delegate: delegate.Sub})
	must(c.t, err)
}

func TestWhoIsAwayHasADelegate(t *testing.T) {
	c := newClinic(t)
	got, err := c.SetAway(t.Context(), c.person(grace), staff.Absence{From: "2026-12-01", Until: "2026-12-05", Delegate: amir.Sub})
	must(t, err)
	equal(t, "stored", c.person(grace).Away, got.Away)
	list(t, "told", c.sent("You decide for Grace Manages"), amir.Email)
	equal(t, "the right", c.person(grace).Role, staff.Manager)

	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...)) // asks grace and lin
	c.wait(op.ID, engine.WaitApprove, "token")
	asked := "Approval needed: " + op.ID
	list(t, "asked", c.sent(asked), amir.Email, grace.Email, lin.Email)
	i := slices.IndexFunc(c.mails, func(m engine.Mail) bool { return m.Subject == asked && m.To == amir.Email })
	if !strings.Contains(c.mails[i].Text, "In place of:   Grace Manages") {
		t.Errorf("the mail says\n%s", c.mails[i].Text)
	}
	op = c.header(op.ID)
	list(t, "amir stands in for", op.Approval.StandsInFor(amir.Sub), bulk.Person{Sub: grace.Sub, Name: grace.Name, Email: grace.Email})
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "delegated")
	equal(t, "waiting for amir", ids(c.Approvals(t.Context(), amir)), op.ID)
	op, err = c.Decide(t.Context(), amir, op.ID, approval(op))
	must(t, err)
	equal(t, "decided by", op.Decision.By.Sub, amir.Sub)
}

// A request that was sent before somebody went away reaches their delegate with
// the next sweep of the watch, once.
func TestWhoGoesAwayLaterHasADelegateToo(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	c.away(grace, "2026-12-02", "2026-12-05", amir)
	c.watch()
	list(t, "history on the day before", c.happened(op.ID), "requested", "planned", "submitted")
	c.now = noon.Add(12 * time.Hour) // the second begins
	c.watch()
	c.watch()
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "delegated")
	list(t, "asked", c.sent("Approval needed: "+op.ID), grace.Email, lin.Email, amir.Email)
}

func TestADelegateMustHaveTheRightForEachRequest(t *testing.T) {
	tests := []struct {
		name  string
		alter func(*clinic)
	}{
		{"of another facility", func(c *clinic) { c.away(grace, "2026-12-01", "2026-12-05", henry) }},
		{"disabled since", func(c *clinic) {
			c.away(grace, "2026-12-01", "2026-12-05", amir)
			gone := c.person(amir)
			gone.Disabled = true
			must(c.t, c.store.PutPerson(c.t.Context(), gone))
		}},
		{"away too", func(c *clinic) {
			c.away(grace, "2026-12-01", "2026-12-05", amir)
			c.away(amir, "2026-12-01", "2026-12-01", staff.Person{})
		}},
		{"no longer in the directory's roles that decide", func(c *clinic) {
			c.away(grace, "2026-12-01", "2026-12-05", amir)
			less := c.person(amir)
			less.Role = staff.Staff
			must(c.t, c.store.PutPerson(c.t.Context(), less))
		}},
		{"of whom there is none", func(c *clinic) { c.away(grace, "2026-12-01", "2026-12-05", staff.Person{}) }},
		{"when the absence is over", func(c *clinic) {
			c.away(grace, "2026-11-20", "2026-12-01", amir)
			c.now = noon.Add(12 * time.Hour)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			test.alter(c)
			op := c.waiting()
			c.watch()
			list(t, "history", c.happened(op.ID), "requested", "planned", "submitted")
		})
	}
}

// A decision that comes while the delegates are looked up is the last word:
// nobody is asked any more.
func TestNobodyIsAskedAfterADecisionAtTheSameMoment(t *testing.T) {
	c := newClinic(t)
	op := c.waiting()
	c.away(lin, "2026-12-01", "2026-12-05", amir)
	handed := false
	c.fault = func(call string, do func() error) error {
		if err := do(); err != nil {
			return err
		}
		switch {
		case call == "Update":
			handed = true
		case call == "Person" && handed:
			c.fault = noFault
			c.approve(op)
		}
		return nil
	}
	op, err := c.Reassign(t.Context(), grace, op.ID, lin.Sub)
	must(t, err)
	equal(t, "delegates", len(op.Approval.Delegates), 0)
	equal(t, "stored", len(c.header(op.ID).Approval.Delegates), 0)
	equal(t, "mailed", slices.Contains(c.sent("Approval needed: "+op.ID), amir.Email), false)
}

// The requester is nobody's delegate for what they asked themselves.
func TestARequesterDoesNotStandInForTheApprover(t *testing.T) {
	c := newClinic(t)
	c.away(grace, "2026-12-01", "2026-12-05", lin)
	c.admit(registry.Active, numbered(2))
	op, err := c.Request(t.Context(), lin, asks(registry.OnHold, numbered(2)...))
	must(t, err)
	must(t, c.Plan(t.Context(), op.ID))
	op, err = c.Submit(t.Context(), lin, op.ID, submission(c.header(op.ID)))
	must(t, err)
	list(t, "asked", op.Approval.Everybody(), bulk.Person{Sub: grace.Sub, Name: grace.Name, Email: grace.Email}, bulk.Person{Sub: amir.Sub, Name: amir.Name, Email: amir.Email})
	equal(t, "delegates", len(op.Approval.Delegates), 0)
}

func TestWhoIsBackHasNoDelegate(t *testing.T) {
	c := newClinic(t)
	c.away(grace, "2026-12-01", "2026-12-05", amir)
	_, err := c.Back(t.Context(), c.person(grace))
	must(t, err)
	equal(t, "stored", c.person(grace).Away, staff.Absence{})
	c.waiting()
	list(t, "told", c.sent("You decide for Grace Manages"), amir.Email)
}

func TestRefusedAbsences(t *testing.T) {
	tests := []struct {
		name     string
		actor    staff.Person
		away     staff.Absence
		field    string
		sentence string
	}{
		{"without a first day", grace, staff.Absence{Until: "2026-12-05"}, "from", "Enter the first day that you are away."},
		{"without a last day", grace, staff.Absence{From: "2026-12-02", Until: "soon"}, "until", "Enter the last day that you are away."},
		{"the wrong way round", grace, staff.Absence{From: "2026-12-05", Until: "2026-12-02"}, "until", "The last day is before the first. Swap them, or correct one."},
		{"that is over", grace, staff.Absence{From: "2026-11-02", Until: "2026-11-30"}, "until", "This day is over. Enter today or a later day."},
		{"for years", grace, staff.Absence{From: "2026-12-02", Until: "2028-12-02"}, "until", "Enter a day within a year."},
		{"with oneself as delegate", grace, staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: grace.Sub}, "delegate", "Choose one of those who could decide in your place."},
		{"with a team lead for a manager", grace, staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: tom.Sub}, "delegate", "Choose one of those who could decide in your place."},
		{"with the staff", grace, staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: ada.Sub}, "delegate", "Choose one of those who could decide in your place."},
		{"with an auditor", grace, staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: ula.Sub}, "delegate", "Choose one of those who could decide in your place."},
		{"with somebody unknown", grace, staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: "sub-nobody"}, "delegate", "Choose one of those who could decide in your place."},
		{"with somebody who is away then", grace, staff.Absence{From: "2026-12-02", Until: "2026-12-10", Delegate: lin.Sub}, "delegate", "Lin Manages All is away then too, until 12 Dec 2026. Choose somebody else."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.away(lin, "2026-12-10", "2026-12-12", staff.Person{})
			_, err := c.SetAway(t.Context(), c.person(test.actor), test.away)
			equal(t, "code", fault.CodeOf(err), fault.Invalid)
			var problems engine.Problems
			if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Field != test.field || problems[0].Sentence != test.sentence {
				t.Errorf("got %+v, want %s: %s", problems, test.field, test.sentence)
			}
			equal(t, "stored", c.person(test.actor).Away, staff.Absence{})
		})
	}
	c := newClinic(t)
	_, err := c.SetAway(t.Context(), c.person(ada), staff.Absence{From: "2026-12-02", Until: "2026-12-05"})
	refused(t, err, fault.Forbidden, "Only somebody who decides on requests names a delegate: that takes the right Team Lead or higher; yours is Staff.")
}

// An absence never brings back a right that was taken away meanwhile.
func TestAnAbsenceIsWrittenOverNoChangeOfRights(t *testing.T) {
	c := newClinic(t)
	before := c.person(grace)
	less := before
	less.Facilities = []string{"fac-2"}
	must(t, c.store.PutPerson(t.Context(), less))
	_, err := c.SetAway(t.Context(), before, staff.Absence{From: "2026-12-02", Until: "2026-12-05", Delegate: amir.Sub})
	refused(t, err, fault.Conflict, "Somebody has changed your entry in the staff directory at the same moment. Look at it again, then send it again.")
	list(t, "facilities", c.person(grace).Facilities, "fac-2")
}

func TestDelegatesAreOfferedNearestFirst(t *testing.T) {
	c := newClinic(t)
	delegates, err := c.Delegates(t.Context(), grace)
	must(t, err)
	var names []string
	for _, p := range delegates {
		names = append(names, p.Name)
	}
	list(t, "for grace", names, "Amir Administers", "Lin Manages All", "Henry Hilltop")
}
