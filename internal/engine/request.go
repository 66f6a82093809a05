package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Request asks for an operation. Key is made by the form or program before it
// sends the request; the same key again gives the same operation.
type Request struct {
	Kind      string
	Params    bulk.Params
	Selection bulk.Selection
	Duplicate int // ids that were merged when the selection was read
	Key       string
	Edits     string // the actor's own operation that this one takes the place of; without a selection, for the same patients

	origin *bulk.Link // set by Again
}

// Problems are what is wrong with the answers of a request, by question. It is
// the cause of the fault.Invalid that Request returns.
type Problems []kind.Problem

func (p Problems) Error() string {
	sentences := make([]string, len(p))
	for i, one := range p {
		sentences[i] = one.Sentence
	}
	return strings.Join(sentences, " ")
}

func problem(field, format string, args ...any) kind.Problem {
	return kind.Problem{Field: field, Sentence: fmt.Sprintf(format, args...)}
}

// Request stores the request and starts its state machine, which plans it.
func (e *Engine) Request(ctx context.Context, actor staff.Person, r Request) (bulk.Operation, error) {
	if err := mayAsk(actor); err != nil {
		return bulk.Operation{}, err
	}
	directory, err := e.Registry.Directory(ctx)
	if err != nil {
		return bulk.Operation{}, err
	}
	k, ok := kind.Find(r.Kind)
	if !ok {
		return bulk.Operation{}, fault.New(fault.Invalid, "There is no kind of operation %q.", bounded(r.Kind))
	}
	if follows := k.Follows || r.Selection.Of != "" || r.Selection.Source == bulk.FromDone || r.Selection.Source == bulk.FromLeft; follows && r.origin == nil {
		return bulk.Operation{}, fault.New(fault.Invalid, "Run an operation again, or roll it back, from its own page.")
	}
	if r.Edits != "" {
		if err := e.copySelection(ctx, actor, &r); err != nil {
			return bulk.Operation{}, err
		}
	}
	if problems := k.Check(r.Params, directory); len(problems) > 0 {
		return bulk.Operation{}, fault.Wrap(Problems(problems), fault.Invalid, "%s", Problems(problems).Error())
	}
	if k.Complete != nil {
		r.Params = k.Complete(r.Params, directory)
	}
	if k.Destinations != nil {
		_, facilities := k.Destinations(r.Params, directory)
		if err := holdsEach(actor, directory, facilities); err != nil {
			return bulk.Operation{}, err
		}
	}
	if err := e.checkSelection(actor, directory, &r.Selection); err != nil {
		return bulk.Operation{}, err
	}
	if err := e.checkGiven(k, &r.Selection); err != nil {
		return bulk.Operation{}, err
	}
	if len(r.Key) < 16 || len(r.Key) > 64 {
		return bulk.Operation{}, fault.New(fault.Invalid, "A request needs a key of 16 to 64 characters, made anew for each request.")
	}
	if r.Edits != "" {
		if err := e.withdraw(ctx, actor, r.Edits); err != nil {
			return bulk.Operation{}, err
		}
	}
	now := e.Now()
	op := bulk.Operation{
		State: bulk.Planning, Since: now, Created: now, Version: 1,
		Kind: k.Name, Params: r.Params, Summary: k.Summary(r.Params, directory), Requester: person(actor),
		Selected: bulk.SelectionSummary{
			Source: r.Selection.Source, Words: selectionWords(r.Selection, directory),
			Count: len(r.Selection.IDs), Duplicates: r.Duplicate, File: r.Selection.File,
		},
		StopAt: bulk.DefaultStopRule, Origin: r.origin,
	}
	for try := 0; ; try++ {
		op.ID = e.NewID(now)
		existing, err := e.Operations.Create(ctx, op, r.Selection, r.Key, bulk.Event{
			Operation: op.ID, Number: 1, At: now, Actor: op.Requester, What: "requested", Detail: op.Summary,
		})
		if fault.Is(err, fault.Conflict) && try < 5 {
			continue // the id was taken in the same second: draw another
		}
		if err != nil {
			return bulk.Operation{}, err
		}
		if existing != "" {
			if op, err = e.asBefore(ctx, existing, op, r.Selection); err != nil {
				return op, err
			}
		}
		break
	}
	if err := e.link(ctx, op); err != nil {
		return op, err
	}
	if op.State == bulk.Planning {
		if err := e.Machine.Start(ctx, op.ID); err != nil {
			e.Log(ctx, "the state machine could not be started; the watch tries again", err, "operation", op.ID)
		}
	}
	return op, nil
}

