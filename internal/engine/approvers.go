package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

const (
	firstAsked   = 2  // approvers who are asked by mail before others are
	maxApprovers = 10 // who are asked by mail at all
	maxNamed     = 3  // administrators, in a sentence
)

// eligible returns everybody who may decide on the operation. The nearest come
// first: exactly the role that the kind asks for, few facilities, then by name.
func (e *Engine) eligible(ctx context.Context, op bulk.Operation) ([]staff.Person, error) {
	k, err := mustKind(op.Kind)
	if err != nil {
		return nil, err
	}
	eligible, err := e.people(ctx, func(p staff.Person) bool {
		return p.MayApprove(k.Decider(op.Params), op.Plan.Facilities, op.Requester.Sub)
	}, staff.TeamLead, staff.Manager, staff.Admin)
	if err != nil {
		return nil, err
	}
	distance := func(p staff.Person) int {
		d := 0
		if p.Role != k.Decider(op.Params) {
			d += 1000
		}
		if slices.Contains(p.Facilities, staff.AllFacilities) {
			return d + 500
		}
		return d + len(p.Facilities)
	}
	slices.SortStableFunc(eligible, func(a, b staff.Person) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a.Name, b.Name))
	})
	return eligible, nil
}

// Deciders returns who may decide on the operation, nearest first: those who
// are asked first, none when nobody may, and all the others.
func (e *Engine) Deciders(ctx context.Context, op bulk.Operation) (first, others []bulk.Person, err error) {
	eligible, err := e.eligible(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	for i, p := range eligible {
		if i < firstAsked {
			first = append(first, person(p))
		} else {
			others = append(others, person(p))
		}
	}
	return first, others, nil
}

// NobodyMayDecide says why an operation that nobody may decide on cannot be sent
// for approval, and whom to ask; or what keeps that from being found out.
func (e *Engine) NobodyMayDecide(ctx context.Context, op bulk.Operation) error {
	k, err := mustKind(op.Kind)
	if err != nil {
		return err
	}
	admins, err := e.Staff.People(ctx, staff.Admin)
	if err != nil {
		return err
	}
	ask := "an administrator"
	var asked []bulk.Person
	for _, p := range admins {
		if !p.Disabled && p.Sub != op.Requester.Sub {
			asked = append(asked, person(p))
		}
	}
	if len(asked) > 0 {
		ask += " (" + names(asked[:min(len(asked), maxNamed)]) + ")"
	}
	return fault.New(fault.Forbidden, "Nobody may approve this operation: it needs a %s, other than you, who holds every facility that it touches (%d). Ask %s to give somebody that right, or ask for one facility at a time.",
		k.Decider(op.Params).Title(), len(op.Plan.Facilities), ask)
}

// MayReassign reports whether the person may hand the request for approval to
// somebody else: its requester, and whoever may decide on it.
func (e *Engine) MayReassign(actor staff.Person, op bulk.Operation) bool {
	return op.State == bulk.AwaitingApproval && actor.MayRequest() && (op.Requester.Sub == actor.Sub || e.MayNotDecide(actor, op) == nil)
}

// ToReassign returns an operation with everybody to whom its request for
// approval can be handed, nearest first.
func (e *Engine) ToReassign(ctx context.Context, actor staff.Person, id string) (bulk.Operation, []staff.Person, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, nil, err
	}
	if err := asked(op); err != nil {
		return op, nil, err
	}
	if !e.MayReassign(actor, op) {
		return op, nil, fault.New(fault.Forbidden, "Only %s, who asked for this operation, or somebody who may decide on it can hand it to another approver.", op.Requester.Name)
	}
	eligible, err := e.eligible(ctx, op)
	return op, eligible, err
}

// Reassign hands the request for approval to another approver, who is mailed.
// Those asked before may still decide, but are no longer waited for. The same
// again changes nothing.
func (e *Engine) Reassign(ctx context.Context, actor staff.Person, id, to string) (bulk.Operation, error) {
	op, eligible, err := e.ToReassign(ctx, actor, id)
	if err != nil {
		return op, err
	}
	i := slices.IndexFunc(eligible, func(p staff.Person) bool { return p.Sub == to })
	if i < 0 {
		return op, invalid(problem("to", "Choose one of those who may decide on this request."))
	}
	chosen := person(eligible[i])
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if err := asked(*op); err != nil {
			return bulk.Event{}, err
		}
		before := op.Approval.Everybody()
		if len(before) == 1 && before[0].Sub == to {
			return bulk.Event{}, errNothingNew
		}
		op.Approval.Reassign(chosen, person(actor), e.Now())
		return bulk.Event{Actor: person(actor), What: "reassigned", Detail: fmt.Sprintf("to %s; asked before: %s", chosen.Name, names(before))}, nil
	})
	if err == nil {
		op = e.delegate(ctx, op)
		e.post(ctx, op)
	}
	return op, err
}

// asked refuses to change whom an operation asks that asks nobody.
func asked(op bulk.Operation) error {
	if op.State == bulk.AwaitingApproval {
		return nil
	}
	return fault.New(fault.Conflict, "Nobody is asked to decide on this operation: it is %s.", op.State.InSentence())
}

func names(people []bulk.Person) string {
	list := make([]string, len(people))
	for i, p := range people {
		list[i] = p.Name
	}
	return strings.Join(list, ", ")
}
