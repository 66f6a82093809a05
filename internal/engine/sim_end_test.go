package engine_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/slots"
)

// checkEnd: when the trouble has ceased and time has passed, everything has
// ended, and the outcomes are what happened to the records.
func (k *checker) checkEnd() error {
	k.created, k.updated, k.changed = true, true, true
	if err := k.check(); err != nil {
		return err
	}
	for id, op := range k.headers {
		if err := errors.Join(k.checkEnded(op), k.checkFileAtEnd(op)); err != nil {
			return fmt.Errorf("%s, %s: %w", id, op.State, err)
		}
	}
	asked := map[string]bool{}
	for _, op := range k.headers {
		if asked[op.Requester.Sub] && op.Origin == nil {
			return fmt.Errorf("%s asked once, and there are several operations", op.Requester.Name)
		}
		asked[op.Requester.Sub] = asked[op.Requester.Sub] || op.Origin == nil
	}
	for _, x := range k.w.executions {
		if x.alive {
			return fmt.Errorf("%s: the execution still stands in %s", x.op, x.state)
		}
		op := k.headers[x.op]
		switch failed := op.State == bulk.FailedState; {
		case x.failure == tooMany:
			return fmt.Errorf("%s was given up for no more than that others were at work", x.op)
		case failed && x.state == "Closed" && x.failure != "":
			return fmt.Errorf("%s was answered, and failed by the time-out of the wait", x.op)
		case failed && !x.died && x.failure == "" && strings.HasPrefix(op.Cause, "A step failed on our side"):
			return fmt.Errorf("%s was taken for dead, and was not", x.op)
		}
	}
	for id, err := range k.w.store.Open(context.Background(), bulk.WaitsForAnswer) {
		return errors.Join(err, fmt.Errorf("%s: a token was never used", id))
	}
	for id, err := range k.w.store.Open(context.Background(), bulk.WaitsForMail) {
		return errors.Join(err, fmt.Errorf("%s: a mail is still due", id))
	}
	if err := errors.Join(k.checkCalendars(), k.checkAudit()); err != nil {
		return err
	}
	if snapshot := k.w.store.Snapshot(); !reflect.DeepEqual(snapshot, k.latest) {
		return errors.New("the records are not what the changes made of them")
	}
	told := fmt.Sprint(k.w.mails, k.w.logs, k.headers)
	if strings.Contains(told, canary) {
		return errors.New("patient data in a mail, a log or a header")
	}
	for id, shown := range k.w.shown {
		if len(shown) > 1 || strings.Contains(told, shown[0]) || k.headers[id].File.Shown.IsZero() {
			return fmt.Errorf("%s: the passphrase was shown %d times, or is in a mail, a log or a header, or nobody knows that it was", id, len(shown))
		}
	}
	return nil
}

func (k *checker) checkEnded(op bulk.Operation) error {
	if !op.State.Ended() {
		return errors.New("it never ended")
	}
	events, err := k.w.store.Events(context.Background(), op.ID)
	if err != nil {
		return err
	}
	if len(events) != op.Version {
		return fmt.Errorf("%d events for version %d", len(events), op.Version)
	}
	decisions := 0
	for i, e := range events {
		if e.Number != i+1 {
			return fmt.Errorf("event %d has the number %d", i+1, e.Number)
		}
		if e.What == string(bulk.Approve) || e.What == string(bulk.Reject) {
			decisions++
		}
	}
	if !k.told(op) {
		return errors.New("its requester was never told")
	}
	if decisions > 1 || decisions == 1 != (op.Decision != nil) {
		return fmt.Errorf("%d decisions in the history", decisions)
	}
	if k.plans[op.ID] == nil {
		return nil
	}
	return k.checkOutcomes(op)
}

