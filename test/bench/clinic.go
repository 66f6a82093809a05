package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bulkops/internal/bulk"
	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// concurrency is how many batches run at the same time: BatchConcurrency of template.yaml.
const concurrency = 10

// clinic is an installation of bulkops without its functions: the engine of this process over tables.
type clinic struct {
	engine.Engine
	client   *dynamo.Client
	tables   dynamo.Tables
	records  *dynamo.Registry
	asker    staff.Person
	approver staff.Person
}

var clinics atomic.Int32

// newClinic makes new tables with the sample's directory and staff, but without patients. Its state
// machine and its mails lead nowhere: the caller takes the steps.
func newClinic(ctx context.Context, d *database) (*clinic, error) {
	n := clinics.Add(1)
	tables := dynamo.Tables{
		Registry: fmt.Sprintf("bench-%d-registry", n), Operations: fmt.Sprintf("bench-%d-operations", n),
		Audit: fmt.Sprintf("bench-%d-audit", n), Access: fmt.Sprintf("bench-%d-access", n),
	}
	client := dynamo.NewClient(d.config())
	if err := tables.Create(ctx, client); err != nil {
		return nil, err
	}
	c := openClinic(d.config(), tables, nowhere{})
	return c, c.fill(ctx)
}

// openClinic works on the tables that there are.
func openClinic(cfg aws.Config, tables dynamo.Tables, machine engine.Machine) *clinic {
	client := dynamo.NewClient(cfg)
	c := &clinic{client: client, tables: tables, records: dynamo.NewRegistry(client, tables.Registry)}
	c.Engine = engine.Engine{
		Registry:   c.records,
		Operations: dynamo.NewOperations(client, tables.Operations, tables.Registry),
		Staff:      dynamo.NewStaff(client, tables.Access),
		Machine:    machine,
		Mailer:     nowhere{},
		Now:        func() time.Time { return time.Now().UTC() },
		Pause:      engine.Pause,
		NewID:      bulk.NewID,
		Secret:     rand.Text,
		Log: func(_ context.Context, what string, err error, _ ...any) {
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", what, err) // so that a strange figure can be understood
			}
		},
		Limits:    engine.DefaultLimits,
		PortalURL: "https://bulkops.clinic.example",
	}
	return c
}

// nowhere is a state machine that runs nothing and a mailer that sends nothing.
type nowhere struct{}

func (nowhere) Start(context.Context, string) (bool, error) { return true, nil }
func (nowhere) Succeed(context.Context, string, any) error  { return nil }
func (nowhere) Alive(context.Context, string) (bool, error) { return true, nil }
func (nowhere) Send(context.Context, engine.Mail) error     { return nil }

// fill stores the directory and two members of staff.
func (c *clinic) fill(ctx context.Context) error {
	directory := sample.Generate(0, time.Now()).Directory
	for _, f := range directory.Facilities {
		if err := c.records.PutFacility(ctx, f); err != nil {
			return err
		}
	}
	for _, p := range directory.Providers {
		if err := c.records.PutProvider(ctx, p); err != nil {
			return err
		}
	}
	c.asker = staff.Person{Sub: "0d9f0b5e-7a1c-4c3f-9d55-0b7f4a1c2d3e", Name: "Ana Lindqvist", Email: "ana.staff@example.org", Role: staff.Staff, Facilities: []string{staff.AllFacilities}}
	c.approver = staff.Person{Sub: "7be2c2b0-52a6-4f6c-8a51-9c6d1e0f4a77", Name: "Jonas Weber", Email: "jonas.manager@example.org", Role: staff.Manager, Facilities: []string{staff.AllFacilities}}
	people := dynamo.NewStaff(c.client, c.tables.Access)
	for _, p := range []staff.Person{c.asker, c.approver} {
		if err := people.PutPerson(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// activePatients are the records of the first n patients of the sample clinic who can be put on hold.
func activePatients(n int, at time.Time) [][]registry.Record {
	var patients [][]registry.Record
	for records := range sample.Generate(1<<30, at).Patients {
		p := registry.Patient{Record: records[0]}
		if p.Status() == registry.Active && p.LockedBy() == "" {
			patients = append(patients, records)
		}
		if len(patients) == n {
			break
		}
	}
	return patients
}

// put stores the records of patients.
func (c *clinic) put(ctx context.Context, patients [][]registry.Record) error {
	var records []registry.Record
	for _, p := range patients {
		records = append(records, p...)
	}
	return c.records.PutRecords(ctx, records)
}

// request asks for a change of all patients of the clinic who have a status.
func (c *clinic) request(ctx context.Context, from, to registry.Status) (bulk.Operation, error) {
	return c.requestFor(ctx, bulk.Selection{Source: bulk.ByFilter, Filter: &registry.Filter{Statuses: []registry.Status{from}}}, to)
}

func (c *clinic) requestFor(ctx context.Context, s bulk.Selection, to registry.Status) (bulk.Operation, error) {
	params := bulk.Params{kind.StatusTo: string(to)}
	if to == registry.OnHold {
		params[kind.HoldReason] = kind.HoldReasons[0]
	}
	return c.Request(ctx, c.asker, engine.Request{Kind: kind.StatusChange.Name, Params: params, Key: rand.Text(), Selection: s})
}

// submit sends a plan for approval, as its requester.
func (c *clinic) submit(ctx context.Context, id string) error {
	op, err := c.Operations.Operation(ctx, id)
	if err != nil {
		return err
	}
	_, err = c.Submit(ctx, c.asker, id, engine.Submission{
		Digest: op.Plan.Digest, Reason: "The building closes for repairs.", Checklist: engine.Checklist, Typed: fmt.Sprint(op.Plan.Changes),
	})
	return err
}

// approve decides on an operation, as its approver.
func (c *clinic) approve(ctx context.Context, id string) error {
	op, err := c.Operations.Operation(ctx, id)
	if err != nil {
		return err
	}
	_, err = c.Decide(ctx, c.approver, id, engine.DecisionRequest{Verdict: bulk.Approve, Digest: op.Plan.Digest})
	return err
}

// runBatches runs the batches as the state machine's Map does.
func (c *clinic) runBatches(ctx context.Context, id string, batches []int) error {
	return side(concurrency, len(batches), func(n int) error {
		_, err := c.RunBatch(ctx, id, batches[n])
		return err
	})
}

// side does n things, a few of them side by side, and returns the first error.
func side(few, n int, do func(int) error) error {
	var (
		next  atomic.Int64
		first error
		once  sync.Once
		all   sync.WaitGroup
	)
	for range few {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	all.Wait()
	return first
}
