package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
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
		return bulk.Operation{}, fault.New(fault.Invalid, "There is no kind of operation %q.", english.Brief(r.Kind))
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
		if _, err := e.Machine.Start(ctx, op.ID); err != nil {
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
