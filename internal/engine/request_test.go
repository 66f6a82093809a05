package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestARequestIsStoredAndStartsItsStateMachine(t *testing.T) {
	c := newClinic(t)
	op, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001", "P002"))
	must(t, err)
	equal(t, "state", op.State, bulk.Planning)
	equal(t, "requester", op.Requester, bulk.Person{Sub: ada.Sub, Name: ada.Name, Email: ada.Email})
	equal(t, "ids given", op.Selected.Count, 2)
	equal(t, "words", op.Selected.Words, "pasted list of ids")
	list(t, "started", c.machine.started, op.ID)
	list(t, "history", c.happened(op.ID), "requested")
}

func TestTheSameKeyAgainGivesTheSameOperation(t *testing.T) {
	c := newClinic(t)
	first, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err)
	again, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err)
	equal(t, "id", again.ID, first.ID)
	list(t, "started", c.machine.started, first.ID)

	// Keys are a person's own: somebody else cannot find out about mine.
	other, err := c.Request(t.Context(), grace, asks(registry.OnHold, "P001"))
	must(t, err)
	if other.ID == first.ID {
		t.Error("another person's request with the same key gave my operation")
	}
}

// Somebody who goes back in the browser and sends the form with other patients
// must not believe that these were asked for.
func TestTheSameKeyWithOtherAnswersIsRefused(t *testing.T) {
	c := newClinic(t)
	first, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err)
	for name, r := range map[string]engine.Request{
		"other patients": asks(registry.OnHold, "P001", "P002"),
		"another status": asks(registry.Active, "P001"),
		"a filter":       asksFor(registry.OnHold, registry.Filter{Facilities: []string{"fac-1"}}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Request(t.Context(), ada, r)
			refused(t, err, fault.Conflict, "This form was already sent, with other answers, as "+first.ID+". Begin a new request to ask for something else.")
		})
	}
}

// The answer to Create was lost, so the page showed an error and the form was
// sent again: the operation that exists must not wait for the watch to start.
func TestARepeatedRequestStartsWhatWasNotStarted(t *testing.T) {
	c := newClinic(t)
	c.fault = func(call string, do func() error) error {
		if err := do(); err != nil || call != "Create" {
			return err
		}
		return errLost
	}
	if _, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001")); err == nil {
		t.Fatal("the lost answer was not reported")
	}
	c.fault = noFault
	op, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err)
	list(t, "started", c.machine.started, op.ID)
}

func TestATakenIDIsDrawnAnew(t *testing.T) {
	c := newClinic(t)
	ids := []string{"OP-000000-0001", "OP-000000-0001", "OP-000000-0002"}
	c.NewID = func(time.Time) string {
		id := ids[0]
		ids = ids[1:]
		return id
	}
	_, err := c.Request(t.Context(), ada, asks(registry.OnHold, "P001"))
	must(t, err)
	second, err := c.Request(t.Context(), ben, asks(registry.OnHold, "P001"))
	must(t, err)
	equal(t, "id", second.ID, "OP-000000-0002")
}

