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

// memoryToPlan is the most memory, in MiB, that the plan of the largest operation may take.
const memoryToPlan = 128

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
	const most, repetitions = 100_000, 3
	loaded, highest := 0, 0.0
	var rows [][]string
	for _, patients := range []int{10_000, most} {
		if err := c.load(ctx, loaded, patients); err != nil {
			return err
		}
		loaded = patients
		var took series[time.Duration]
		var peaks series[float64]
		var plan bulk.PlanSummary
		for range repetitions {
			op, err := c.request(ctx, "", registry.OnHold)
			if err != nil {
				return err
			}
			variables := lambdaVariables("plan", d.url)
			variables["REGISTRY_TABLE"], variables["OPERATIONS_TABLE"], variables["ACCESS_TABLE"] = c.tables.Registry, c.tables.Operations, c.tables.Access
			variables["MAX_SUBJECTS"] = fmt.Sprint(most)
			f, err := startFunction(ctx, filepath.Join(built, "PlanFunction"), variables)
			if err != nil {
				return err
			}
			begin := time.Now()
			_, err = f.call(ctx, map[string]string{"operation": op.ID})
			took = append(took, time.Since(begin))
			peak, peakErr := f.peak()
			if err := errors.Join(err, peakErr, f.stop()); err != nil {
				return err
			}
			peaks = append(peaks, peak)
			if op, err = c.Operations.Operation(ctx, op.ID); err != nil {
				return err
			}
			if op.State != bulk.Ready || op.Plan.Changes+op.Plan.Excluded != patients {
				return fmt.Errorf("the plan is %s with %d of %d patients: %s", op.State, op.Plan.Changes+op.Plan.Excluded, patients, op.Cause)
			}
			plan = op.Plan
		}
		rows = append(rows, []string{fmt.Sprint(patients), fmt.Sprint(plan.Changes), fmt.Sprint(plan.Excluded),
			seconds(took.median()), took.spread(seconds), mib(peaks.median()), mib(peaks.highest())})
		highest = peaks.highest()
	}
	b.say("The plan function in a process of its own, on %s, %d times:\n", d.name, repetitions)
	b.table([]string{"Patients", "to change", "left out", "Median", "Lowest – highest", "Peak memory, median", "highest"}, rows)
	b.say("Peak memory for %d patients: %s (goal ≤ %d MiB: %s).\n", most, mib(highest), memoryToPlan, against(highest <= memoryToPlan))
	return nil
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
