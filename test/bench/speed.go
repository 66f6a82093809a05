package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// fasterThanScript is how many times as many patients a second the engine is to change.
const fasterThanScript = 5

// way is one way to put the same patients on hold.
type way struct {
	name    string
	prepare func(context.Context) error // not measured
	run     func(context.Context) error
}

// cost is what one run of a way took.
type cost struct {
	clock time.Duration
	store time.Duration // of the processors, in the store's server
	calls int64
}

// measureSpeed changes the same patients by turns with the engine and with a script, on the same
// store, as many calls side by side.
func measureSpeed(ctx context.Context, b *bench) error {
	near, err := b.onMiniStack(ctx)
	if err != nil {
		return err
	}
	amazons, err := b.onDynamoDBLocal(ctx)
	if err != nil {
		return err
	}
	far := &database{name: "the local AWS, with 25 ms added to each call", url: near.url, pid: near.pid, away: 25 * time.Millisecond}
	for _, d := range []*database{near, amazons, far} {
		if err := b.compareSpeed(ctx, d); err != nil {
			return fmt.Errorf("on %s: %w", d.name, err)
		}
	}
	return nil
}

func (b *bench) compareSpeed(ctx context.Context, d *database) error {
	const patients, repetitions = 2000, 5
	c, err := newClinic(ctx, d)
	if err != nil {
		return err
	}
	group := activePatients(patients, time.Now())
	for i := range group {
		group[i] = group[i][:1] // no way touches visits here
	}
	ready := func(context.Context) error { return nil }
	ways := []way{
		c.way(),
		{"script, one `UpdateItem` a patient", ready, newScript(d, c.tables.Registry, group, concurrency).singly},
		{"the script's updates in bare transactions of 50", ready, newScript(d, c.tables.Registry, group, concurrency).together},
	}
	if d.away == 0 { // it would take minutes
		ways = append(ways, way{"script, one call after the other", ready, newScript(d, c.tables.Registry, group, 1).singly})
	}
	costs := make([][]cost, len(ways))
	for repetition := range repetitions {
		for turn := range ways {
			n := (turn + repetition) % len(ways) // so that none always comes first
			if err := c.put(ctx, group); err != nil {
				return err
			}
			one, err := d.measure(ctx, ways[n])
			if err != nil {
				return fmt.Errorf("%s: %w", ways[n].name, err)
			}
			costs[n] = append(costs[n], one)
		}
	}
	b.say("%d patients Active → On Hold on %s, %d calls side by side unless said, %d times by turns:\n", patients, d.name, concurrency, repetitions)
	b.speeds(ways, costs, patients)
	return nil
}

func (d *database) measure(ctx context.Context, w way) (c cost, err error) {
	if err := w.prepare(ctx); err != nil {
		return c, err
	}
	calls, begin := d.calls.Load(), time.Now()
	store, err := processorTime(d.pid)
	if err != nil {
		return c, err
	}
	if err := w.run(ctx); err != nil {
		return c, err
	}
	c.clock, c.calls = time.Since(begin), d.calls.Load()-calls
	after, err := processorTime(d.pid)
	c.store = after - store
	return c, err
}

// speeds prints what the ways cost; the first one is bulkops, the second the script.
func (b *bench) speeds(ways []way, costs [][]cost, patients int) {
	clock := func(c cost) time.Duration { return c.clock }
	var rows [][]string
	for n, all := range costs {
		times := pluck(all, clock)
		perPatient := pluck(all, func(c cost) time.Duration { return c.store / time.Duration(patients) }).median()
		rows = append(rows, []string{ways[n].name, seconds(times.median()), times.spread(seconds),
			fmt.Sprintf("%.0f", float64(patients)/times.median().Seconds()),
			fmt.Sprintf("%.2f", float64(all[0].calls)/float64(patients)), fmt.Sprintf("%.2f ms", 1000*perPatient.Seconds())})
	}
	b.table([]string{"Way", "Median", "Lowest – highest", "Patients a second", "Calls a patient", "Store's processor time a patient"}, rows)
	var ratios series[float64]
	for repetition := range costs[0] {
		ratios = append(ratios, costs[1][repetition].clock.Seconds()/costs[0][repetition].clock.Seconds())
	}
	times := func(r float64) string { return fmt.Sprintf("%.1f", r) }
	b.say("bulkops is %s times as fast as the script (%s; goal ≥ %d: %s).\n", times(ratios.median()), ratios.spread(times),
		fasterThanScript, against(ratios.median() >= fasterThanScript))
}

// way is the engine: a plan that is approved and verified beforehand, then its batches.
func (c *clinic) way() way {
	var op bulk.Operation
	var batches []int
	return way{"bulkops", func(ctx context.Context) (err error) {
		if op, err = c.request(ctx, registry.Active, registry.OnHold); err != nil {
			return err
		}
		for _, step := range []func(context.Context, string) error{c.Plan, c.submit, c.approve} {
			if err := step(ctx, op.ID); err != nil {
				return err
			}
		}
		verified, err := c.Verify(ctx, op.ID)
		batches = slices.Clone(verified.Batches)
		return err
	}, func(ctx context.Context) error { return c.runBatches(ctx, op.ID, batches) }}
}