// link lets the operation that op was made from lead to it. Of several reruns
// of one operation, asked for at once, the first to be linked goes on; the
// others are cancelled and the error says so.
func (e *Engine) link(ctx context.Context, op bulk.Operation) error {
	if op.Origin == nil {
		return nil
	}
	link := bulk.Link{As: op.Origin.As, Operation: op.ID}
	var taken error
	_, err := e.update(ctx, op.Origin.Operation, func(of *bulk.Operation) (bulk.Event, error) {
		if slices.Contains(of.Follow, link) {
			return bulk.Event{}, errNothingNew
		}
		if link.As == bulk.Rerun {
			if taken = e.notRunAgain(ctx, *of, op.ID); taken != nil {
				return bulk.Event{}, taken
			}
		}
		of.Follow = append(of.Follow, link)
		return bulk.Event{Actor: op.Requester, What: string(link.As) + " requested", Detail: op.ID}, nil
	})
	if !fault.Is(taken, fault.Conflict) {
		return err
	}
	_, err = e.update(ctx, op.ID, func(op *bulk.Operation) (bulk.Event, error) {
		if !op.State.MayBecome(bulk.Cancelled) {
			return bulk.Event{}, errNothingNew
		}
		op.State, op.Ended, op.Cause = bulk.Cancelled, e.Now(), fault.Sentence(taken)
		return bulk.Event{What: "cancelled", Detail: op.Cause}, nil
	})
	if err != nil {
		return err
	}
	return taken
}

// asBefore returns the operation that was made with the key of this request,
// and refuses a request that asks for something else with it.
func (e *Engine) asBefore(ctx context.Context, id string, asked bulk.Operation, s bulk.Selection) (bulk.Operation, error) {
	made, err := e.Operations.Operation(ctx, id)
	if err != nil {
		return made, err
	}
	selected, err := e.Operations.Selection(ctx, id)
	if err != nil {
		return made, err
	}
	if made.Kind != asked.Kind || !maps.Equal(made.Params, asked.Params) || !same(selected, s) {
		return made, fault.New(fault.Conflict, "This form was already sent, with other answers, as %s. Begin a new request to ask for something else.", id)
	}
	return made, nil
}

// same compares as stored: an empty list and none are the same.
func same(a, b bulk.Selection) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// checkSelection refuses an empty, over-large or foreign selection and narrows
// a filter to the facilities that the actor holds.
func (e *Engine) checkSelection(actor staff.Person, d registry.Directory, s *bulk.Selection) error {
	if s.Source == bulk.ByFilter {
		if s.Filter == nil {
			return fault.New(fault.Invalid, "No patients are selected. Choose a filter, or paste, upload or pick patients.")
		}
		if err := holdsEach(actor, d, s.Filter.Facilities); err != nil {
			return err
		}
		if len(s.Filter.Facilities) == 0 {
			narrowed := *s.Filter
			narrowed.Facilities = scope(actor, d)
			s.Filter = &narrowed
		}
		if len(s.Filter.Facilities) == 0 {
			return fault.New(fault.Forbidden, "You hold no facility. Ask an administrator to give you yours.")
		}
		return nil
	}
	if s.Of != "" {
		return nil
	}
	if len(s.IDs) == 0 {
		return fault.New(fault.Invalid, "No patients are selected. Choose a filter, or paste, upload or pick patients.")
	}
	if len(s.IDs) > e.Limits.MaxSubjects {
		return e.errTooMany(len(s.IDs))
	}
	if s.Sheet != nil && (s.Source != bulk.Uploaded || len(s.Sheet.Rows) != len(s.IDs)) {
		return fault.New(fault.Invalid, "The rows of a file are given one for each id, with the file's SHA-256.")
	}
	return nil
}

// holdsEach refuses facilities that the actor does not hold.
func holdsEach(actor staff.Person, d registry.Directory, facilities []string) error {
	for _, id := range facilities {
		if !actor.Holds(id) {
			return fault.New(fault.Forbidden, "You do not hold the facility %q. Choose among your own facilities.", d.Display(registry.FacilityField, id))
		}
	}
	return nil
}

