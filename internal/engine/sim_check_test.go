package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// checker holds the world to what must be true at every moment, and at the end.
type checker struct {
	w *world

	created bool // since the last check, something was; and so on
	updated bool
	changed bool
	mailed  int      // how many mails there were
	ids     []string // of all operations

	headers map[string]bulk.Operation
	begun   map[string]int // how many changes there were when the operation was first seen
	plans   map[string]*approvedPlan
	tallies map[string]bulk.Tally
	stops   map[string]map[int]int // when it was first seen stopping, how many groups of each batch were done

	changes int // looked at
	latest  map[registry.Ref]registry.Record
	written map[string]map[registry.Ref]int // how often an operation wrote a record
	others  map[registry.Ref][]writer       // who wrote or removed a record, in order
	sent    map[string]map[string]int       // how often an operation wrote to a recipient
	reached map[string]map[string]string    // which operation wrote to a recipient, by the first of those run again
	files   map[string]map[string]bool      // the patients in an operation's file
	done    map[string]string               // by which operation a subject is done, by the first of those run again and the subject
}

// writer is an operation, or "" for a hand, and the number of its change.
type writer struct {
	operation string
	change    int
}

// approvedPlan is what was approved: the only changes that may be made.
type approvedPlan struct {
	batches []bulk.Batch
	edits   map[registry.Ref]bulk.Edit
	batch   map[registry.Ref]int
}

func newChecker(w *world) *checker {
	return &checker{w: w, headers: map[string]bulk.Operation{}, begun: map[string]int{}, plans: map[string]*approvedPlan{}, tallies: map[string]bulk.Tally{},
		stops:  map[string]map[int]int{},
		latest: map[registry.Ref]registry.Record{}, written: map[string]map[registry.Ref]int{}, others: map[registry.Ref][]writer{}, sent: map[string]map[string]int{},
		reached: map[string]map[string]string{}, files: map[string]map[string]bool{}, done: map[string]string{}}
}

// called learns that a port's call was made.
func (k *checker) called(call string) {
	k.created = k.created || call == "Create"
	k.updated = k.updated || call == "Create" || call == "Update"
	k.changed = k.changed || call == "CommitGroup"
}

// byHand learns that somebody wrote to the records.
func (k *checker) byHand() { k.changed = true }

