package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// mostAway is how far ahead the last day of an absence may lie.
const mostAway = 366 * 24 * time.Hour

// Delegates returns who could decide in the person's place, the nearest first:
// those with the most of the person's facilities, then by name.
func (e *Engine) Delegates(ctx context.Context, actor staff.Person) ([]staff.Person, error) {
	if err := mayBeAway(actor); err != nil {
		return nil, err
	}
	delegates, err := e.people(ctx, func(p staff.Person) bool { return p.MayStandInFor(actor) }, staff.TeamLead, staff.Manager, staff.Admin)
	if err != nil {
		return nil, err
	}
	missing := func(p staff.Person) (n int) {
		for _, f := range actor.Facilities {
			if !p.Holds(f) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(delegates, func(a, b staff.Person) int {
		return cmp.Or(cmp.Compare(missing(a), missing(b)), cmp.Compare(a.Name, b.Name))
	})
	return delegates, nil
}

func mayBeAway(actor staff.Person) error {
	if !actor.Disabled && actor.Role.AtLeast(staff.TeamLead) {
		return nil
	}
	return fault.New(fault.Forbidden, "Only somebody who decides on requests names a delegate: that takes the right Team Lead or higher; yours is %s.", actor.Role.Title())
}

// SetAway records that the person is away and who decides in their place, which
// replaces what was recorded before. The delegate is told by mail.
func (e *Engine) SetAway(ctx context.Context, actor staff.Person, away staff.Absence) (staff.Person, error) {
	delegates, err := e.Delegates(ctx, actor)
	if err != nil {
		return actor, err
	}
	var delegate *staff.Person
	if i := slices.IndexFunc(delegates, func(p staff.Person) bool { return p.Sub == away.Delegate }); i >= 0 {
		delegate = &delegates[i]
	}
	if problems := checkAway(away, delegate, e.Now()); len(problems) > 0 {
		return actor, invalid(problems...)
	}
	told := actor.Away
	if actor, err = e.putAway(ctx, actor, away); err == nil && delegate != nil && told != away {
		e.tellDelegate(ctx, actor, *delegate)
	}
	return actor, err
}

// Back records that the person is not away, or not going to be.
func (e *Engine) Back(ctx context.Context, actor staff.Person) (staff.Person, error) {
	if err := mayBeAway(actor); err != nil {
		return actor, err
	}
	return e.putAway(ctx, actor, staff.Absence{})
}

func (e *Engine) putAway(ctx context.Context, actor staff.Person, away staff.Absence) (staff.Person, error) {
	if actor.Away == away {
		return actor, nil
	}
	actor.Away = away
	err := e.Staff.WritePerson(ctx, actor, actor)
	if fault.Is(err, fault.Conflict) {
		return actor, fault.New(fault.Conflict, "Somebody has changed your entry in the staff directory at the same moment. Look at it again, then send it again.")
	}
	actor.Version++
	return actor, err
}

func checkAway(away staff.Absence, delegate *staff.Person, now time.Time) (problems Problems) {
	add := func(field, format string, args ...any) {
		problems = append(problems, problem(field, format, args...))
	}
	_, wrongFrom := time.Parse(time.DateOnly, away.From)
	until, wrongUntil := time.Parse(time.DateOnly, away.Until)
	if wrongFrom != nil {
		add("from", "Enter the first day that you are away.")
	}
	switch {
	case wrongUntil != nil:
		add("until", "Enter the last day that you are away.")
	case wrongFrom == nil && away.Until < away.From:
		add("until", "The last day is before the first. Swap them, or correct one.")
	case away.Past(now):
		add("until", "This day is over. Enter today or a later day.")
	case until.Sub(now) > mostAway:
		add("until", "Enter a day within a year.")
	}
	switch {
	case away.Delegate == "":
	case delegate == nil:
		add("delegate", "Choose one of those who could decide in your place.")
	case len(problems) == 0 && delegate.Away.Meets(away):
		add("delegate", "%s is away then too, until %s. Choose somebody else.", delegate.Name, english.Date(delegate.Away.Until))
	}
	return problems
}

// standins returns who stands in, at present, for those among asked who are
// away: their delegates, as far as these may decide on the operation and are
// there themselves.
func (e *Engine) standins(ctx context.Context, op bulk.Operation, asked []bulk.Person) ([]bulk.Standin, error) {
	k, err := mustKind(op.Kind)
	if err != nil {
		return nil, err
	}
	read := func(sub string) (staff.Person, error) {
		p, err := e.Staff.Person(ctx, sub)
		if fault.Is(err, fault.NotFound) {
			return staff.Person{}, nil // nobody has no rights
		}
		return p, err
	}
	now := e.Now()
	var all []bulk.Standin
	for _, a := range asked {
		p, err := read(a.Sub)
		if err != nil {
			return nil, err
		}
		if p.Away.Delegate == "" || !p.Away.Covers(now) {
			continue
		}
		delegate, err := read(p.Away.Delegate)
		if err != nil {
			return nil, err
		}
		if !delegate.Away.Covers(now) && delegate.MayApprove(k.Decider(op.Params), op.Plan.Facilities, op.Requester.Sub) {
			all = append(all, bulk.Standin{Delegate: person(delegate), For: a})
		}
	}
	return all, nil
}

// delegate also asks the delegates of those who are asked and are away. Where
// that cannot be found out now, the watch does it.
func (e *Engine) delegate(ctx context.Context, op bulk.Operation) bulk.Operation {
	standins, err := e.standins(ctx, op, slices.Concat(op.Approval.Approvers, op.Approval.Escalated))
	if err == nil && len(standins) > 0 {
		var updated bulk.Operation
		updated, err = e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
			if op.State != bulk.AwaitingApproval {
				return bulk.Event{}, errNothingNew
			}
			added := op.Approval.AddDelegates(standins)
			if len(added) == 0 {
				return bulk.Event{}, errNothingNew
			}
			return bulk.Event{What: "delegated", Detail: standinWords(added)}, nil
		})
		if err == nil {
			op = updated
		}
	}
	if err != nil {
		e.Log(ctx, "delegates could not be found; the watch tries again", err, "operation", op.ID)
	}
	return op
}

func standinWords(all []bulk.Standin) string {
	words := ""
	for i, s := range all {
		if i > 0 {
			words += ", "
		}
		words += fmt.Sprintf("%s for %s", s.Delegate.Name, s.For.Name)
	}
	return words
}