func (e *Engine) errTooMany(n int) error {
	return fault.New(fault.TooLarge, "An operation takes at most %s patients; %s are selected. Divide them, for example by facility.",
		thousands(e.Limits.MaxSubjects), thousands(n))
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// selectionWords says how patients were chosen, without patient data: of a
// search text it says only that there is one.
func selectionWords(s bulk.Selection, d registry.Directory) string {
	switch s.Source {
	case bulk.Pasted:
		return "pasted list of ids"
	case bulk.Uploaded:
		return "uploaded CSV file"
	case bulk.Picked:
		return "picked one by one"
	case bulk.FromDone, bulk.FromLeft:
		return earlierWords(s)
	}
	f := s.Filter
	var words []string
	add := func(label string, values ...string) {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 0 {
			words = append(words, label+" "+strings.Join(values, ", "))
		}
	}
	span := func(label, from, to string) {
		switch {
		case from != "" && to != "":
			words = append(words, label+" "+day(from)+" to "+day(to))
		case from != "":
			words = append(words, label+" from "+day(from))
		case to != "":
			words = append(words, label+" until "+day(to))
		}
	}
	var statuses, facilities []string
	for _, status := range f.Statuses {
		statuses = append(statuses, string(status))
	}
	for _, id := range f.Facilities {
		facilities = append(facilities, d.Display(registry.FacilityField, id))
	}
	if len(facilities) == len(d.Facilities) && len(facilities) > 1 {
		facilities = []string{"all"}
	}
	add("status", statuses...)
	add("facility", facilities...)
	add("provider", d.Display(registry.ProviderField, f.Provider))
	add("tag", f.Tag)
	add("insurance", f.Insurance)
	span("registered", f.RegisteredFrom, f.RegisteredTo)
	span("last visit", f.LastVisitFrom, f.LastVisitTo)
	span("next visit", f.NextVisitFrom, f.NextVisitTo)
	if f.Text != "" {
		words = append(words, "a search text")
	}
	if len(s.Except) > 0 {
		words = append(words, fmt.Sprintf("%d left out", len(s.Except)))
	}
	return strings.Join(words, "; ")
}

// day is a date as people read it.
func day(date string) string {
	if t, err := time.Parse(time.DateOnly, date); err == nil {
		return t.Format("2 Jan 2006")
	}
	return date
}

// Cancel takes a request back before it runs.
func (e *Engine) Cancel(ctx context.Context, actor staff.Person, id string) (bulk.Operation, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, err
	}
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		if op.State == bulk.Cancelled {
			return bulk.Event{}, errNothingNew
		}
		if err := e.MayNotCancel(actor, *op); err != nil {
			return bulk.Event{}, err
		}
		op.State, op.Ended = bulk.Cancelled, e.Now()
		op.Cause = "Taken back by " + actor.Name + "."
		return bulk.Event{Actor: person(actor), What: "cancelled"}, nil
	})
	if err == nil {
		e.deliver(ctx, op)
		if op.Requester.Sub != actor.Sub {
			e.tell(ctx, op)
		}
	}
	return op, err
}

// MayNotCancel says why the person cannot take the operation back; nil when
// they can. Before the approval that is its requester's; what is approved and
// waits for its start, whoever may approve it can take back too.
func (e *Engine) MayNotCancel(actor staff.Person, op bulk.Operation) error {
	switch {
	case op.Requester.Sub != actor.Sub && (op.State != bulk.Scheduled || e.MayNotDecide(actor, op) != nil):
		if op.State == bulk.Scheduled {
			return fault.New(fault.Forbidden, "Only %s, who asked for it, or somebody who may approve it can take this operation back.", op.Requester.Name)
		}
		return fault.New(fault.Forbidden, "Only %s, who asked for it, can take this request back.", op.Requester.Name)
	case !op.State.MayBecome(bulk.Cancelled):
		return fault.New(fault.Conflict, "This request can no longer be taken back: it is %s.", strings.ToLower(bulk.Texts[op.State].Title))
	}
	return nil
}

// Stop ends a run after the groups in flight.
func (e *Engine) Stop(ctx context.Context, actor staff.Person, id string) (bulk.Operation, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, err
	}
	k, err := mustKind(op.Kind)
	if err != nil {
		return op, err
	}
	if op.Requester.Sub != actor.Sub && !actor.MayApprove(k.Decider(op.Params), op.Plan.Facilities, op.Requester.Sub) {
		return op, fault.New(fault.Forbidden, "Only %s or somebody who may approve this operation can stop it.", op.Requester.Name)
	}
	return e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		switch op.State {
		case bulk.Stopping, bulk.Stopped:
			return bulk.Event{}, errNothingNew
		case bulk.Running:
			op.State, op.Cause = bulk.Stopping, "Stopped by "+actor.Name+"."
			return bulk.Event{Actor: person(actor), What: "stopped"}, nil
		}
		return bulk.Event{}, fault.New(fault.Conflict, "This operation cannot be stopped: it is %s.", strings.ToLower(bulk.Texts[op.State].Title))
	})
}
