package engine

import (
	"context"
	"errors"
	"fmt"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// Verified is what the state machine gets before it runs the batches.
type Verified struct {
	OK      bool  `json:"ok"`
	Export  bool  `json:"export"` // run by RunExport, as a whole; all others batch by batch
	Batches []int `json:"batches"`
}

// Verify checks, right before the run, that the stored plan is the one that was
// approved and that requester and approver still hold their rights. It moves
// the operation to running; where a check fails, to failed with the cause.
func (e *Engine) Verify(ctx context.Context, id string) (Verified, error) {
	op, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return Verified{}, err
	}
	if op.State == bulk.Scheduled {
		cause, full, err := e.unfit(ctx, op)
		if err != nil {
			return Verified{}, err
		}
		op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
			now := e.Now()
			switch {
			case op.State != bulk.Scheduled:
				return bulk.Event{}, errNothingNew
			case cause != "":
				op.State, op.Ended, op.Cause = bulk.FailedState, now, cause
				return bulk.Event{What: "failed", Detail: cause}, nil
			}
			op.State, op.Started, op.Full = bulk.Running, now, full
			return bulk.Event{What: "started", Detail: english.Count(op.Plan.Batches, "batch", "batches")}, nil
		})
		if err != nil {
			return Verified{}, err
		}
	}
	k, err := mustKind(op.Kind)
	if err != nil {
		return Verified{}, err
	}
	v := Verified{OK: op.State == bulk.Running, Export: k.MakesFile(), Batches: []int{}}
	for n := 1; v.OK && n <= op.Plan.Batches; n++ {
		v.Batches = append(v.Batches, n)
	}
	if op.State.Ended() {
		e.post(ctx, op)
	}
	return v, nil
}

