package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// sampleOperation is the id of the operation that the sample clinic has behind
// it. The files in events/ name it, so that make invoke has something to show.
const sampleOperation = "OP-SAMPLE-0001"

// runSampleOperation takes a few patients of Riverside off hold, by the same
// steps that the state machine calls. It is done once.
func runSampleOperation(ctx context.Context, s *stack) error {
	e, err := s.engineByHand()
	if err != nil {
		return err
	}
	if _, err := e.Operations.Operation(ctx, sampleOperation); !fault.Is(err, fault.NotFound) {
		return err
	}
	requester, err := onlyPerson(ctx, e, staff.Staff, "sam.staff@example.org")
	if err != nil {
		return err
	}
	approver, err := onlyPerson(ctx, e, staff.Manager, "maria.manager@example.org")
	if err != nil {
		return err
	}
	onHold, _, err := e.Find(ctx, requester, registry.Filter{Facilities: []string{sample.Riverside}, Statuses: []registry.Status{registry.OnHold}}, 5)
	if err != nil || len(onHold) == 0 {
		return err // a clinic so small that nobody is on hold
	}
	if _, err := e.Request(ctx, requester, engine.Request{Kind: kind.StatusChange.Name, Key: rand.Text(),
		Selection: bulk.Selection{Source: bulk.Picked, IDs: onHold},
		Params:    bulk.Params{kind.StatusTo: string(registry.Active)}}); err != nil {
		return err
	}
	if err := e.Plan(ctx, sampleOperation); err != nil {
		return err
	}
	op, err := e.Operations.Operation(ctx, sampleOperation)
	if err != nil || op.Plan.Changes == 0 {
		return err // every one of them is locked
	}
	if _, err := e.Submit(ctx, requester, op.ID, engine.Submission{Digest: op.Plan.Digest, Checklist: engine.Checklist,
		Reason: "Their insurance was renewed, so care goes on."}); err != nil {
		return err
	}
	if _, err := e.Decide(ctx, approver, op.ID, engine.DecisionRequest{Verdict: bulk.Approve, Digest: op.Plan.Digest, Comment: "Renewals checked."}); err != nil {
		return err
	}
	verified, err := e.Verify(ctx, op.ID)
	if err != nil {
		return err
	}
	for _, number := range verified.Batches {
		if _, err := e.RunBatch(ctx, op.ID, number); err != nil {
			return err
		}
	}
	_, err = e.Finish(ctx, op.ID, "")
	return err
}

// engineByHand is an engine whose steps the caller takes in place of the state
// machine, and that mails nobody.
func (s *stack) engineByHand() (*engine.Engine, error) {
	places, err := s.registry()
	if err != nil {
		return nil, err
	}
	people, err := s.staff()
	if err != nil {
		return nil, err
	}
	operations, err := s.output("OperationsTable")
	if err != nil {
		return nil, err
	}
	patients, err := s.output("RegistryTable")
	if err != nil {
		return nil, err
	}
	return &engine.Engine{
		Registry: places, Staff: people, Operations: dynamo.NewOperations(dynamo.NewClient(s.aws), operations, patients),
		Machine: byHand{}, Mailer: byHand{},
		Now: func() time.Time { return time.Now().UTC() }, Pause: engine.Pause, Secret: rand.Text,
		NewID: func(time.Time) string { return sampleOperation },
		Log:   engine.LogWith(slog.New(slog.DiscardHandler)), Limits: engine.DefaultLimits,
	}, nil
}

// byHand stands where nobody waits for an answer and nobody is to be mailed.
type byHand struct{}

func (byHand) Start(context.Context, string) (bool, error) { return true, nil }
func (byHand) Succeed(context.Context, string, any) error  { return engine.ErrNoWait }
func (byHand) Alive(context.Context, string) (bool, error) { return true, nil }
func (byHand) Send(context.Context, engine.Mail) error     { return nil }

func onlyPerson(ctx context.Context, e *engine.Engine, role staff.Role, email string) (staff.Person, error) {
	people, err := e.Staff.People(ctx, role)
	for _, p := range people {
		if p.Email == email {
			return p, err
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "The sample's %s %s is not in the staff directory.", role.Title(), email)
	}
	return staff.Person{}, err
}
