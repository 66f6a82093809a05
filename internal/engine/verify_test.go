package engine_test

import (
	"context"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestAnApprovedPlanRuns(t *testing.T) {
	c := newClinic(t)
	ids := numbered(150)
	c.admit(registry.Active, ids)
	op := c.approved(asks(registry.OnHold, ids...))
	v, err := c.Verify(t.Context(), op.ID)
	must(t, err)
	equal(t, "ok", v.OK, true)
	list(t, "batches", v.Batches, 1, 2)
	op = c.header(op.ID)
	equal(t, "state", op.State, bulk.Running)
	equal(t, "started", op.Started, noon)

	again, err := c.Verify(t.Context(), op.ID) // the first answer was lost
	must(t, err)
	list(t, "batches again", again.Batches, 1, 2)
	equal(t, "version", c.header(op.ID).Version, op.Version)
}

// tampered answers with parts of the plan other than those that were stored.
type tampered struct {
	engine.Operations
	batch      func(*bulk.Batch) error
	exclusions func([]bulk.Exclusion) error
}

func (o tampered) Batch(ctx context.Context, id, run string, number int) (bulk.Batch, error) {
	b, err := o.Operations.Batch(ctx, id, run, number)
	if err == nil {
		err = o.batch(&b)
	}
	return b, err
}

func (o tampered) Exclusions(ctx context.Context, id, run string, page int) ([]bulk.Exclusion, error) {
	x, err := o.Operations.Exclusions(ctx, id, run, page)
	if err == nil {
		err = o.exclusions(x)
	}
	return x, err
}

func TestAPlanOtherThanTheApprovedOneDoesNotRun(t *testing.T) {
	const cause = "The stored plan is not the one that was approved. Nothing was changed. Tell your administrator, and ask again."
	missing := fault.New(fault.NotFound, "The plan has no such part.")
	tests := []struct {
		name       string
		batch      func(*bulk.Batch) error
		exclusions func([]bulk.Exclusion) error
	}{
		{"another value", func(b *bulk.Batch) error { b.Changes[1].Edits[0].After[registry.StatusField] = "Deceased"; return nil }, nil},
		{"another patient", func(b *bulk.Batch) error { b.Changes[1].Edits[0].Ref.Patient = "P999"; return nil }, nil},
		{"a condition less", func(b *bulk.Batch) error { b.Changes[1].Edits[0].Reads = nil; return nil }, nil},
		{"a change more", func(b *bulk.Batch) error { b.Changes = append(b.Changes, b.Changes[0]); return nil }, nil},
		{"another group", func(b *bulk.Batch) error { b.Groups = []int{1, 2}; return nil }, nil},
		{"a batch that is missing", func(*bulk.Batch) error { return missing }, nil},
		{"another reason for an exclusion", nil, func(x []bulk.Exclusion) error { x[0].Sentence = "No reason."; return nil }},
		{"exclusions that are missing", nil, func([]bulk.Exclusion) error { return missing }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.approved(asks(registry.OnHold, "P001", "P002", "nobody"))
			o := tampered{c.Operations, func(*bulk.Batch) error { return nil }, func([]bulk.Exclusion) error { return nil }}
			if test.batch != nil {
				o.batch = test.batch
			}
			if test.exclusions != nil {
				o.exclusions = test.exclusions
			}
			c.Operations = o
			v, err := c.Verify(t.Context(), op.ID)
			must(t, err)
			equal(t, "ok", v.OK, false)
			op = c.header(op.ID)
			equal(t, "state", op.State, bulk.FailedState)
			equal(t, "cause", op.Cause, cause)
			list(t, "told", c.sent("Failed: "+op.ID), ada.Email)
			equal(t, "status", c.status("P001"), registry.Active)
		})
	}
}

func TestRightsAreCheckedAgainBeforeTheRun(t *testing.T) {
	const (
		noApprover  = "Grace Manages, who approved it, no longer has the right to. Ask again, so that somebody else can decide."
		noRequester = "Ada Asks, who asked for it, no longer has the right to."
	)
	disabled := func(p staff.Person) staff.Person { p.Disabled = true; return p }
	elsewhere := func(p staff.Person) staff.Person { p.Facilities = []string{"fac-2"}; return p }
	demoted := func(p staff.Person, r staff.Role) staff.Person { p.Role = r; return p }
	tests := []struct {
		name   string
		person staff.Person
		cause  string
	}{
		{"the approver left", disabled(grace), noApprover},
		{"the approver moved", elsewhere(grace), noApprover},
		{"the approver is a team lead now", demoted(grace, staff.TeamLead), noApprover},
		{"the requester left", disabled(ada), noRequester},
		{"the requester moved", elsewhere(ada), noRequester},
		{"the requester audits now", demoted(ada, staff.Auditor), noRequester},
		{"another manager left", disabled(lin), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(2))
			op := c.approved(asks(registry.OnHold, numbered(2)...))
			must(t, c.store.PutPerson(t.Context(), test.person))
			v, err := c.Verify(t.Context(), op.ID)
			must(t, err)
			equal(t, "ok", v.OK, test.cause == "")
			equal(t, "cause", c.header(op.ID).Cause, test.cause)
		})
	}
}

// Somebody who was taken out of the staff directory altogether.
func TestSomebodyUnknownHasNoRights(t *testing.T) {
	for _, gone := range []string{grace.Sub, ada.Sub} {
		c := newClinic(t)
		c.admit(registry.Active, numbered(1))
		op := c.approved(asks(registry.OnHold, "P001"))
		c.Staff = without{c.Staff, gone}
		v, err := c.Verify(t.Context(), op.ID)
		must(t, err)
		equal(t, "ok without "+gone, v.OK, false)
		equal(t, "state", c.header(op.ID).State, bulk.FailedState)
	}
}

// without is a staff directory that does not know somebody.
type without struct {
	engine.Staff
	sub string
}

func (s without) Person(ctx context.Context, sub string) (staff.Person, error) {
	if sub == s.sub {
		return staff.Person{}, fault.New(fault.NotFound, "This person is not in the staff directory.")
	}
	return s.Staff.Person(ctx, sub)
}

func TestOnlyWhatIsApprovedAndOpenRuns(t *testing.T) {
	tests := []struct {
		name  string
		reach func(*clinic) bulk.Operation
	}{
		{"planned", func(c *clinic) bulk.Operation { return c.planned(asks(registry.OnHold, "P001")) }},
		{"submitted", func(c *clinic) bulk.Operation { return c.submitted(asks(registry.OnHold, "P001")) }},
		{"taken back after the approval", func(c *clinic) bulk.Operation {
			op, err := c.Cancel(c.t.Context(), ada, c.approved(asks(registry.OnHold, "P001")).ID)
			must(c.t, err)
			return op
		}},
		{"stopping", func(c *clinic) bulk.Operation {
			op, err := c.Stop(c.t.Context(), ada, c.started(asks(registry.OnHold, "P001")).ID)
			must(c.t, err)
			return op
		}},
		{"completed", func(c *clinic) bulk.Operation { return c.finished(asks(registry.OnHold, "P001")) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(1))
			op := test.reach(c)
			before, mails := c.status("P001"), len(c.mails)
			v, err := c.Verify(t.Context(), op.ID)
			must(t, err)
			equal(t, "ok", v.OK, false)
			equal(t, "batches", len(v.Batches), 0)
			equal(t, "state", c.header(op.ID).State, op.State)
			_, err = c.RunBatch(t.Context(), op.ID, 1)
			must(t, err)
			equal(t, "status", c.status("P001"), before)
			equal(t, "mails", len(c.mails), mails)
		})
	}
}
