package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// DecisionRequest is an approver's answer.
type DecisionRequest struct {
	Verdict bulk.Verdict
	Comment string // required to reject
	Digest  string // of the plan that was read
	Stale   int    // how many patients the approver was told had changed since the preview
}

// Decide records an approver's decision, which is the truth, and then tells
// the state machine. Of decisions at the same time one is recorded; the others
// get fault.Conflict with the recorded one, and the operation as it stands.
func (e *Engine) Decide(ctx context.Context, actor staff.Person, id string, r DecisionRequest) (bulk.Operation, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, err
	}
	if err := decidable(actor, op); err != nil { // also to those who may not decide: what is recorded is the answer
		return op, err
	}
	if err := e.MayNotDecide(actor, op); err != nil {
		return op, err
	}
	if e.late(op) {
		if op, err = e.expire(ctx, id); err != nil {
			return op, err
		}
		return op, decidable(actor, op)
	}
	comment := strings.TrimSpace(r.Comment)
	switch {
	case r.Verdict != bulk.Approve && r.Verdict != bulk.Reject:
		return op, invalid(problem("verdict", "Choose whether you approve or reject."))
	case r.Verdict == bulk.Reject && comment == "":
		return op, invalid(problem("comment", "Write why you reject it. The requester reads it and can ask again."))
	case len([]rune(comment)) > MaxReason:
		return op, invalid(problem("comment", "Shorten the comment to %d characters.", MaxReason))
	case r.Digest != op.Plan.Digest:
		return op, fault.New(fault.Stale, "This form belongs to another plan. Read the plan that is shown now and decide again.")
	}
	if r.Verdict == bulk.Approve {
		stale, err := e.Stale(ctx, op)
		if err != nil {
			return op, err
		}
		if stale == op.Plan.Changes || stale != r.Stale {
			now, then := StaleWords(op, stale)
			if stale < op.Plan.Changes {
				then += " Read this again and decide."
			}
			return op, fault.New(fault.Stale, "%s. %s", now, then)
		}
	}
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if err := decidable(actor, *op); err != nil {
			return bulk.Event{}, err
		}
		now := e.Now()
		op.Decision = &bulk.Decision{Verdict: r.Verdict, By: person(actor), At: now, Comment: comment, Digest: r.Digest, Stale: r.Stale}
		if r.Verdict == bulk.Approve {
			op.State = bulk.Scheduled
		} else {
			op.State, op.Ended = bulk.Rejected, now
		}
		detail := comment
		if op.StartPassed() {
			detail = strings.TrimSpace(fmt.Sprintf("Its start, %s, had passed: it begins at once. %s", op.Start, comment))
		}
		return bulk.Event{Actor: person(actor), What: string(r.Verdict), Detail: detail}, nil
	})
	if err == nil {
		e.deliver(ctx, op)
		e.post(ctx, op)
	}
	return op, err
}

func invalid(p ...kind.Problem) error {
	return fault.Wrap(Problems(p), fault.Invalid, "%s", Problems(p).Error())
}

// decidable refuses a decision on what is not waiting for one, with the truth.
func decidable(actor staff.Person, op bulk.Operation) error {
	switch {
	case op.State == bulk.AwaitingApproval:
		return nil
	case op.Decision != nil && op.Decision.By.Sub == actor.Sub:
		return fault.New(fault.Conflict, "You %s this operation at %s. That decision stands; nothing new was recorded.",
			op.Decision.Verdict, english.At(op.Decision.At))
	case op.Decision != nil:
		return fault.New(fault.Conflict, "%s %s this operation at %s. Your decision was not recorded.",
			op.Decision.By.Name, op.Decision.Verdict, english.At(op.Decision.At))
	case op.State == bulk.Expired:
		return fault.New(fault.Conflict, "This request expired at %s, before anybody decided. Your decision was not recorded; %s can ask again.",
			english.At(op.Ended), op.Requester.Name)
	}
	return fault.New(fault.Conflict, "There is nothing to decide: this operation is %s.", op.State.InSentence())
}

// MayNotDecide says which right the person lacks to decide on the operation;
// nil when they have it.
func (e *Engine) MayNotDecide(actor staff.Person, op bulk.Operation) error {
	k, err := mustKind(op.Kind)
	if err != nil {
		return err
	}
	switch {
	case actor.MayApprove(k.Decider(op.Params), op.Plan.Facilities, op.Requester.Sub):
		return nil
	case actor.Sub == op.Requester.Sub:
		return fault.New(fault.Forbidden, "You asked for this operation yourself, so somebody else has to decide on it.")
	case !actor.Role.AtLeast(k.Decider(op.Params)):
		return fault.New(fault.Forbidden, "Deciding on this operation takes the right %s; yours is %s. Ask an administrator if you need it.", k.Decider(op.Params).Title(), actor.Role.Title())
	}
	return fault.New(fault.Forbidden, "This operation touches a facility that you do not hold, so somebody else has to decide on it.")
}

// MayDecideOn reports whether the person could decide on the operation now.
func (e *Engine) MayDecideOn(actor staff.Person, op bulk.Operation) bool {
	return op.State == bulk.AwaitingApproval && e.MayNotDecide(actor, op) == nil
}

// expire ends a request for approval that nobody answered in time, and a plan
// that nobody submitted.
func (e *Engine) expire(ctx context.Context, id string) (bulk.Operation, error) {
	op, err := e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if !e.late(*op) {
			return bulk.Event{}, errNothingNew
		}
		op.State, op.Ended, op.Cause = bulk.Expired, e.Now(), e.outOfTime(*op)
		return bulk.Event{What: "expired", Detail: op.Cause}, nil
	})
	if err == nil {
		e.deliver(ctx, op)
		e.post(ctx, op)
	}
	return op, err
}