// told reports whether the requester has been mailed how the operation ended: all
// are but those who took it back themselves, and those for whom the mail service
// did not work for a week.
func (k *checker) told(op bulk.Operation) bool {
	if op.Cause == "Taken back by "+op.Requester.Name+"." || k.w.calm.Sub(op.Since) >= 7*24*time.Hour {
		return true
	}
	found, _ := kind.Find(op.Kind)
	subject := found.Text(op).Title + ": " + op.ID
	return slices.ContainsFunc(k.w.mails, func(m engine.Mail) bool { return m.To == op.Requester.Email && m.Subject == subject })
}

// around are the reasons to skip a subject whose own records are as planned.
var around = map[string]bool{bulk.SlotTaken: true, bulk.SlotPassed: true, bulk.DayFull: true, bulk.Shut: true, bulk.NoRoomLeft: true, bulk.Unsuited: true}

// checkOutcomes: a subject is done exactly where its records were changed by
// the operation, once each, and skipped only where somebody else changed one
// of them after the plan was begun, took a slot or let it pass, or got the room
// that there was.
func (k *checker) checkOutcomes(op bulk.Operation) error {
	var tally bulk.Tally
	for line, err := range k.w.Lines(context.Background(), op) {
		if err != nil {
			return err
		}
		if line.Outcome.State == bulk.Done {
			by := k.done[k.first(op).ID+line.Change.Subject]
			if by != "" {
				return fmt.Errorf("%s is done, as it was by %s, of which this is a rerun", line.Change.Subject, by)
			}
			k.done[k.first(op).ID+line.Change.Subject] = op.ID
		}
		if line.Change.Extract != nil {
			if err := k.checkExtract(op, line.Outcome, &tally); err != nil {
				return err
			}
			continue
		}
		if line.Change.Notice != nil {
			if err := k.checkNotice(op, line.Outcome, &tally); err != nil {
				return err
			}
			continue
		}
		written, touched := 0, false
		for _, e := range line.Change.Edits {
			written += k.written[op.ID][e.Ref]
			touched = touched || k.touched(op, e.Ref)
		}
		o := line.Outcome
		switch o.State {
		case bulk.Done:
			tally.Done++
			if written != len(line.Change.Edits) {
				return fmt.Errorf("%s is done with %d of %d edits", o.Subject, written, len(line.Change.Edits))
			}
			continue
		case bulk.Skipped:
			tally.Skipped++
			if !touched && !around[o.Code] {
				return fmt.Errorf("%s was skipped (%s), though nobody had changed it", o.Subject, o.Sentence)
			}
		case bulk.Failed:
			tally.Failed++
			if o.Code != bulk.Unwritable || line.Change.Subject != poisoned {
				return fmt.Errorf("%s failed: %s", o.Subject, o.Sentence)
			}
		}
		if written != 0 {
			return fmt.Errorf("%s is %s, and %d of its records were changed", o.Subject, o.State, written)
		}
	}
	if tally != op.Final {
		return fmt.Errorf("the lines count %+v, the operation %+v", tally, op.Final)
	}
	return nil
}

// touched reports whether somebody else has written a record since the operation
// was begun.
func (k *checker) touched(op bulk.Operation, ref registry.Ref) bool {
	return slices.ContainsFunc(k.others[ref], func(by writer) bool { return by.operation != op.ID && by.change >= k.begun[op.ID] })
}

// checkCalendars: of visits that were booked by operations no two take place at
// the same time with one provider.
func (k *checker) checkCalendars() error {
	visits, _, err := k.w.store.Calendar(context.Background(), "ann", noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0))
	for i, v := range visits {
		for _, w := range visits[:i] {
			if strings.Contains(v.Ref.Part, "#B") && strings.Contains(w.Ref.Part, "#B") &&
				(slots.Visit{Start: v.Start(), Minutes: v.Minutes()}).Meets(slots.Visit{Start: w.Start(), Minutes: w.Minutes()}) {
				return fmt.Errorf("ann has %v and %v at the same time", v.Ref, w.Ref)
			}
		}
	}
	return err
}
