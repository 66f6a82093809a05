package engine_test

import (
	"context"
	"errors"
	"log/slog"

	"bulkops/internal/audit"
	"bulkops/internal/audit/audittest"
	"bulkops/internal/memory"
)

// checkAudit: however the stream delivers the changes, and whatever the log
// refuses meanwhile, each change has one record.
func (k *checker) checkAudit() error {
	l := busyLog{memory.NewAudit(), k.w}
	r := &audit.Recorder{Log: l, Operation: k.w.store.Operation, Logger: slog.New(slog.DiscardHandler)}
	changes := k.w.store.ChangesSince(k.w.began)
	streamed := audittest.Streamed(changes, k.w.now)
	if err := audittest.Deliver(r, streamed, func(n int, _ string) int { return k.w.rng.IntN(n) }); err != nil {
		return err
	}
	return audittest.Check(changes, streamed, l.Audit)
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
