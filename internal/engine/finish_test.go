package engine_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

const (
	leftOver = "The run ended before every batch was worked on. Ask again for the patients that are left."
	tooLong  = "A step took too long. Ask again for the patients that are left, in a smaller number."
	tooBusy  = "The patient registry was too busy for too long. Ask again for the patients that are left."
	ourFault = "A step failed on our side; the log has the details. Tell your administrator, and ask again for the patients that are left."
)

func TestEveryEnding(t *testing.T) {
	request := asks(registry.OnHold, numbered(150)...) // two batches
	run := func(c *clinic, op bulk.Operation, batches ...int) bulk.Operation {
		for _, n := range batches {
			_, err := c.RunBatch(c.t.Context(), op.ID, n)
			must(c.t, err)
		}
		return op
	}
	skipFirst := func(c *clinic) bulk.Operation {
		op := c.started(request)
		c.byHand("P001", registry.StatusField, "Hospitalized")
		return op
	}
	tests := []struct {
		name  string
		reach func(*clinic) bulk.Operation
		cause string // the error name of the state machine
		state bulk.State
		words string
		final bulk.Tally
	}{
		{"all done", func(c *clinic) bulk.Operation { return run(c, c.started(request), 1, 2) }, "",
			bulk.Completed, "", bulk.Tally{Done: 150}},
		{"all done, though the machine gave up", func(c *clinic) bulk.Operation { return run(c, c.started(request), 1, 2) }, "States.Timeout",
			bulk.Completed, "", bulk.Tally{Done: 150}},
		{"all attempted, one skipped", func(c *clinic) bulk.Operation { return run(c, skipFirst(c), 1, 2) }, "",
			bulk.CompletedWithErrors, "", bulk.Tally{Done: 149, Skipped: 1}},
		{"all attempted before the stop", func(c *clinic) bulk.Operation {
			op := run(c, c.started(request), 1, 2)
			_, err := c.Stop(c.t.Context(), ada, op.ID)
			must(c.t, err)
			return op
		}, "", bulk.Completed, "", bulk.Tally{Done: 150}},
		{"stopped after a batch", func(c *clinic) bulk.Operation {
			op := run(c, c.started(request), 1)
			_, err := c.Stop(c.t.Context(), ada, op.ID)
			must(c.t, err)
			return run(c, op, 2)
		}, "", bulk.Stopped, "Stopped by Ada Asks.", bulk.Tally{Done: 100}},
		{"stopped before the first group", func(c *clinic) bulk.Operation {
			op := c.started(request)
			_, err := c.Stop(c.t.Context(), ada, op.ID)
			must(c.t, err)
			return run(c, op, 1, 2)
		}, "", bulk.Stopped, "Stopped by Ada Asks.", bulk.Tally{}},
		{"the machine gave up in the middle", func(c *clinic) bulk.Operation { return run(c, c.started(request), 2) }, "Busy",
			bulk.Stopped, tooBusy, bulk.Tally{Done: 50}},
		{"a batch was never run", func(c *clinic) bulk.Operation { return run(c, c.started(request), 2) }, "",
			bulk.Stopped, leftOver, bulk.Tally{Done: 50}},
		{"the machine gave up before any change", func(c *clinic) bulk.Operation { return c.started(request) }, "States.Timeout",
			bulk.FailedState, tooLong, bulk.Tally{}},
		{"the check before the run failed", func(c *clinic) bulk.Operation { return c.approved(request) }, "Internal",
			bulk.FailedState, ourFault, bulk.Tally{}},
		{"planning failed", func(c *clinic) bulk.Operation {
			op, err := c.Request(c.t.Context(), ada, request)
			must(c.t, err)
			return op
		}, "Internal", bulk.FailedState, ourFault, bulk.Tally{}},
		{"nobody submitted before the machine's time-out", func(c *clinic) bulk.Operation { return c.planned(request) }, "States.Timeout",
			bulk.Expired, "It was not sent for approval within 7 days.", bulk.Tally{}},
		{"nobody decided before the machine's time-out", func(c *clinic) bulk.Operation { return c.submitted(request) }, "States.Timeout",
			bulk.Expired, "Nobody decided within 7 days.", bulk.Tally{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			c.admit(registry.Active, numbered(150))
			op := test.reach(c)
			op, err := c.Finish(t.Context(), op.ID, test.cause)
			must(t, err)
			equal(t, "state", op.State, test.state)
			equal(t, "cause", op.Cause, test.words)
			equal(t, "final", op.Final, test.final)
			list(t, "told", c.sent(bulk.Texts[test.state].Title+": "+op.ID), ada.Email)

			again, err := c.Finish(t.Context(), op.ID, "States.Timeout") // a repeat, or the watch
			must(t, err)
			equal(t, "version", again.Version, op.Version)
			list(t, "told once", c.sent(bulk.Texts[test.state].Title+": "+op.ID), ada.Email)

			attempted := 0
			for _, o := range c.outcomes(op) {
				if o.State != bulk.NotAttempted {
					attempted++
				}
			}
			if !op.Started.IsZero() {
				equal(t, "outcomes", attempted, op.Final.Attempted())
			}
		})
	}
}