// check looks at what can have changed since the last time: the headers, the
// records and the results.
func (k *checker) check() error {
	if k.created {
		k.ids = nil
		for _, p := range askers {
			for id, err := range k.w.store.ByRequester(context.Background(), p.Sub) {
				if err != nil {
					return err
				}
				k.ids = append(k.ids, id)
			}
		}
	}
	if k.updated {
		for _, id := range k.ids {
			if err := k.checkHeader(id); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	if k.changed {
		if err := k.checkChanges(); err != nil {
			return err
		}
	}
	if err := k.checkNotices(); err != nil {
		return err
	}
	if k.updated || k.changed {
		for id, op := range k.headers {
			if err := k.checkProgress(op); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	k.created, k.updated, k.changed = false, false, false
	return nil
}

// checkHeader: the life of an operation takes only the designed steps, one at a
// time, and what was decided or frozen stays.
func (k *checker) checkHeader(id string) error {
	op, before := k.w.header(id), k.headers[id]
	k.headers[id] = op
	if before.ID == "" {
		k.begun[id] = k.changes
		before = op
	}
	switch {
	case op.Version > before.Version+1:
		return fmt.Errorf("the header jumped from version %d to %d", before.Version, op.Version)
	case op.State != before.State && !before.State.MayBecome(op.State):
		return fmt.Errorf("%s became %s", before.State, op.State)
	case before.State.Ended() && !reflect.DeepEqual(still(op), still(before)):
		return fmt.Errorf("it changed after it had ended as %s", before.State)
	case before.State != bulk.Planning && !reflect.DeepEqual(op.Plan, before.Plan):
		return errors.New("the frozen plan was replaced")
	case !op.Started.IsZero() && op.Started.Before(op.Start.At):
		return fmt.Errorf("it began at %s, and was to start %s", op.Started, op.Start)
	case before.State != bulk.Ready && before.State != bulk.Planning && (!op.Start.At.Equal(before.Start.At) || op.StopAt != before.StopAt):
		return errors.New("what was submitted with the plan was replaced")
	case op.File != nil && before.File == nil && op.State != bulk.Running && op.State != bulk.Stopping:
		return fmt.Errorf("it got a file when it was %s", op.State)
	case before.Decision != nil && *op.Decision != *before.Decision:
		return fmt.Errorf("the decision %+v was replaced by %+v", *before.Decision, *op.Decision)
	}
	if op.File != nil {
		if err := k.checkFile(op); err != nil {
			return err
		}
	}
	if (op.State == bulk.Scheduled || !op.Started.IsZero()) && k.plans[id] == nil {
		d := op.Decision
		if d == nil || d.Verdict != bulk.Approve || d.Digest != op.Plan.Digest || d.By.Sub == op.Requester.Sub || op.Reason == "" {
			return fmt.Errorf("it is %s on the decision %+v", op.State, d)
		}
		return k.keepPlan(op)
	}
	return nil
}

// still is what nothing changes after an operation's end: all but the list of
// those made from it, and that its file was opened, or it or what was left of it
// deleted.
func still(op bulk.Operation) bulk.Operation {
	op.Follow, op.Version, op.Remains = nil, 0, false
	if op.File != nil {
		file := *op.File
		file.Shown, file.Deleted, op.File = time.Time{}, time.Time{}, &file
	}
	return op
}

// first is the operation of which this one, or the one of which this one, is a
// rerun, and so on; or this one.
func (k *checker) first(op bulk.Operation) bulk.Operation {
	for op.Origin != nil && op.Origin.As == bulk.Rerun {
		op = k.headers[op.Origin.Operation]
	}
	return op
}

// keepPlan keeps the plan that was approved, after a look at its digest.
func (k *checker) keepPlan(op bulk.Operation) error {
	p := &approvedPlan{edits: map[registry.Ref]bulk.Edit{}, batch: map[registry.Ref]int{}}
	digest, changes := bulk.NewDigester(op.Kind, op.Params), 0
	for n := 1; n <= op.Plan.Batches; n++ {
		b, err := k.w.store.Batch(context.Background(), op.ID, op.Plan.Run, n)
		if err != nil {
			return err
		}
		digest.Batch(b)
		p.batches = append(p.batches, b)
		changes += len(b.Changes)
		for _, c := range b.Changes {
			for _, e := range c.Edits {
				p.edits[e.Ref], p.batch[e.Ref] = e, n
			}
		}
	}
	for page := 1; page <= op.Plan.Pages; page++ {
		exclusions, err := k.w.store.Exclusions(context.Background(), op.ID, op.Plan.Run, page)
		if err != nil {
			return err
		}
		for _, x := range exclusions {
			digest.Exclusion(x)
		}
	}
	if o := op.Origin; o != nil && o.As == bulk.Rollback {
		for ref, e := range p.edits {
			if len(e.After) == 0 {
				continue // it only relies on the record
			}
			if undone := k.plans[o.Operation].edits[ref]; k.written[o.Operation][ref] != 1 || !maps.Equal(e.After, undone.Before) {
				return fmt.Errorf("to roll back %s, which made %v of %v, it makes %v", o.Operation, undone.After, undone.Before, e.After)
			}
		}
	}
	if digest.Sum() != op.Plan.Digest || changes != op.Plan.Changes {
		return errors.New("the stored plan is not the one with the digest")
	}
	k.plans[op.ID], k.written[op.ID] = p, map[registry.Ref]int{}
	return nil
}

// checkChanges: each change of a record goes on from the one before, and one by
// an operation is in the plan that was approved, made while the operation ran,
// where the record was as planned, once.
func (k *checker) checkChanges() error {
	for _, c := range k.w.store.ChangesSince(k.changes) {
		if before := k.latest[c.Ref]; !maps.Equal(before.Fields, c.Old.Fields) || before.Stamp != c.Old.Stamp {
			return fmt.Errorf("%v: a change of %v does not go on from %v", c.Ref, c.Old, before)
		}
		k.latest[c.Ref] = c.New
		id := c.New.Stamp.Operation
		k.others[c.Ref] = append(k.others[c.Ref], writer{id, k.changes})
		k.changes++
		if c.New.Fields == nil { // it was removed
			delete(k.latest, c.Ref)
		}
		if id == "" {
			continue
		}
		op, p := k.headers[id], k.plans[id]
		switch {
		case p == nil:
			return fmt.Errorf("%s changed %v before it was approved", id, c.Ref)
		case op.State != bulk.Running && op.State != bulk.Stopping:
			return fmt.Errorf("%s changed %v while it was %s", id, c.Ref, op.State)
		case c.New.Stamp.By != op.Requester.Name || c.New.Stamp.Approver != op.Decision.By.Name || c.New.Stamp.Batch != p.batch[c.Ref]:
			return fmt.Errorf("%s stamped %v with %+v", id, c.Ref, c.New.Stamp)
		}
		edit, planned := p.edits[c.Ref]
		if !planned {
			return fmt.Errorf("%s changed %v, which is not in the approved plan", id, c.Ref)
		}
		if !asPlanned(edit, c.Old.Fields) {
			return fmt.Errorf("%s changed %v, which was not as planned: %v", id, c.Ref, c.Old)
		}
		want := registry.Fields{} // a record that did not exist has none
		maps.Copy(want, c.Old.Fields)
		maps.Copy(want, edit.After)
		maps.DeleteFunc(want, func(_, v string) bool { return v == "" })
		if !maps.Equal(want, c.New.Fields) {
			return fmt.Errorf("%s made %v of %v", id, c.New.Fields, c.Ref)
		}
		if k.written[id][c.Ref]++; k.written[id][c.Ref] > 1 {
			return fmt.Errorf("%s changed %v twice", id, c.Ref)
		}
	}
	return nil
}

// asPlanned is the condition of an edit in other words than bulk.Edit.Holds has.
func asPlanned(e bulk.Edit, is registry.Fields) bool {
	relied := maps.Clone(e.Before)
	maps.Copy(relied, e.Reads)
	relied[registry.LockedBy] = ""
	for field, was := range relied {
		if is[field] != was {
			return false
		}
	}
	return true
}

// checkProgress: done, skipped, failed and not attempted add up to the plan, the
// tallies say what the results say, nothing goes back, and what people read of
// an ended operation is all there is.
func (k *checker) checkProgress(op bulk.Operation) error {
	p := k.plans[op.ID]
	if p == nil {
		return nil
	}
	tally, err := k.w.store.Progress(context.Background(), op.ID)
	if err != nil {
		return err
	}
	var recount bulk.Tally
	groups := map[int]int{}
	for r, err := range k.w.store.Results(context.Background(), op.ID) {
		if err != nil {
			return err
		}
		if !r.Closed {
			groups[r.Batch]++
		}
		group := p.batches[r.Batch-1].Group(r.Group)
		for _, c := range group {
			switch r.Outcome(c.Subject).State {
			case bulk.Done:
				recount.Done++
			case bulk.Skipped:
				recount.Skipped++
			case bulk.Failed:
				recount.Failed++
			}
		}
	}
	if op.State == bulk.Stopping && k.stops[op.ID] == nil {
		k.stops[op.ID] = groups
	}
	if atStop, stopped := k.stops[op.ID]; stopped {
		for batch, n := range groups {
			if n > atStop[batch]+1 {
				return fmt.Errorf("%d groups of batch %d were done after the stop; only the one under way may be", n-atStop[batch], batch)
			}
		}
	}
	before := k.tallies[op.ID]
	k.tallies[op.ID] = tally
	switch {
	case tally != recount:
		return fmt.Errorf("the tallies say %+v, the results %+v", tally, recount)
	case tally.Done < before.Done || tally.Skipped < before.Skipped || tally.Failed < before.Failed:
		return fmt.Errorf("progress went back from %+v to %+v", before, tally)
	case op.NotAttempted(tally) < 0:
		return fmt.Errorf("%+v of %d", tally, op.Plan.Changes)
	case op.State.Ended() && op.Final != tally:
		return fmt.Errorf("it ended with %+v, and now there are %+v", op.Final, tally)
	}
	return nil
}
