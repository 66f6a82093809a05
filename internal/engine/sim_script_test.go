package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// script is the director of one small life without chance: calls are made in
// the order of their processes, and at one of them something goes wrong.
type script struct {
	*world
	wish  *wish
	edits bool // somebody has written by hand

	at      int           // the number of the call, from 1
	fate    fate          // of that call
	also    func(*script) // before that call
	calls   int
	swept   int  // sweeps since it ended
	idled   int  // how often there was nothing else to do
	quiet   bool // until it has ended the mail service does not answer
	last    bool // the process that began last goes first
	twice   bool // everything is delivered twice, and the two take turns
	refused int  // how often each call of a function finds none left, at first
}

// newScript is the life of three patients with many visits, who are discharged
// in two groups; one of them is changed by hand before the approval.
func newScript() *script {
	s := &script{world: newWorld(rand.New(rand.NewPCG(1, 1)))}
	s.director = director{s.next, s.fated, s.copies, s.throttled, s.idle}
	var patients []registry.Record
	for n := range 3 {
		var visits []registry.VisitRef
		for v := range 33 {
			visits = append(visits, registry.VisitRef{Start: noon.AddDate(0, 0, v+1), ID: fmt.Sprint("V", v)})
		}
		patients = append(patients, patientRecords(fmt.Sprintf("P%03d", n), registry.Active, visits...)...)
	}
	s.populate(patients)
	s.wish = &wish{asker: ada, verdict: bulk.Approve, request: asks(registry.Discharged, "P000", "P001", "P002", "nobody")}
	return s
}

func (s *script) next(calls []*portCall) int {
	if s.calls+1 == s.at && s.also != nil {
		also := s.also
		s.also = nil
		also(s)
		return -1
	}
	s.calls++
	switch {
	case s.last:
		return len(calls) - 1
	case s.twice:
		return s.calls % len(calls)
	}
	return 0
}

func (s *script) copies() int {
	if s.twice {
		return 2
	}
	return 1
}

func (s *script) throttled(n int) bool { return n <= s.refused }

func (s *script) fated(c *portCall) fate {
	if s.quiet && c.name == "Send" && (s.wish.id == "" || !s.header(s.wish.id).State.Ended() || s.swept == 0) {
		return hung
	}
	if s.calls == s.at {
		return s.fate
	}
	return made
}

func (s *script) idle() bool {
	if s.wish.id != "" && s.header(s.wish.id).State == bulk.AwaitingApproval && !s.edits {
		s.edits = true
		_ = s.store.WriteByHand(context.Background(), registry.ProfileRef("P001"), registry.Fields{registry.StatusField: "Hospitalized"}, "Nora Nurse", s.now)
		s.checker.byHand()
		return true
	}
	if d := s.deed(s.wish); d != nil {
		d()
		return true
	}
	if s.wish.id != "" && s.header(s.wish.id).State.Ended() {
		s.swept++
	}
	if s.idled++; s.swept > 2 || s.idled > 50 {
		return false
	}
	s.now = s.now.Add(6 * time.Hour)
	s.sweep()
	return true
}

// play lives a script at each of whose calls, one life after the other,
// something is done; each ends as want says.
func play(t *testing.T, fates []fate, prepare func(*script), want func(bulk.Operation) error) {
	t.Helper()
	lives := 0
	for _, f := range fates {
		for at := 1; ; at++ {
			over := false
			synctest.Test(t, func(t *testing.T) {
				s := newScript()
				s.at, s.fate = at, f
				prepare(s)
				err := s.live()
				if err == nil {
					err = want(s.header(s.wish.id))
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, s.history())
				}
				over = s.calls < at
			})
			if over || t.Failed() {
				break
			}
			lives++
		}
	}
	t.Logf("%d lives", lives)
}

// anyTrouble is every fate of a call that is not simply made.
var anyTrouble = []fate{busy, lostRequest, lostAnswer, diedBefore, diedAfter}

// whole wants two patients discharged and the third, changed by hand, skipped.
func whole(op bulk.Operation) error {
	if want := (bulk.Tally{Done: 2, Skipped: 1}); op.State != bulk.CompletedWithErrors || op.Final != want {
		return fmt.Errorf("it is %s with %+v (%s)", op.State, op.Final, op.Cause)
	}
	return nil
}

