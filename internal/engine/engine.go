// Package engine holds the use cases of the product: ask for an operation,
// plan it, submit it, decide on it, run it, stop it, finish it, and look at it.
// It reaches the world through the small ports it declares.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Engine runs operations over its ports.
type Engine struct {
	Registry   Registry
	Places     Places
	Operations Operations
	Staff      Staff
	Machine    Machine
	Mailer     Mailer
	Files      Files
	Sealer     Sealer

	Now    func() time.Time                                               // UTC
	Pause  func(ctx context.Context, d time.Duration)                     // waits, or returns early when ctx ends
	NewID  func(now time.Time) string                                     // operation ids
	Secret func() string                                                  // at least 128 random bits, for approval links and plan runs
	Log    func(ctx context.Context, what string, err error, args ...any) // without patient data

	Limits    Limits
	PortalURL string // without a slash at its end
}

// Limits are the settings of an installation.
type Limits struct {
	MaxSubjects   int
	RemindAfter   time.Duration // after the submission, then the approvers are asked again
	EscalateAfter time.Duration // then the other eligible approvers are asked too
	ExpireAfter   time.Duration // then the request for approval expires
	ReviewExpires time.Duration // how long a plan waits to be submitted
	KeepFiles     time.Duration // how long the file of an export can be downloaded
}

// DefaultLimits are those of the guide.
var DefaultLimits = Limits{
	MaxSubjects:   100_000,
	RemindAfter:   24 * time.Hour,
	EscalateAfter: 48 * time.Hour,
	ExpireAfter:   7 * 24 * time.Hour,
	ReviewExpires: 7 * 24 * time.Hour,
	KeepFiles:     7 * 24 * time.Hour,
}

// Pause waits for d or until ctx ends: the Pause of a real engine.
func Pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// LogWith makes a Log that writes to l.
func LogWith(l *slog.Logger) func(context.Context, string, error, ...any) {
	return func(ctx context.Context, what string, err error, args ...any) {
		if err != nil {
			l.ErrorContext(ctx, what, append(args, "error", err.Error())...)
			return
		}
		l.InfoContext(ctx, what, args...)
	}
}

func person(p staff.Person) bulk.Person {
	return bulk.Person{Sub: p.Sub, Name: p.Name, Email: p.Email}
}

// errUnknown is the one answer for an operation that does not exist and for one
// that the caller may not see.
func errUnknown(id string) error {
	return fault.New(fault.NotFound, "There is no operation %s, or you may not see it.", english.Brief(id))
}

// errNothingNew ends an update that finds its work already done.
var errNothingNew = errors.New("nothing to change")

// update loads the header, lets change alter it, and stores it with the event and
// the mails that it calls for, again from the start when somebody else wrote in between. When the answer to
// the write is lost, or says that the header has moved on, the stored events
// say whether it was this very write. A change to a state that may not follow
// is a programming mistake, answered as Internal. When change returns
// errNothingNew, the header is returned as it is, without error.
func (e *Engine) update(ctx context.Context, id string, change func(*bulk.Operation) (bulk.Event, error)) (bulk.Operation, error) {
	for try := 0; ; try++ {
		op, err := e.Operations.Operation(ctx, id)
		if err != nil {
			return bulk.Operation{}, err
		}
		before := op
		event, err := change(&op)
		if errors.Is(err, errNothingNew) {
			return op, nil
		}
		if err != nil {
			return op, err
		}
		now := e.Now()
		if op.State != before.State {
			if !before.State.MayBecome(op.State) {
				return op, fault.New(fault.Internal, "%s may not follow %s", op.State, before.State)
			}
			op.Since = now
		}
		event.Operation, event.Number, event.At = id, op.Version+1, now
		err = e.Operations.Update(ctx, op, event, mailsFor(before, op, event.Actor)...)
		if err == nil {
			op.Version++
			return op, nil
		}
		if !fault.Is(err, fault.Busy) && e.recorded(ctx, event) {
			return e.Operations.Operation(ctx, id)
		}
		if !fault.Is(err, fault.Conflict) || try >= 9 {
			return op, err
		}
		e.Pause(ctx, jitter(try))
	}
}

// recorded reports whether the event is known to be stored.
func (e *Engine) recorded(ctx context.Context, event bulk.Event) bool {
	events, err := e.Operations.Events(ctx, event.Operation)
	return err == nil && slices.ContainsFunc(events, func(stored bulk.Event) bool {
		at := stored.At
		stored.At = event.At
		return at.Equal(event.At) && stored == event
	})
}

// jitter is a random wait that grows with the number of tries, up to a second.
// (Full jitter: Brooker, "Exponential Backoff And Jitter", 2015.)
func jitter(try int) time.Duration {
	return rand.N(min(20*time.Millisecond<<min(try, 10), time.Second))
}

// mayAsk refuses somebody who may not ask for operations.
func mayAsk(actor staff.Person) error {
	if actor.MayRequest() {
		return nil
	}
	return fault.New(fault.Forbidden, "You may not ask for bulk operations: that takes the right Staff or higher. Ask an administrator for it.")
}

// mustKind returns a stored operation's kind. Kinds are never taken out of the
// list while operations of theirs exist.
func mustKind(name string) (kind.Kind, error) {
	k, ok := kind.Find(name)
	if !ok {
		return k, fault.New(fault.Internal, "no kind %q", name)
	}
	return k, nil
}

// scope returns the facilities that the person holds, sorted.
func scope(p staff.Person, d registry.Directory) []string {
	var ids []string
	for _, f := range d.Facilities {
		if p.Holds(f.ID) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
