package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

const (
	// wardsPatients is how many patients have so many of them in care that visits are booked for 10,000.
	wardsPatients = 15_000
	fewestVisits  = 10_000
	// timeToSchedule and memoryToSchedule are the most that their plan may take.
	timeToSchedule   = 10 * time.Second
	memoryToSchedule = 256 // MiB
)

// measureVisits lets the plan function schedule a visit for everybody in care, with any of the sample's 40
// providers, between the visits that they have.
func measureVisits(ctx context.Context, b *bench) error {
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
	booked, err := c.loadVisits(ctx, wardsPatients)
	if err != nil {
		return err
	}
	variables := lambdaVariables("plan", d.url)
	variables["REGISTRY_TABLE"], variables["OPERATIONS_TABLE"], variables["ACCESS_TABLE"] = c.tables.Registry, c.tables.Operations, c.tables.Access
	variables["MAX_SUBJECTS"] = fmt.Sprint(mostPatients)
	from := time.Now().AddDate(0, 0, 7)
	request := engine.Request{Kind: kind.VisitScheduling.Name,
		Selection: bulk.Selection{Source: bulk.ByFilter, Filter: &registry.Filter{Statuses: []registry.Status{registry.Active, registry.Pending}}},
		Params: bulk.Params{kind.VisitsOf: "Wellness", kind.VisitsFrom: from.Format(time.DateOnly), kind.VisitsTo: from.AddDate(0, 0, 83).Format(time.DateOnly),
			kind.VisitsLast: "30", kind.VisitsWith: kind.AnyProvider, kind.VisitsAt: kind.AnyTime}}
	const repetitions = 3
	var all []planning
	for range repetitions {
		request.Key = rand.Text()
		op, err := c.Request(ctx, c.asker, request)
		if err != nil {
			return err
		}
		one, err := c.planInFunction(ctx, filepath.Join(built, "PlanFunction"), variables, op)
		if err != nil {
			return err
		}
		if one.changes < fewestVisits {
			return fmt.Errorf("only %d visits were planned, %d patients left out", one.changes, one.excluded)
		}
		all = append(all, one)
	}
	took, peaks := pluck(all, func(p planning) time.Duration { return p.took }), pluck(all, func(p planning) float64 { return p.peak })
	b.say("The plan function in a process of its own, on %s, %d times; %d visits of the next twelve weeks are booked already:\n", d.name, repetitions, booked)
	b.table([]string{"Visits", "left out", "Median", "Lowest – highest", "Its processor time", "Peak memory, highest"}, [][]string{{
		fmt.Sprint(all[0].changes), fmt.Sprint(all[0].excluded), seconds(took.median()), took.spread(seconds),
		seconds(pluck(all, func(p planning) time.Duration { return p.own }).median()), mib(peaks.highest())}})
	b.say("Time: %s (goal ≤ %s: %s). Memory: %s (goal ≤ %d MiB: %s).\n", seconds(took.median()), seconds(timeToSchedule), against(took.median() <= timeToSchedule),
		mib(peaks.highest()), memoryToSchedule, against(peaks.highest() <= memoryToSchedule))
	return nil
}

// loadVisits stores the sample's patients with their visits, and says how many of these are scheduled.
func (c *clinic) loadVisits(ctx context.Context, patients int) (scheduled int, err error) {
	var chunk []registry.Record
	for records := range sample.Generate(patients, time.Now()).Patients {
		for _, r := range records {
			if r.Ref.IsVisit() && r.Get(registry.VisitState) == registry.VisitScheduled {
				scheduled++
				chunk = append(chunk, r)
			}
			if r.Ref.Part == registry.ProfilePart {
				chunk = append(chunk, r)
			}
		}
		if len(chunk) >= 1000 {
			if err := c.records.PutRecords(ctx, chunk); err != nil {
				return scheduled, err
			}
			chunk = chunk[:0]
		}
	}
	return scheduled, c.records.PutRecords(ctx, chunk)
}