// A call of RunBatch may outlive its execution: it was given up after a
// time-out, or the execution was ended from outside. What it does after the end
// would make the counts that people read wrong.
func TestNothingIsChangedAfterTheEnd(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150))
	op := c.started(asks(registry.OnHold, numbered(150)...))
	ended := false
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" && !ended {
			ended = true
			c.fault = noFault
			_, err := c.Finish(t.Context(), op.ID, "Died") // while the call is about to commit
			must(t, err)
		}
		return do()
	}
	tally, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "tally", tally, bulk.Tally{})
	op = c.header(op.ID)
	equal(t, "state", op.State, bulk.FailedState)
	equal(t, "status", c.status("P001"), registry.Active)
	equal(t, "outcome", c.outcomes(op)["P001"], bulk.Outcome{Subject: "P001", State: bulk.NotAttempted})
}

// What is still written while the run is being ended counts.
func TestWhatIsDoneWhileTheRunIsBeingEndedCounts(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150))
	op := c.started(asks(registry.OnHold, numbered(150)...))
	meanwhile := true
	c.fault = func(call string, do func() error) error {
		if call == "Results" && meanwhile {
			meanwhile = false
			_, err := c.RunBatch(t.Context(), op.ID, 2)
			must(t, err)
		}
		return do()
	}
	op, err := c.Finish(t.Context(), op.ID, "Busy")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
	equal(t, "final", op.Final, bulk.Tally{Done: 50})
}

// Ending a run writes to many groups; it may be interrupted and repeated.
func TestAnInterruptedEndIsRepeated(t *testing.T) {
	for n := 1; ; n++ {
		c := newClinic(t)
		c.admit(registry.Active, numbered(150))
		op := c.started(asks(registry.OnHold, numbered(150)...))
		_, err := c.RunBatch(t.Context(), op.ID, 2)
		must(t, err)
		calls := 0
		c.fault = func(_ string, do func() error) error {
			if calls++; calls >= n {
				return errLost
			}
			return do()
		}
		_, err = c.Finish(t.Context(), op.ID, "Busy")
		c.fault = noFault
		if calls < n {
			must(t, err)
			return // it was not interrupted any more
		}
		op, err = c.Finish(t.Context(), op.ID, "Busy")
		must(t, err)
		equal(t, "state", op.State, bulk.Stopped)
		equal(t, "final", op.Final, bulk.Tally{Done: 50})
		if len(c.sent("Stopped: "+op.ID)) == 0 { // twice where only the note of sending it was lost
			t.Error("the requester was not told")
		}
	}
}

// One conflict at one of its groups does not end it: it is tried again at once.
func TestAConflictDoesNotInterruptTheEnd(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150))
	op := c.started(asks(registry.OnHold, numbered(150)...))
	_, err := c.RunBatch(t.Context(), op.ID, 2)
	must(t, err)
	calls := 0
	c.fault = func(call string, do func() error) error {
		if call == "CommitGroup" {
			if calls++; calls == 1 {
				return fault.New(fault.Busy, "Conflict.")
			}
		}
		return do()
	}
	op, err = c.Finish(t.Context(), op.ID, "Busy")
	must(t, err)
	equal(t, "state", op.State, bulk.Stopped)
}

func TestAPartOfThePlanThatIsGoneDoesNotKeepItOpen(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(150))
	op := c.started(asks(registry.OnHold, numbered(150)...))
	c.Operations = tampered{c.Operations, func(*bulk.Batch) error { return fault.New(fault.NotFound, "No such batch.") }, nil}
	op, err := c.Finish(t.Context(), op.ID, "Refused")
	must(t, err)
	equal(t, "state", op.State, bulk.FailedState)
}

// The state that was read first says that nothing has run; by the time of the
// write it has begun to. Its groups must be settled before it ends.
func TestARunThatBeginsMeanwhileIsNotEndedUnsettled(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.approved(asks(registry.OnHold, numbered(2)...))
	first := true
	c.fault = func(call string, do func() error) error {
		err := do()
		if call == "Progress" && first {
			first = false
			_, verifyErr := c.Verify(t.Context(), op.ID)
			must(t, verifyErr)
		}
		return err
	}
	_, err := c.Finish(t.Context(), op.ID, "Died")
	equal(t, "code", fault.CodeOf(err), fault.Busy)
	op, err = c.Finish(t.Context(), op.ID, "Died")
	must(t, err)
	equal(t, "state", op.State, bulk.FailedState)
	_, err = c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	equal(t, "status", c.status("P001"), registry.Active)
}

// The mail about the end is sent by the repeat, when the first call died
// between ending the operation and sending it.
func TestTheRequesterIsToldByTheRepeat(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.started(asks(registry.OnHold, numbered(2)...))
	_, err := c.RunBatch(t.Context(), op.ID, 1)
	must(t, err)
	dead := false
	c.fault = func(call string, do func() error) error {
		if dead {
			return errLost
		}
		dead = call == "Update"
		return do()
	}
	_, _ = c.Finish(t.Context(), op.ID, "")
	list(t, "told", c.sent("Completed: "+op.ID))
	c.fault = noFault
	_, err = c.Finish(t.Context(), op.ID, "")
	must(t, err)
	list(t, "told", c.sent("Completed: "+op.ID), ada.Email)
}

func TestAnUnknownOperationCannotBeEnded(t *testing.T) {
	c := newClinic(t)
	_, err := c.Finish(t.Context(), "OP-000000-0000", "")
	equal(t, "code", fault.CodeOf(err), fault.NotFound)
}