// ended accepts every ending: the checker has looked at what it says.
func ended(op bulk.Operation) error {
	if !op.State.Ended() {
		return fmt.Errorf("it is %s", op.State)
	}
	return nil
}

// One call that goes wrong, whichever it is and however, changes nothing of
// what comes out: it is tried again, by people, the state machine or the watch.
func TestTroubleAtEveryCall(t *testing.T) {
	t.Parallel()
	play(t, anyTrouble, func(*script) {}, whole)
}

func TestTroubleAtEveryCallWithEverythingDeliveredTwice(t *testing.T) {
	t.Parallel()
	play(t, anyTrouble, func(s *script) { s.twice = true }, whole)
}

// Other operations use every call that may be made at the same time, for hours:
// this one waits, and is done.
func TestOthersUseAllCallsForHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.refused = 500
		if err := errors.Join(s.live(), whole(s.header(s.wish.id))); err != nil {
			t.Fatalf("%v\n%s", err, s.history())
		}
	})
}

// The machine gives a function up and calls it again while the first call is
// still running, and goes on after or before the second.
func TestLostPatienceAtEveryCall(t *testing.T) {
	t.Parallel()
	for _, secondFirst := range []bool{false, true} {
		play(t, []fate{made}, func(s *script) {
			s.last = secondFirst
			s.also = func(s *script) {
				for _, x := range s.executions {
					x.losePatience()
				}
			}
		}, whole)
	}
}

// A wait ends by its time-out, however late or early: the machine asks once more.
func TestAWaitTimesOutAtEveryCall(t *testing.T) {
	t.Parallel()
	late := 0
	play(t, []fate{made}, func(s *script) {
		s.also = func(s *script) {
			for _, x := range s.executions {
				if x.alive && x.waits() && x.answered == "" {
					late++
					x.lateNow()
				}
			}
		}
	}, whole)
	if late == 0 {
		t.Error("no wait was ended")
	}
}

// The mail service takes every mail and answers none, until everything has ended:
// nothing is held up, and then the requester is told.
func TestTroubleAtEveryCallWithoutMails(t *testing.T) {
	t.Parallel()
	play(t, anyTrouble, func(s *script) { s.quiet = true }, whole)
}

func TestAStopAtEveryCall(t *testing.T) {
	t.Parallel()
	stops := 0
	play(t, []fate{made}, func(s *script) {
		s.also = func(s *script) {
			if s.wish.id != "" && s.header(s.wish.id).State == bulk.Running {
				s.last = true
				s.stop(&wish{id: s.wish.id})
			}
		}
	}, func(op bulk.Operation) error {
		if op.State == bulk.Stopped {
			stops++
		}
		return ended(op)
	})
	if stops == 0 {
		t.Error("no stop took effect")
	}
}

func TestADeadExecutionAtEveryCall(t *testing.T) {
	t.Parallel()
	play(t, []fate{made}, func(s *script) {
		s.also = func(s *script) {
			for _, x := range s.executions {
				x.die()
			}
		}
	}, ended)
}

// Whoever writes at whatever moment, the change is kept, and the patient is
// done before it or skipped after it.
func TestAHandAtEveryCall(t *testing.T) {
	t.Parallel()
	play(t, []fate{made}, func(s *script) {
		s.also = func(s *script) {
			for _, fields := range []registry.Fields{{registry.StatusField: "Pending"}, {registry.Phone: "555"}} {
				_ = s.store.WriteByHand(context.Background(), registry.ProfileRef("P002"), fields, "Nora Nurse", s.now)
			}
			s.checker.byHand()
		}
	}, ended)
}

// Rights that are gone before the check begins keep anything from being changed.
func TestRightsTakenAwayAtEveryCall(t *testing.T) {
	t.Parallel()
	early := 0
	for _, p := range []string{ada.Sub, grace.Sub} {
		var before bool
		play(t, []fate{made}, func(s *script) {
			before = false
			s.also = func(s *script) {
				x := s.execution(s.wish.id)
				before = x == nil || x.state == "Plan" || x.state == "Review" || x.state == "Approve"
				s.turnRights(s.person(p))
			}
		}, func(op bulk.Operation) error {
			if before {
				early++
			}
			if before && op.Final.Attempted() > 0 {
				return fmt.Errorf("%s, whose rights were gone, changed %+v", p, op.Final)
			}
			return ended(op)
		})
	}
	if early == 0 {
		t.Error("rights were never taken away before the check")
	}
}
