package engine_test

import (
	"context"
	"fmt"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// refusedAddress begins the addresses that the mail service here refuses.
const refusedAddress = "refused-"

// addressees draws whom notices can go to: sometimes so many of the staff that
// their notices are several groups, and some whose address is refused.
func (c *chance) addressees() {
	ctx := context.Background()
	if c.rng.IntN(4) == 0 {
		_ = c.store.PutFacility(ctx, registry.Facility{ID: "fac-1", Name: "Riverside", Email: refusedAddress + "desk@riverside.example"})
	}
	if c.rng.IntN(3) > 0 {
		return
	}
	for n := range 5 + c.rng.IntN(20) {
		p := staff.Person{Sub: fmt.Sprintf("sub-%d", n), Name: fmt.Sprintf("Nurse %d", n), Role: staff.Staff, Facilities: []string{"fac-1"},
			Email: fmt.Sprintf("nurse-%d@clinic.example", n)}
		if c.rng.IntN(6) == 0 {
			p.Email = refusedAddress + p.Email
		}
		_ = c.store.PutPerson(ctx, p)
	}
}

// message draws what is said, and to whom.
func (c *chance) message() bulk.Params {
	p := bulk.Params{kind.MessageType: kind.ToFacilities, kind.MessageHeading: "{patients} at {facility}", kind.MessageText: "Dear {recipient}, please call them."}
	if c.rng.IntN(3) > 0 {
		p[kind.MessageType], p[kind.AlertRole] = kind.ToStaff, []string{"staff", "manager", kind.EveryRole}[c.rng.IntN(3)]
	}
	return p
}

// checkNotices: every notice that was sent is in a plan that was approved, as it
// was approved; and nobody is written to twice, by an operation and all that was
// run again of it, from whichever of them, together.
func (k *checker) checkNotices() error {
	for ; k.mailed < len(k.w.mails); k.mailed++ {
		m := k.w.mails[k.mailed]
		if m.Notice == "" {
			continue
		}
		p := k.plans[m.Operation]
		if p == nil {
			return fmt.Errorf("%s wrote to %s before it was approved", m.Operation, m.To)
		}
		var batch, n int
		if _, err := fmt.Sscanf(m.Notice, "%d-%d", &batch, &n); err != nil {
			return err
		}
		change := p.batches[batch-1].Changes[n-1]
		if change.Notice.To != m.To || change.Notice.Heading != m.Subject {
			return fmt.Errorf("%s wrote %q to %s; approved was %+v", m.Operation, m.Subject, m.To, change.Notice)
		}
		if k.sent[m.Operation] == nil {
			k.sent[m.Operation] = map[string]int{}
		}
		k.sent[m.Operation][change.Subject]++
		first := k.first(k.headers[m.Operation])
		if k.reached[first.ID] == nil {
			k.reached[first.ID] = map[string]string{}
		}
		if by := k.reached[first.ID][change.Subject]; by != "" {
			return fmt.Errorf("%s wrote to %s, as %s had", m.Operation, change.Subject, by)
		}
		k.reached[first.ID][change.Subject] = m.Operation
	}
	return nil
}

// checkNotice: a notice that is done was sent, one that was refused or not
// attempted was not, and of the others nobody claims to know.
func (k *checker) checkNotice(op bulk.Operation, o bulk.Outcome, tally *bulk.Tally) error {
	sent := k.sent[op.ID][o.Subject]
	switch {
	case o.State == bulk.Done:
		tally.Done++
		if sent != 1 {
			return fmt.Errorf("%s is done, and was written to %d times", o.Subject, sent)
		}
	case o.State == bulk.Failed:
		tally.Failed++
		if sent != 0 && o.Code != bulk.MailUnknown || o.Retryable == (o.Code == bulk.MailUnknown) {
			return fmt.Errorf("%s failed with %+v, and was written to %d times", o.Subject, o, sent)
		}
	case o.State != bulk.NotAttempted || sent != 0:
		return fmt.Errorf("%s is %s, and was written to %d times", o.Subject, o.State, sent)
	}
	return nil
}

// One call that goes wrong, whichever it is and however, or everything twice:
// each of the staff is written to once, or, where the call's answer is lost, may
// have been.
func TestTroubleAtEveryCallOfACommunication(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		play(t, anyTrouble, func(s *script) {
			s.twice, s.wish.request = twice, tellsStaff(kind.EveryRole, "P000", "P001")
		}, func(op bulk.Operation) error {
			if op.Final.Done+op.Final.Failed != op.Plan.Changes || op.Final.Failed > 1 || op.Plan.Changes != 5 {
				return fmt.Errorf("it is %s with %+v of %d (%s)", op.State, op.Final, op.Plan.Changes, op.Cause)
			}
			return nil
		})
	}
}

// notices counts what became of an operation's notices.
func (e *endings) notices(w *world, op bulk.Operation) {
	if op.Started.IsZero() {
		return
	}
	for line, err := range w.Lines(context.Background(), op) {
		if err != nil {
			panic(err) // the store in memory has it
		}
		what := line.Outcome.Code
		if what == "" {
			what = string(line.Outcome.State)
		}
		e.counts["notices "+what]++
	}
}
