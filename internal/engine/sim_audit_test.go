package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"bulkops/internal/audit"
	"bulkops/internal/audit/audittest"
	"bulkops/internal/memory"
)

// checkAudit: however the streams deliver the changes and the results, and
// whatever the log refuses meanwhile, each change has one record, and each outcome
// that no change shows.
func (k *checker) checkAudit() error {
	l := busyLog{memory.NewAudit(), k.w}
	r := &audit.Recorder{Log: l, Operation: k.w.store.Operation, Event: k.w.store.Event, Batch: k.w.store.Batch, Records: k.w.store.Records, Logger: slog.New(slog.DiscardHandler)}
	changes := k.w.store.ChangesSince(k.w.began)
	streamed := audittest.Streamed(changes)
	var outcomes []audit.Record
	for _, id := range slices.Sorted(maps.Keys(k.headers)) {
		results, err := audittest.Results(k.w.store, id, k.w.now)
		if err != nil {
			return err
		}
		of, err := audittest.Outcomes(k.w.store, k.headers[id])
		if err != nil {
			return err
		}
		streamed, outcomes = append(streamed, results...), append(outcomes, of...)
	}
	if err := audittest.Deliver(r, streamed, func(n int, _ string) int { return k.w.rng.IntN(n) }); err != nil {
		return err
	}
	return audittest.Check(changes, outcomes, streamed, l.Audit)
}

// busyLog refuses some of what it is given.
type busyLog struct {
	*memory.Audit
	w *world
}

func (l busyLog) Append(ctx context.Context, records []audit.Record) error {
	if l.w.rng.IntN(10) == 0 {
		return errors.New("throttled")
	}
	return l.Audit.Append(ctx, records)
}
