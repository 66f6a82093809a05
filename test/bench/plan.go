package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

const (
	// mostPatients is how many an operation may have: MaxSubjects of template.yaml.
	mostPatients = 100_000
	// memoryToPlan is the most memory, in MiB, that the plan of the largest operation may take.
	memoryToPlan = 128
)

// measurePlan lets the plan function, as it is built for Lambda, plan for all patients of a large
// clinic. Reading them all and leaving out those that cannot change is part of it; loading is not.
func measurePlan(ctx context.Context, b *bench) error {
	d, err := b.onMiniStack(ctx)
	if err != nil {
		return err
	}
	built, err := b.functions(ctx)
	if err != nil {
		return err
	}
	c, err := newClinic(ctx, d)
	if err != nil {
		return err
	}
	variables := lambdaVariables("plan", d.url)
	variables["REGISTRY_TABLE"], variables["OPERATIONS_TABLE"], variables["ACCESS_TABLE"] = c.tables.Registry, c.tables.Operations, c.tables.Access
	variables["MAX_SUBJECTS"] = fmt.Sprint(mostPatients)
	planned := func(patients int, s bulk.Selection) (planning, error) {
		op, err := c.requestFor(ctx, s, registry.OnHold)
		if err != nil {
			return planning{}, err
		}
		p, err := c.planInFunction(ctx, filepath.Join(built, "PlanFunction"), variables, op)
		if err == nil && p.changes+p.excluded != patients {
			err = fmt.Errorf("the plan has %d of %d patients", p.changes+p.excluded, patients)
		}
		return p, err
	}

	const repetitions = 3
	var rows [][]string
	var highest float64
	var last string
	loaded := 0
	for _, patients := range []int{mostPatients / 10, mostPatients} {
		if err := c.load(ctx, loaded, patients); err != nil {
			return err
		}
		loaded = patients
		ids := make([]string, patients)
		for i := range ids {
			ids[i] = sample.PatientID(i + 1)
		}
		for _, s := range []bulk.Selection{{Source: bulk.ByFilter, Filter: &registry.Filter{}}, {Source: bulk.Pasted, IDs: ids}} {
			var all []planning
			for range repetitions {
				one, err := planned(patients, s)
				if err != nil {
					return err
				}
				all = append(all, one)
				last = one.operation
			}
			took, peaks := pluck(all, func(p planning) time.Duration { return p.took }), pluck(all, func(p planning) float64 { return p.peak })
			rows = append(rows, []string{fmt.Sprintf("%d by %s", patients, s.Source), fmt.Sprint(all[0].changes), seconds(took.median()), took.spread(seconds),
				seconds(pluck(all, func(p planning) time.Duration { return p.own }).median()), mib(peaks.median()), mib(peaks.highest())})
			highest = max(highest, peaks.highest())
		}
	}
	b.say("The plan function in a process of its own, on %s, %d times:\n", d.name, repetitions)
	b.table([]string{"Patients", "to change", "Median", "Lowest – highest", "Its processor time", "Peak memory, median", "highest"}, rows)
	b.say("Peak memory: %s (goal ≤ %d MiB: %s).\n", mib(highest), memoryToPlan, against(highest <= memoryToPlan))
	return b.afterPlan(ctx, c, last)
}

// afterPlan takes the next steps with a large plan, up to the run: each of them reads all of it.
func (b *bench) afterPlan(ctx context.Context, c *clinic, id string) error {
	var rows [][]string
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"submit", func() error { return c.submit(ctx, id) }},
		{"approve: is every patient still as planned?", func() error { return c.approve(ctx, id) }},
		{"verify: is the stored plan the approved one?", func() error {
			_, err := c.Verify(ctx, id)
			return err
		}},
	} {
		begin := time.Now()
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		rows = append(rows, []string{step.name, seconds(time.Since(begin))})
	}
	b.say("What follows with the largest plan, once:\n")
	b.table([]string{"Step", "Time"}, rows)
	return nil
}

// planning is what one plan took.
type planning struct {
	took time.Duration
	own  time.Duration // processor time of the function
	peak float64       // MiB

	changes, excluded int
	operation         string
}

// planInFunction lets a new process of the function plan an operation.
func (c *clinic) planInFunction(ctx context.Context, dir string, variables map[string]string, op bulk.Operation) (p planning, err error) {
	f, err := startFunction(ctx, dir, variables)
	if err != nil {
		return p, err
	}
	begin := time.Now()
	_, err = f.call(ctx, map[string]string{"operation": op.ID})
	p.took = time.Since(begin)
	var ownErr, peakErr error
	p.own, ownErr = processorTime(f.process.Process.Pid)
	p.peak, peakErr = f.peak()
	if err := errors.Join(err, ownErr, peakErr, f.stop()); err != nil {
		return p, err
	}
	if op, err = c.Operations.Operation(ctx, op.ID); err != nil {
		return p, err
	}
	if op.State != bulk.Ready {
		return p, fmt.Errorf("the plan is %s: %s", op.State, op.Cause)
	}
	p.changes, p.excluded, p.operation = op.Plan.Changes, op.Plan.Excluded, op.ID
	return p, nil
}

func mib(m float64) string { return fmt.Sprintf("%.0f MiB", m) }

// load stores the profiles of the sample's patients with numbers above from, up to to. Planning
// reads nothing else of a patient.
func (c *clinic) load(ctx context.Context, from, to int) error {
	var chunk []registry.Record
	n := 0
	for records := range sample.Generate(to, time.Now()).Patients {
		if n++; n <= from {
			continue
		}
		if chunk = append(chunk, records[0]); len(chunk) == 1000 || n == to {
			if err := c.records.PutRecords(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return nil
}