func TestRefusedRequests(t *testing.T) {
	tooMany := slices.Repeat([]string{"P001"}, 100_001)
	noFacility := staff.Person{Sub: "sub-new", Name: "New", Role: staff.Staff}
	disabled := ada
	disabled.Disabled = true
	const (
		noRight   = "You may not ask for bulk operations: that takes the right Staff or higher. Ask an administrator for it."
		noneGiven = "No patients are selected. Choose a filter, or paste, upload or pick patients."
		noKey     = "A request needs a key of 16 to 64 characters, made anew for each request."
	)
	with := func(alter func(*engine.Request)) engine.Request {
		r := asks(registry.Active, "P001")
		alter(&r)
		return r
	}
	tests := []struct {
		name     string
		actor    staff.Person
		request  engine.Request
		code     fault.Code
		sentence string
	}{
		{"by an auditor", ula, asks(registry.Active, "P001"), fault.Forbidden, noRight},
		{"by somebody disabled", disabled, asks(registry.Active, "P001"), fault.Forbidden, noRight},
		{"of nobody", ada, asks(registry.Active), fault.Invalid, noneGiven},
		{"by a filter that is missing", ada, with(func(r *engine.Request) { r.Selection = bulk.Selection{Source: bulk.ByFilter} }), fault.Invalid, noneGiven},
		{"of too many", ada, asks(registry.Active, tooMany...), fault.TooLarge,
			"An operation takes at most 100,000 patients; 100,001 are selected. Divide them, for example by facility."},
		{"of a foreign facility", ben, asksFor(registry.Active, registry.Filter{Facilities: []string{"fac-2", "fac-1"}}), fault.Forbidden,
			`You do not hold the facility "Riverside". Choose among your own facilities.`},
		{"by a filter of somebody without facilities", noFacility, asksFor(registry.Active, registry.Filter{}), fault.Forbidden,
			"You hold no facility. Ask an administrator to give you yours."},
		{"of an unknown kind", ada, with(func(r *engine.Request) { r.Kind = "delete" }), fault.Invalid, `There is no kind of operation "delete".`},
		{"without an answer", ada, with(func(r *engine.Request) { r.Params = nil }), fault.Invalid, "Choose the new status."},
		{"without a key", ada, with(func(r *engine.Request) { r.Key = "" }), fault.Invalid, noKey},
		{"with a key that can be guessed", ada, with(func(r *engine.Request) { r.Key = "1" }), fault.Invalid, noKey},
		{"with an endless key", ada, with(func(r *engine.Request) { r.Key = strings.Repeat("k", 65) }), fault.Invalid, noKey},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			_, err := c.Request(t.Context(), test.actor, test.request)
			refused(t, err, test.code, test.sentence)
			list(t, "started", c.machine.started)
		})
	}
}

// The portal shows each complaint beside its question.
func TestWrongAnswersAreNamedByQuestion(t *testing.T) {
	c := newClinic(t)
	r := asks(registry.Active, "P001")
	r.Params[kind.HoldReason] = "Payment"
	_, err := c.Request(t.Context(), ada, r)
	var problems engine.Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Field != kind.HoldReason {
		t.Errorf("got %v", err)
	}
}

// What somebody typed to search for may be a patient's name.
func TestWordsOfASelectionHoldNoPatientData(t *testing.T) {
	tests := []struct {
		name   string
		filter registry.Filter
		except []string
		want   string
	}{
		{"of one's own facilities", registry.Filter{}, nil, "facility all"},
		{"every part", registry.Filter{Statuses: []registry.Status{registry.OnHold}, Facilities: []string{"fac-1"}, Tag: "vip", Insurance: "Gold",
			RegisteredFrom: "2026-01-01", RegisteredTo: "2026-02-01", LastVisitFrom: "2026-03-01", NextVisitTo: "2026-12-31", Text: canary},
			[]string{"P001", "P002"},
			"status On Hold; facility Riverside; tag vip; insurance plan Gold; registered 1 Jan 2026 to 1 Feb 2026; last visit from 1 Mar 2026; visit to come until 31 Dec 2026; a search text; 2 left out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClinic(t)
			r := asksFor(registry.Active, test.filter)
			r.Selection.Except = test.except
			op, err := c.Request(t.Context(), ada, r)
			must(t, err)
			equal(t, "words", op.Selected.Words, test.want)
		})
	}
}

func TestARequestIsTakenBackByItsRequesterOnly(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.submitted(asks(registry.OnHold, "P001"))

	_, err := c.Cancel(t.Context(), grace, op.ID)
	refused(t, err, fault.Forbidden, "Only Ada Asks, who asked for it, can take this request back.")

	op, err = c.Cancel(t.Context(), ada, op.ID)
	must(t, err)
	equal(t, "state", op.State, bulk.Cancelled)
	equal(t, "cause", op.Cause, "Taken back by Ada Asks.")
	if _, err = c.Cancel(t.Context(), ada, op.ID); err != nil {
		t.Errorf("taking it back twice: %v", err)
	}
	list(t, "history", c.happened(op.ID), "requested", "planned", "submitted", "cancelled")

	_, err = c.Decide(t.Context(), grace, op.ID, approval(op))
	refused(t, err, fault.Conflict, "There is nothing to decide: this operation is cancelled.")
}

func TestWhatRunsIsStoppedNotTakenBack(t *testing.T) {
	c := newClinic(t)
	c.admit(registry.Active, numbered(2))
	op := c.started(asks(registry.OnHold, "P001"))
	_, err := c.Cancel(t.Context(), ada, op.ID)
	refused(t, err, fault.Conflict, "This request can no longer be taken back: it is running.")
}
