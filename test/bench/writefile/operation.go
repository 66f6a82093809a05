package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/s3"
	"bulkops/internal/sample"
)

// runExport lets the engine run one approved export, of a Full Record of so many
// patients. They are made up while they are read; the file goes to the bucket of
// the S3 at the address, as from Lambda.
func runExport(ctx context.Context, patients int, address, bucket string) (m measured, err error) {
	store := aws.Config{Region: "us-east-1", BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	clinic := sample.Generate(patients, time.Now())
	desk := &desk{clinic: clinic, patients: patients, op: operation(patients)}
	e := engine.Engine{
		Registry: hall{clinic: clinic, patients: patients}, Operations: desk, Files: s3.New(store, bucket), Sealer: memory.NewSealer(),
		Now: time.Now, Pause: engine.Pause, Secret: rand.Text, Limits: engine.DefaultLimits,
		Log: func(_ context.Context, what string, err error, _ ...any) { fmt.Fprintln(os.Stderr, what, err) },
	}
	begin := time.Now()
	tally, err := e.RunExport(ctx, desk.op.ID)
	if err != nil {
		return m, err
	}
	m.Seconds = time.Since(begin).Seconds()
	file := desk.op.File
	if tally.Done != patients || file.Patients != patients {
		return m, fmt.Errorf("%d patients are in the file and %d are recorded, instead of %d", file.Patients, tally.Done, patients)
	}
	m.Bytes, m.Rows = file.Size, bulk.AllRows(file.Rows)
	m.Peak, err = peak()
	return m, err
}

// operation is an approved export of everything about so many patients.
func operation(patients int) bulk.Operation {
	of, _ := kind.FindExport("full-record")
	var columns []string
	for _, c := range of.Columns() {
		columns = append(columns, c.Name)
	}
	now := time.Now()
	who := func(name string) bulk.Person { return bulk.Person{Sub: name, Name: name, Email: name + "@example.org"} }
	return bulk.Operation{
		ID: bulk.NewID(now), Version: 1, State: bulk.Running, Kind: kind.Export.Name, Reason: "Measured.",
		Params:    bulk.Params{kind.ExportType: of.Name, kind.ExportFormat: kind.FormatExcel, kind.ExportColumns: strings.Join(columns, " ")},
		Requester: who("ana"), Decision: &bulk.Decision{By: who("jonas"), Verdict: bulk.Approve, At: now}, Submitted: now, Started: now,
		Plan: bulk.PlanSummary{Changes: patients, Batches: (patients + perBatch - 1) / perBatch},
	}
}

// perBatch is how many patients a batch of a plan has.
const perBatch = 100

// hall is a registry in which every patient has the visits and notes of
// three patients of the sample.
type hall struct {
	engine.Registry // nothing else of it is asked
	clinic          sample.Clinic
	patients        int
}

const records = 3

func (h hall) Directory(context.Context) (registry.Directory, error) { return h.clinic.Directory, nil }

func (h hall) Parts(_ context.Context, id string) ([]registry.Record, error) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return nil, err
	}
	all := h.clinic.Patient(n)
	for i := 1; i < records; i++ {
		for _, r := range h.clinic.Patient(n + i*h.patients)[1:] {
			r.Ref.Patient = id
			r.Ref.Part += fmt.Sprintf("-%d", i)
			all = append(all, r)
		}
	}
	return all, nil
}

// desk keeps the one operation. Of its plan, it makes up each batch when it is
// read; of what is recorded, it keeps the counts.
type desk struct {
	engine.Operations // nothing else of it is asked
	clinic            sample.Clinic
	patients          int
	op                bulk.Operation
	written           map[string]engine.Written
	attempted         int
}

func (d *desk) Operation(context.Context, string) (bulk.Operation, error) { return d.op, nil }

func (d *desk) Update(_ context.Context, op bulk.Operation, _ bulk.Event, _ ...string) error {
	op.Version++
	d.op = op
	return nil
}

func (d *desk) Batch(_ context.Context, _, _ string, number int) (bulk.Batch, error) {
	var changes []bulk.Change
	for n := (number-1)*perBatch + 1; n <= min(number*perBatch, d.patients); n++ {
		p := registry.Patient{Record: d.clinic.Patient(n)[0]}
		changes = append(changes, bulk.Change{Subject: p.ID(), Name: p.Name(), Facility: p.Facility(), Extract: &bulk.Extract{}})
	}
	return bulk.NewBatch(number, changes), nil
}

func (d *desk) PutWritten(_ context.Context, _, attempt string, w engine.Written, _ []byte) error {
	d.written = map[string]engine.Written{attempt: w}
	return nil
}

func (d *desk) Written(_ context.Context, _, attempt string) (engine.Written, error) {
	return d.written[attempt], nil
}

func (d *desk) CommitGroup(_ context.Context, g engine.Group) error {
	d.attempted += g.Tally.Attempted()
	return nil
}

func (d *desk) Progress(context.Context, string) (bulk.Tally, error) {
	return bulk.Tally{Done: d.attempted}, nil
}