// late reports whether the time of an operation that waits for its requester or
// for an approver has run out.
func (e *Engine) late(op bulk.Operation) bool {
	switch op.State {
	case bulk.Ready:
		return e.Now().Sub(op.Since) >= e.Limits.ReviewExpires
	case bulk.AwaitingApproval:
		return !e.Now().Before(op.Approval.Expires)
	}
	return false
}

// outOfTime says what did not happen in time to an operation that expires.
func (e *Engine) outOfTime(op bulk.Operation) string {
	if op.State == bulk.Ready {
		return fmt.Sprintf("It was not sent for approval within %s.", english.Span(e.Limits.ReviewExpires))
	}
	return fmt.Sprintf("Nobody decided within %s.", english.Span(e.Limits.ExpireAfter))
}

// Stale counts the patients of a plan whose changes would be skipped by now: their
// records, or the slots of their visits, are no longer as they were when it was
// made, or the provider or the facility cannot take them. What a calendar says
// beside the slots is found at the run only.
func (e *Engine) Stale(ctx context.Context, op bulk.Operation) (int, error) {
	stale := 0
	directory := e.lookup(ctx)
	room, err := e.roomFor(ctx, op, directory)
	if err != nil {
		return 0, err
	}
	for chunk, err := range e.readAhead(ctx, e.planned(ctx, op), reading{records: slotsIn}) {
		if err != nil {
			return 0, err
		}
		for _, c := range chunk.candidates {
			p, found := chunk.patients[c.id]
			skipped := !found || !profileHolds(*c.change, p) || !slotsHold(*c.change, chunk.records)
			if !skipped {
				if skipped, err = e.refused(ctx, op, *c.change, room, directory); err != nil {
					return 0, err
				}
			}
			if skipped {
				stale++
			}
		}
	}
	return stale, nil
}

// StaleWords says how many patients' changes would be skipped by now, in words that
// fit what the plan does, and what would come of an approval.
func StaleWords(op bulk.Operation, stale int) (now, then string) {
	who, have, others := english.Count(stale, "patient", "patients"), "have changed", "changed as shown"
	switch stale {
	case 0:
		who, have = "No patient", "has changed"
	case 1:
		have = "has changed"
	}
	k, err := mustKind(op.Kind)
	switch {
	case err == nil && k.MakesFile():
		have, others = strings.Replace(have, "changed", "left their facilities", 1), "exported"
	case err == nil && k.Destinations != nil:
		have += ", or lost their place or the time of a visit,"
	case op.Plan.Booked+op.Plan.Moved > 0:
		have += ", or lost the time of a visit,"
	}
	now = fmt.Sprintf("%s %s since this plan was made", who, have)
	switch stale {
	case 0:
		return now, "All would be " + others + "."
	case op.Plan.Changes:
		return now, fmt.Sprintf("That is everybody in this plan, so nothing would be done. Reject it, so that %s can make a new plan.", op.Requester.Name)
	}
	return now, "They would be skipped; the others would be " + others + "."
}

// refused reports whether the next change of a plan would be skipped although its
// records are as planned: by its provider or its facility, or since it is too late.
func (e *Engine) refused(ctx context.Context, op bulk.Operation, c bulk.Change, room *room, directory lookup) (bool, error) {
	k, err := mustKind(op.Kind)
	if err != nil || !asksAround(k, c) {
		return false, err
	}
	d, err := directory()
	if err != nil {
		return false, err
	}
	g := groupCheck{kind: k, op: op, now: e.Now(), directory: d}
	if g.passed(c) != nil || !k.Follows && kind.Unsuited(c, d) != nil {
		return true, nil
	}
	return room.next(ctx, 0, 0, c)
}

// planned yields the changes of a plan, a batch at a time.
func (e *Engine) planned(ctx context.Context, op bulk.Operation) iter.Seq2[[]candidate, error] {
	return func(yield func([]candidate, error) bool) {
		for number := 1; number <= op.Plan.Batches; number++ {
			b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, number)
			if err != nil {
				yield(nil, err)
				return
			}
			chunk := make([]candidate, 0, len(b.Changes))
			for i, c := range b.Changes {
				if c.Notice == nil { // a notice goes out as it was approved
					chunk = append(chunk, candidate{id: c.Subject, change: &b.Changes[i]})
				}
			}
			if !yield(chunk, nil) {
				return
			}
		}
	}
}

// profileHolds looks at the profile only. It lists the upcoming visits, so it
// differs when one is booked or cancelled; what else happens to a visit is found
// at the run. What an export takes may differ from the plan, but not the facility.
func profileHolds(c bulk.Change, p registry.Patient) bool {
	if c.Extract != nil {
		return p.Facility() == c.Facility
	}
	for _, edit := range c.Edits {
		if edit.Ref.Part == registry.ProfilePart && !edit.Holds(p.Record) {
			return false
		}
	}
	return true
}

// slotsIn are the slots that a planned change holds or relies on.
func slotsIn(c candidate, _ registry.Patient) []registry.Ref {
	var refs []registry.Ref
	for _, edit := range c.change.Edits {
		if edit.Ref.IsSlot() {
			refs = append(refs, edit.Ref)
		}
	}
	return refs
}

// slotsHold reports whether no slot of the change was taken by another visit.
func slotsHold(c bulk.Change, slots map[registry.Ref]registry.Record) bool {
	return !slices.ContainsFunc(c.Edits, func(edit bulk.Edit) bool { return edit.Ref.IsSlot() && !edit.Holds(slots[edit.Ref]) })
}
