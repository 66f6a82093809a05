package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// The watch may not have come by yet.
func TestAPlanIsNotSentForApprovalAfterItsTime(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.planned(asks(registry.OnHold, numbered(2)...))
	c.now = op.Since.Add(c.Limits.ReviewExpires)
	_, err := c.Submit(t.Context(), ada, op.ID, submission(op))
	refused(t, err, fault.Conflict, "This request cannot be sent for approval: it is expired.")
	equal(t, "state", c.header(op.ID).State, bulk.Expired)
}

func TestSubmittingAsksTheApprovers(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.planned(asks(registry.OnHold, numbered(2)...))
	s := submission(op)
	s.Reason = "  " + s.Reason + "\n"
	op, err := c.Submit(t.Context(), ada, op.ID, s)
	must(t, err)
	equal(t, "state", op.State, bulk.AwaitingApproval)
	equal(t, "reason", op.Reason, "The insurance plan has ended.")
	equal(t, "submitted", op.Submitted, noon)
	equal(t, "expires", op.Approval.Expires, noon.Add(c.Limits.ExpireAfter))
	list(t, "checklist", op.Checklist, engine.Checklist...)
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted")
}

func TestTheSameSubmissionAgainChangesNothing(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, numbered(2)...))
	s := submission(op)
	s.Reason = "Another reason than the first."
	again, err := c.Submit(t.Context(), ada, op.ID, s)
	must(t, err)
	equal(t, "version", again.Version, op.Version)
	equal(t, "reason", again.Reason, op.Reason)
}

func TestIncompleteSubmissionsAreNamedByQuestion(t *testing.T) {
	tests := []struct {
		name     string
		to       registry.Status
		alter    func(*engine.Submission)
		field    string
		sentence string
	}{
		{"no reason", registry.OnHold, func(s *engine.Submission) { s.Reason = " \n" }, "reason",
			"Write why this change is needed. The approver and the auditors read it."},
		{"hardly a reason", registry.OnHold, func(s *engine.Submission) { s.Reason = "because   " }, "reason",
			"Write the reason in at least 10 characters, so that the approver can judge it."},
		{"an endless reason", registry.OnHold, func(s *engine.Submission) { s.Reason = strings.Repeat("ä", 1001) }, "reason",
			"Shorten the reason to 1000 characters; it has 1001."},
		{"one item not ticked", registry.OnHold, func(s *engine.Submission) { s.Checklist = s.Checklist[1:] }, "checklist",
			"Tick every item of the checklist before you send it for approval."},
		{"other words ticked", registry.OnHold, func(s *engine.Submission) { s.Checklist = []string{"on", "on", "on", "on"} }, "checklist",
			"Tick every item of the checklist before you send it for approval."},
		{"the number not typed where care ends", registry.Discharged, func(s *engine.Submission) { s.Typed = "" }, "typed",
			"Type the number of patients that will be changed: 2."},
		{"another number typed", registry.Deceased, func(s *engine.Submission) { s.Typed = "3" }, "typed",
			"Type the number of patients that will be changed: 2."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.planned(asks(test.to, numbered(2)...))
			s := submission(op)
			test.alter(&s)
			_, err := c.Submit(t.Context(), ada, op.ID, s)
			refused(t, err, fault.Invalid, test.sentence)
			var problems engine.Problems
			if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Field != test.field {
				t.Errorf("complains about %v, want %s", problems, test.field)
			}
			equal(t, "state", c.header(op.ID).State, bulk.Ready)
		})
	}
}

func TestTheNumberIsTypedForManyAndWhereCareEnds(t *testing.T) {
	c := newClinic(t)
	plan := func(changes int, after registry.Status) bulk.PlanSummary {
		return bulk.PlanSummary{Changes: changes, After: bulk.Counts{registry.StatusField: {string(after): changes}}}
	}
	tests := []struct {
		plan bulk.PlanSummary
		want bool
	}{
		{plan(500, registry.OnHold), false}, {plan(501, registry.OnHold), true},
		{plan(1, registry.Discharged), true}, {plan(1, registry.Deceased), true}, {plan(1, registry.Active), false},
	}
	for _, test := range tests {
		equal(t, fmt.Sprint(test.plan.After), engine.NeedsTypedNumber(test.plan), test.want)
	}
	long := bulk.Operation{Plan: plan(12_000, registry.Active)}
	s := submission(long)
	for typed, want := range map[string]int{"12000": 0, " 12,000 ": 0, "12.000": 1, "": 1, "1200": 1} {
		s.Typed = typed
		equal(t, fmt.Sprintf("problems with %q", typed), len(c.CheckSubmission(long, s, noon)), want)
	}
}

