package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Checklist is what a requester confirms before sending changes for approval.
var Checklist = []string{
	"I read the list of changes, and the number of patients is what I expect.",
	"I read which patients are left out, and why.",
	"The facilities and providers concerned know about this change.",
	"I know how this change can be undone.",
}

// forGood is the same for what cannot be rolled back.
var forGood = []string{
	"I read what will be done, and the number is what I expect.",
	Checklist[1],
	"I know that this cannot be undone.",
}

// ChecklistOf is what the requester of an operation confirms.
func ChecklistOf(op bulk.Operation) []string {
	k, err := mustKind(op.Kind)
	switch {
	case err != nil:
		return Checklist
	case k.Undoable:
		return slices.Concat(Checklist, k.Confirm)
	}
	return slices.Concat(forGood, k.Confirm)
}

const (
	// MinReason and MaxReason are how many characters the reason of a request has.
	MinReason = 10
	MaxReason = 1000

	typedAbove = 500 // more changes than this ask for the number to be typed
)

// Submission is what a requester adds to a plan.
type Submission struct {
	Digest    string   // of the plan that was read
	Reason    string   // the business justification
	Checklist []string // the ticked items
	Typed     string   // the number of changes, where NeedsTypedNumber
	Start     StartWish
	Stop      StopWish
}

// NeedsTypedNumber reports whether the requester has to type the number of
// changes: for many patients, and where care ends.
func NeedsTypedNumber(p bulk.PlanSummary) bool {
	ends := p.After[registry.StatusField]
	return p.Changes > typedAbove || ends[string(registry.Discharged)] > 0 || ends[string(registry.Deceased)] > 0
}

// Submit sends a plan for approval. The same submission again changes nothing.
func (e *Engine) Submit(ctx context.Context, actor staff.Person, id string, s Submission) (bulk.Operation, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, err
	}
	if op.Requester.Sub != actor.Sub {
		return op, fault.New(fault.Forbidden, "Only %s, who asked for this operation, can send it for approval.", op.Requester.Name)
	}
	if err := mayAsk(actor); err != nil {
		return op, err
	}
	if !actor.HoldsAll(op.Plan.Facilities) {
		return op, fault.New(fault.Forbidden, "You no longer hold every facility that this operation touches. Ask again with patients of your own facilities.")
	}
	if op.State == bulk.Ready && e.late(op) {
		if op, err = e.expire(ctx, id); err != nil {
			return op, err
		}
	}
	first, others, err := e.Deciders(ctx, op)
	if err != nil {
		return op, err
	}
	var nobody error
	if len(first) == 0 {
		nobody = e.NobodyMayDecide(ctx, op)
	}
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State == bulk.AwaitingApproval && op.Plan.Digest == s.Digest {
			return bulk.Event{}, errNothingNew
		}
		if op.State != bulk.Ready {
			return bulk.Event{}, fault.New(fault.Conflict, "This request cannot be sent for approval: it is %s.", op.State.InSentence())
		}
		now := e.Now()
		if err := e.submittable(*op, s, now); err != nil {
			return bulk.Event{}, err
		}
		if len(first) == 0 {
			return bulk.Event{}, nobody
		}
		op.State, op.Submitted = bulk.AwaitingApproval, now
		op.Reason, op.Checklist = strings.TrimSpace(s.Reason), s.Checklist
		op.Start, _ = s.Start.read(now)
		op.StopAt, _ = s.Stop.read(e.Limits)
		op.Approval = bulk.Approval{Approvers: first, Asked: now, Expires: now.Add(e.Limits.ExpireAfter)}
		return bulk.Event{Actor: person(actor), What: "submitted", Detail: fmt.Sprintf("%d changes; asked: %s; %d more may decide",
			op.Plan.Changes, names(first), len(others)) + control(*op)}, nil
	})
	if err == nil {
		op = e.delegate(ctx, op)
		e.deliver(ctx, op)
	}
	return op, err
}

// CheckSubmission names what is missing from a submission, by question; the
// portal shows each beside its field.
func (e *Engine) CheckSubmission(op bulk.Operation, s Submission, now time.Time) Problems {
	var problems Problems
	add := func(field, format string, args ...any) {
		problems = append(problems, problem(field, format, args...))
	}
	reason := []rune(strings.TrimSpace(s.Reason))
	switch {
	case len(reason) == 0:
		add("reason", "Write why this change is needed. The approver and the auditors read it.")
	case len(reason) < MinReason:
		add("reason", "Write the reason in at least %d characters, so that the approver can judge it.", MinReason)
	case len(reason) > MaxReason:
		add("reason", "Shorten the reason to %d characters; it has %d.", MaxReason, len(reason))
	}
	for _, item := range ChecklistOf(op) {
		if !slices.Contains(s.Checklist, item) {
			add("checklist", "Tick every item of the checklist before you send it for approval.")
			break
		}
	}
	if NeedsTypedNumber(op.Plan) && strings.ReplaceAll(strings.TrimSpace(s.Typed), ",", "") != fmt.Sprint(op.Plan.Changes) {
		what := "patients that will be changed"
		switch k, err := mustKind(op.Kind); {
		case op.Plan.Notices > 0:
			what = "messages that will be sent"
		case err == nil && k.MakesFile():
			what = "patients that will be exported"
		}
		add("typed", "Type the number of %s: %d.", what, op.Plan.Changes)
	}
	_, wrong := s.Start.read(now)
	problems = append(problems, wrong...)
	_, wrong = s.Stop.read(e.Limits)
	return append(problems, wrong...)
}

// submittable refuses a submission that cannot be taken.
func (e *Engine) submittable(op bulk.Operation, s Submission, now time.Time) error {
	if op.Plan.Changes == 0 {
		return fault.New(fault.Invalid, "No patient can be changed, so there is nothing to approve. Read why below, and ask again with another selection or another change.")
	}
	if s.Digest != op.Plan.Digest {
		return fault.New(fault.Stale, "This form belongs to another plan. Read the plan that is shown now and send it again.")
	}
	if problems := e.CheckSubmission(op, s, now); len(problems) > 0 {
		return fault.Wrap(problems, fault.Invalid, "%s", problems.Error())
	}
	return nil
}
