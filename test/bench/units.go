package main

import (
	"context"
	"fmt"
	"time"

	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
)

// What a status change may cost (docs/architecture.md), in capacity units a patient.
const (
	readUnitsToPlan = 0.6
	writeUnitsInAll = 2.3
)

// measureUnits takes an operation through its whole life and counts what each step consumes: every
// read and write of registry, operations, staff directory and approval links; not the audit.
func measureUnits(ctx context.Context, b *bench) error {
	d, err := b.onDynamoDBLocal(ctx)
	if err != nil {
		return err
	}
	const patients = 2000
	for _, to := range []registry.Status{registry.OnHold, registry.Discharged} {
		c, err := newClinic(ctx, d)
		if err != nil {
			return err
		}
		group := activePatients(patients, time.Now())
		if err := c.put(ctx, group); err != nil {
			return err
		}
		steps, visits, err := c.live(ctx, to)
		if err != nil {
			return err
		}
		b.say("%d patients Active → %s, %d of their visits cancelled; units on %s as it reports them:\n", patients, to, visits, d.name)
		var rows [][]string
		var all, planning dynamo.Units
		for _, s := range steps {
			rows = append(rows, unitsRow(s.name, s.units, patients))
			all.Read += s.units.Read
			all.Write += s.units.Write
			all.IndexWrite += s.units.IndexWrite
			if s.name == planStep {
				planning = s.units
			}
		}
		b.table([]string{"Step", "Read units", "Write units", "of these for indexes", "Read units a patient", "Write units a patient"},
			append(rows, unitsRow("all", all, patients)))
		if to == registry.OnHold {
			registryIndexes := c.client.Meter.Units()[c.tables.Registry].IndexWrite
			b.say("Planning reads %.3f units a patient (goal ≤ %.1f: %s); everything writes %.3f (goal ≤ %.1f: %s); the registry's indexes take %.0f write units (goal 0: %s).\n",
				planning.Read/patients, readUnitsToPlan, against(planning.Read/patients <= readUnitsToPlan),
				all.Write/patients, writeUnitsInAll, against(all.Write/patients <= writeUnitsInAll),
				registryIndexes, against(registryIndexes == 0))
		}
	}
	return nil
}

func unitsRow(name string, u dynamo.Units, patients int) []string {
	n := float64(patients)
	return []string{name, fmt.Sprintf("%.1f", u.Read), fmt.Sprintf("%.1f", u.Write), fmt.Sprintf("%.1f", u.IndexWrite),
		fmt.Sprintf("%.3f", u.Read/n), fmt.Sprintf("%.3f", u.Write/n)}
}

const planStep = "plan"

type unitsOfStep struct {
	name  string
	units dynamo.Units
}

// live takes a change of all active patients from the request to its end, with a meter on the client.
func (c *clinic) live(ctx context.Context, to registry.Status) (steps []unitsOfStep, visits int, err error) {
	c.client.Meter = &dynamo.Meter{OneByOne: true}
	var id string
	var verified engine.Verified
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"request", func() error {
			op, err := c.request(ctx, registry.Active, to)
			id = op.ID
			return err
		}},
		{planStep, func() error { return c.Plan(ctx, id) }},
		{"wait for the requester, submit", func() error {
			if err := c.Await(ctx, id, engine.WaitReview, "token of the first wait"); err != nil {
				return err
			}
			return c.submit(ctx, id)
		}},
		{"wait for the approver, mail, approve", func() error {
			if err := c.Await(ctx, id, engine.WaitApprove, "token of the second wait"); err != nil {
				return err
			}
			return c.approve(ctx, id)
		}},
		{"verify", func() (err error) {
			verified, err = c.Verify(ctx, id)
			return err
		}},
		{"run", func() error { return c.runBatches(ctx, id, verified.Batches) }},
		{"finish", func() error {
			op, err := c.Finish(ctx, id, "")
			if err == nil && op.Final.Done != op.Plan.Changes {
				err = fmt.Errorf("%d of %d patients were changed: %s", op.Final.Done, op.Plan.Changes, op.Cause)
			}
			visits = op.Plan.Visits
			return err
		}},
	} {
		before := c.client.Meter.Total()
		if err := step.do(); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", step.name, err)
		}
		after := c.client.Meter.Total()
		steps = append(steps, unitsOfStep{step.name, dynamo.Units{
			Read: after.Read - before.Read, Write: after.Write - before.Write, IndexWrite: after.IndexWrite - before.IndexWrite,
		}})
	}
	return steps, visits, nil
}