func TestRefusedSubmissions(t *testing.T) {
	tests := []struct {
		name     string
		prepare  func(c *clinic, op bulk.Operation, actor *staff.Person, s *engine.Submission)
		code     fault.Code
		sentence string
	}{
		{"of another plan", func(_ *clinic, _ bulk.Operation, _ *staff.Person, s *engine.Submission) { s.Digest = "0000" }, fault.Stale,
			"This form belongs to another plan. Read the plan that is shown now and send it again."},
		{"by somebody else", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.Submission) { *actor = grace }, fault.Forbidden,
			"Only Ada Asks, who asked for this operation, can send it for approval."},
		{"by somebody who may not see it", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.Submission) { *actor = ben }, fault.NotFound, ""},
		{"without the right", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.Submission) {
			actor.Role = staff.Auditor
		}, fault.Forbidden,
			"You may not ask for bulk operations: that takes the right Staff or higher. Ask an administrator for it."},
		{"without the facility", func(_ *clinic, _ bulk.Operation, actor *staff.Person, _ *engine.Submission) {
			actor.Facilities = []string{"fac-2"}
		}, fault.Forbidden,
			"You no longer hold every facility that this operation touches. Ask again with patients of your own facilities."},
		{"of what was taken back", func(c *clinic, op bulk.Operation, _ *staff.Person, _ *engine.Submission) {
			_, err := c.Cancel(c.t.Context(), ada, op.ID)
			must(c.t, err)
		}, fault.Conflict, "This request cannot be sent for approval: it is cancelled."},
		{"with nobody to approve", func(c *clinic, _ bulk.Operation, _ *staff.Person, _ *engine.Submission) {
			for _, p := range []staff.Person{grace, lin, amir} {
				p.Disabled, p.Facilities = p.Sub != amir.Sub, nil
				must(c.t, c.store.PutPerson(c.t.Context(), p))
			}
		}, fault.Forbidden,
			"Nobody may approve this operation: it needs a Manager, other than you, who holds every facility that it touches (1). Ask an administrator (Amir Administers) to give somebody that right, or ask for one facility at a time."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.planned(asks(registry.OnHold, numbered(2)...))
			actor, s := ada, submission(op)
			test.prepare(c, op, &actor, &s)
			_, err := c.Submit(t.Context(), actor, op.ID, s)
			if test.sentence == "" {
				test.sentence = "There is no operation " + op.ID + ", or you may not see it."
			}
			refused(t, err, test.code, test.sentence)
			if got := c.header(op.ID).State; got == bulk.AwaitingApproval {
				t.Error("it was submitted")
			}
		})
	}
}

func TestAPlanWithoutChangesCannotBeSubmitted(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.OnHold, numbered(2))
	op := c.planned(asks(registry.OnHold, numbered(2)...))
	_, err := c.Submit(t.Context(), ada, op.ID, submission(op))
	refused(t, err, fault.Invalid, "No patient can be changed, so there is nothing to approve. Read why below, and ask again with another selection or another change.")
}

// The nearest are asked first: exactly the role, few facilities, then by name.
func TestApproversAreTheNearestWhoMayDecide(t *testing.T) {
	own := func(p staff.Person, role staff.Role, facilities ...string) staff.Person {
		p.Role, p.Facilities = role, facilities
		return p
	}
	tests := []struct {
		name   string
		people []staff.Person // replace those of the clinic
		asker  staff.Person
		ids    []string
		asked  []string
		others []string
	}{
		{"managers before administrators, few facilities before all", nil, ada, []string{"P001"},
			[]string{grace.Name, lin.Name}, []string{amir.Name}},
		{"only those who hold every facility touched", nil, ada, []string{"P001", "P101"}, []string{grace.Name, lin.Name}, []string{amir.Name}},
		{"a manager of that one facility first", nil, ada, []string{"P101"}, []string{henry.Name, grace.Name}, []string{lin.Name, amir.Name}},
		{"never the requester", nil, grace, []string{"P001"}, []string{lin.Name, amir.Name}, nil},
		{"nobody disabled", []staff.Person{{Sub: grace.Sub, Name: grace.Name, Role: staff.Manager, Facilities: grace.Facilities, Disabled: true}}, ada,
			[]string{"P001"}, []string{lin.Name, amir.Name}, nil},
		{"no team lead and no auditor", []staff.Person{own(grace, staff.TeamLead, "*"), own(lin, staff.Auditor, "*")}, ada,
			[]string{"P001"}, []string{amir.Name}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, []string{"P001"})
			c.admit(registry.Active, []string{"P101"}, with(registry.FacilityField, "fac-2"))
			for _, p := range test.people {
				must(t, c.store.PutPerson(t.Context(), p))
			}
			op, err := c.Request(t.Context(), test.asker, asks(registry.OnHold, test.ids...))
			must(t, err)
			must(t, c.Plan(t.Context(), op.ID))
			op = c.header(op.ID)
			op, err = c.Submit(t.Context(), test.asker, op.ID, submission(op))
			must(t, err)
			var asked, all []string
			for _, p := range op.Approval.Approvers {
				asked = append(asked, p.Name)
			}
			first, others, err := c.Deciders(t.Context(), op)
			must(t, err)
			for _, p := range slices.Concat(first, others) {
				all = append(all, p.Name)
			}
			list(t, "asked by mail", asked, test.asked...)
			list(t, "may decide", all, append(test.asked, test.others...)...)
		})
	}
}

// A clinic may have many managers; a mail to each would be noise. Who is told
// of them is told of all.
func TestAtMostTenApproversAreEverAskedOfAllWhoMayDecide(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(1))
	for i := range 20 {
		must(t, c.store.PutPerson(t.Context(), staff.Person{Sub: fmt.Sprint(i), Name: fmt.Sprintf("Manager %02d", i), Role: staff.Manager, Facilities: []string{"fac-1"}}))
	}
	op := c.submitted(asks(registry.OnHold, "P001"))
	equal(t, "asked at first", len(op.Approval.Approvers), 2)
	first, others, err := c.Deciders(t.Context(), op)
	must(t, err)
	const may = 23 // with the three of the clinic
	equal(t, "may decide", len(first)+len(others), may)
	events, err := c.store.Events(t.Context(), op.ID)
	must(t, err)
	if said, want := events[len(events)-1].Detail, fmt.Sprintf("; %d more may decide", may-2); !strings.Contains(said, want) {
		t.Errorf("the history says %q, not %q", said, want)
	}

	c.now = noon.Add(c.Limits.EscalateAfter)
	c.watch()
	equal(t, "asked ever", len(c.header(op.ID).Approval.Everybody()), 10)
}
