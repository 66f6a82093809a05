package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/fault"
)

// Unreadable is what happened when a delivered change can be read by no
// version: the audit says so in its place.
const Unreadable = "unreadable-change"

// Parked keeps the deliveries that were given up after all tries, one a file.
type Parked interface {
	Names(ctx context.Context, prefix, after string) iter.Seq2[string, error]
	Get(ctx context.Context, name string) ([]byte, error)
	Delete(ctx context.Context, name string) error
}

// Redriven is what became of parked deliveries.
type Redriven struct {
	Files   int // written and taken away
	Records int // that the audit has now, also where it had them before
	Left    []Left
}

// Left is a delivery that stays parked.
type Left struct{ File, Why string }

// Redrive writes what parked deliveries hold, and takes away those of which
// everything is written. What was written before is found written, so a repeat
// does no harm. Changes that cannot be read, or that the store refuses, keep
// nothing behind them from being written and stay parked; with note, the audit
// says instead that there was one, and where it is kept. An error means that the
// store does not answer now.
func (r *Recorder) Redrive(ctx context.Context, parked Parked, note bool) (Redriven, error) {
	var done Redriven
	var names []string
	for name, err := range parked.Names(ctx, "", "") {
		if err != nil {
			return done, err
		}
		names = append(names, name)
	}
	for _, name := range names {
		content, err := parked.Get(ctx, name)
		if err != nil {
			return done, err
		}
		delivery, err := parseParked(content)
		if err != nil {
			done.Left = append(done.Left, Left{name, err.Error()})
			continue
		}
		written, why, err := r.redrive(ctx, delivery, name, note)
		done.Records += written
		if err != nil {
			return done, err
		}
		if why != nil {
			done.Left = append(done.Left, Left{name, why.Error()})
			continue
		}
		if err := parked.Delete(ctx, name); err != nil {
			return done, err
		}
		done.Files++
	}
	return done, nil
}

// redrive writes one delivery. why says what of it cannot be read or is refused.
func (r *Recorder) redrive(ctx context.Context, delivery events.DynamoDBEvent, file string, note bool) (written int, why, err error) {
	for _, from := range delivery.Records {
		records, cannot := r.recordsOf(ctx, from)
		noted := note && !errors.Is(cannot, errStore) && from.EventID != "" && !from.Change.ApproximateCreationDateTime.IsZero()
		if cannot == nil {
			cannot = r.Log.Append(ctx, records)
		}
		if cannot != nil && noted && !passes(ctx, cannot) {
			records = []Record{{At: from.Change.ApproximateCreationDateTime.UTC(), Type: Event, Unique: from.EventID, ByHand: true, Operator: Person{Name: Unknown},
				What: Unreadable, Detail: fmt.Sprintf("A change could not be read or written: %s. It is kept in %s.", cannot, file)}}
			cannot = r.Log.Append(ctx, records)
		}
		switch {
		case cannot == nil:
			written += len(records)
		case passes(ctx, cannot):
			return written, nil, cannot
		default:
			why = errors.Join(why, fmt.Errorf("change %s: %w", from.Change.SequenceNumber, cannot))
		}
	}
	return written, why, nil
}

// passes reports that a store may take later what it did not take now.
func passes(ctx context.Context, err error) bool {
	return fault.Is(err, fault.Busy) || ctx.Err() != nil
}

// parseParked reads what Lambda stores of a delivery that it has given up: the
// whole event, as a text or as it is, under payload.
func parseParked(content []byte) (events.DynamoDBEvent, error) {
	var kept struct {
		Payload json.RawMessage `json:"payload"`
	}
	var delivery events.DynamoDBEvent
	if json.Unmarshal(content, &kept) != nil || len(kept.Payload) == 0 {
		return delivery, errors.New("this is not what a stream leaves after its last try")
	}
	payload := []byte(kept.Payload)
	var text string
	if json.Unmarshal(payload, &text) == nil {
		payload = []byte(text)
	}
	if json.Unmarshal(payload, &delivery) != nil || len(delivery.Records) == 0 {
		return delivery, errors.New("its changes cannot be read")
	}
	return delivery, nil
}