// unfit says why an approved operation may not run; "" when it may. full is what
// has no room then for all whom the plan leads there.
func (e *Engine) unfit(ctx context.Context, op bulk.Operation) (cause string, full []bulk.Full, err error) {
	room, err := e.roomFor(ctx, op, e.lookup(ctx))
	if err != nil {
		return "", nil, err
	}
	digest, err := e.storedDigest(ctx, op, func(b bulk.Batch) error {
		for i, c := range b.Changes {
			if _, err := room.next(ctx, b.Number, i, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	if room != nil {
		full = room.full
	}
	cause, err = e.notAsApproved(ctx, op, digest)
	return cause, full, err
}

// notAsApproved says why the plan with the digest is not one that requester and
// approver want and may want; "" when it is.
func (e *Engine) notAsApproved(ctx context.Context, op bulk.Operation, digest string) (string, error) {
	if op.Decision == nil || op.Decision.Verdict != bulk.Approve {
		return "It has no approval on record.", nil
	}
	if digest != op.Plan.Digest || digest != op.Decision.Digest {
		return "The stored plan is not the one that was approved. Nothing was changed. Tell your administrator, and ask again.", nil
	}
	approver, err := e.Staff.Person(ctx, op.Decision.By.Sub)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if err != nil || e.MayNotDecide(approver, op) != nil {
		return fmt.Sprintf("%s, who approved it, no longer has the right to. Ask again, so that somebody else can decide.", op.Decision.By.Name), nil
	}
	requester, err := e.Staff.Person(ctx, op.Requester.Sub)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if err != nil || !requester.MayRequest() || !requester.HoldsAll(op.Plan.Facilities) {
		return fmt.Sprintf("%s, who asked for it, no longer has the right to.", op.Requester.Name), nil
	}
	return "", nil
}

// storedDigest computes the digest of the plan as it is stored now, and shows each
// batch to see. A part that is missing gives a digest that is none.
func (e *Engine) storedDigest(ctx context.Context, op bulk.Operation, see func(bulk.Batch) error) (string, error) {
	d := bulk.NewDigester(op.Kind, op.Params)
	lists := map[bulk.List]bool{}
	for n := 1; n <= op.Plan.Batches; n++ {
		b, err := e.Operations.Batch(ctx, op.ID, op.Plan.Run, n)
		if fault.Is(err, fault.NotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if hold, err := e.listsHold(ctx, op, b, lists); err != nil || !hold {
			return "", err
		}
		d.Batch(b)
		if err := see(b); err != nil {
			return "", err
		}
	}
	for page := 1; page <= op.Plan.Pages; page++ {
		exclusions, err := e.Operations.Exclusions(ctx, op.ID, op.Plan.Run, page)
		if fault.Is(err, fault.NotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		for _, x := range exclusions {
			d.Exclusion(x)
		}
	}
	return d.Sum(), nil
}

// RunBatch makes the changes of a batch, group by group, and returns what
// became of them. Called again, also at the same time, it changes nothing that
// was done. It ends early, without error, when the operation is to stop.
func (e *Engine) RunBatch(ctx context.Context, id string, number int) (bulk.Tally, error) {
	op, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return bulk.Tally{}, err
	}
	var total bulk.Tally
	batch, err := e.Operations.Batch(ctx, id, op.Plan.Run, number)
	if err != nil {
		return total, err
	}
	directory := e.lookup(ctx)
	for group := range batch.Groups {
		if group > 0 {
			if op, err = e.Operations.Operation(ctx, id); err != nil {
				return total, err
			}
		}
		if op.State != bulk.Running {
			return total, nil
		}
		tally, err := e.runGroup(ctx, op, batch, group, directory)
		if err != nil {
			return total, err
		}
		total = total.Plus(tally)
	}
	if total.Skipped+total.Failed > 0 {
		err = e.stopIfFailing(ctx, op)
	}
	return total, err
}

const (
	// maxTries is how often a group is tried without getting further before the
	// call gives up and leaves the repeat to the state machine.
	maxTries = 12
	// maxUnexplained is how often in a row the records of a group may be found
	// changed and then, read back, as planned, before their subjects are skipped.
	maxUnexplained = 5
)

// runGroup sends the notices of one group and commits its edits with the result.
// A subject whose records are no longer as planned is skipped, after a look at
// why; the rest is tried again at once without it.
func (e *Engine) runGroup(ctx context.Context, op bulk.Operation, b bulk.Batch, group int, directory lookup) (bulk.Tally, error) {
	size := len(b.Group(group))
	todo, others, err := e.recheck(ctx, op, b, group, directory)
	if err != nil {
		return bulk.Tally{}, err
	}
	unsent, err := e.sendNotices(ctx, op, b, group)
	if err != nil {
		return bulk.Tally{}, err
	}
	others = append(others, unsent...)
	unexplained := 0
	for try := 0; try < maxTries && ctx.Err() == nil; try++ {
		tally := bulk.TallyOf(size, others)
		err := e.Operations.CommitGroup(ctx, Group{
			Operation: op.ID,
			Changes:   todo,
			Stamp:     registry.Stamp{Operation: op.ID, Batch: b.Number, By: op.Requester.Name, Approver: op.Decision.By.Name, At: e.Now()},
			Result:    bulk.Result{Batch: b.Number, Group: group, Others: others},
			Tally:     tally,
		})
		if err == nil {
			return tally, nil
		}
		if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
			unexplained++
			rest, outcomes, err := e.explain(ctx, todo, *refusal, unexplained == maxUnexplained, directory)
			if err != nil {
				return bulk.Tally{}, err
			}
			if len(outcomes) > 0 {
				try, unexplained = -1, 0 // it got further: count tries anew
			}
			todo, others = rest, append(others, outcomes...)
			continue
		}
		if !fault.Is(err, fault.Busy) {
			// Recorded already, or unknown: the stored result is the truth.
			stored, ok, readErr := e.Operations.Result(ctx, op.ID, b.Number, group)
			if readErr == nil && ok {
				return stored.Tally(size), nil
			}
			e.Log(ctx, "a group's result is unknown and not stored; trying again", err, "operation", op.ID, "batch", b.Number, "group", group)
		}
		e.Pause(ctx, jitter(try))
	}
	return bulk.Tally{}, fault.New(fault.Busy, "Batch %d of %s could not be written now; it is tried again.", b.Number, op.ID)
}

// explain reads the refused subjects' records and says why they cannot be
// changed. A subject whose records are, read back, as planned stays to be done,
// unless final.
func (e *Engine) explain(ctx context.Context, todo []bulk.Change, r Refusal, final bool, directory lookup) (rest []bulk.Change, outcomes []bulk.Outcome, err error) {
	changed, unwritable := set(r.Changed), set(r.Unwritable)
	var refs []registry.Ref
	for _, c := range todo {
		for _, edit := range c.Edits {
			if changed[c.Subject] {
				refs = append(refs, edit.Ref)
			}
		}
	}
	records, err := e.Registry.Records(ctx, refs)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range todo {
		switch {
		case unwritable[c.Subject]:
			outcomes = append(outcomes, bulk.Outcome{Subject: c.Subject, State: bulk.Failed, Code: bulk.Unwritable,
				Sentence: "The record cannot take this change: it would become too large. Ask your administrator to look at it."})
		case changed[c.Subject]:
			outcome, found := difference(c, records)
			if !found && !final {
				rest = append(rest, c)
				continue
			}
			if visit, lost := lostSlot(c, records); lost {
				d, err := directory()
				if err != nil {
					return nil, nil, err
				}
				outcome = slotTaken(c.Subject, visit, d)
			}
			outcomes = append(outcomes, outcome)
		default:
			rest = append(rest, c)
		}
	}
	return rest, outcomes, nil
}

// difference finds the first record of a change that is not as planned.
func difference(c bulk.Change, records map[registry.Ref]registry.Record) (o bulk.Outcome, found bool) {
	o = bulk.Outcome{Subject: c.Subject, State: bulk.Skipped, Code: bulk.ChangedSince, Retryable: true,
		Sentence: "The record kept changing while it was to be written."}
	for _, edit := range c.Edits {
		r, ok := records[edit.Ref]
		switch {
		case !ok && !edit.Creates():
			o.Code, o.Retryable = bulk.Gone, false
			o.Sentence = "The record is no longer there."
			return o, true
		case r.Get(registry.LockedBy) != "":
			o.Code, o.Sentence = bulk.LockedSince, lockedSentence(r)
			return o, true
		case !edit.Holds(r):
			o.Sentence = "Changed since the preview " + edit.Difference(r)
			return o, true
		}
	}
	return o, false
}

// stopIfFailing stops an operation of which too many subjects were skipped or failed.
func (e *Engine) stopIfFailing(ctx context.Context, op bulk.Operation) error {
	tally, err := e.Operations.Progress(ctx, op.ID)
	if err != nil || !op.StopAt.Passed(tally) {
		return err
	}
	_, err = e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State != bulk.Running {
			return bulk.Event{}, errNothingNew
		}
		op.State = bulk.Stopping
		op.Cause = fmt.Sprintf("Stopped by itself: %d of %d %s were skipped or failed.", tally.Skipped+tally.Failed, tally.Attempted(), subjectsOf(*op))
		return bulk.Event{What: "stopped", Detail: op.Cause}, nil
	})
	return err
}

func set(texts []string) map[string]bool {
	m := make(map[string]bool, len(texts))
	for _, t := range texts {
		m[t] = true
	}
	return m
}
