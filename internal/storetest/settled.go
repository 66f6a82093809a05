package storetest

import (
	"context"
	"errors"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// settled is a store whose lost answers are read back, as the port tells every
// caller to do: a server on a busy machine may drop a connection.
type settled struct{ Operations }

func (s settled) CommitGroup(ctx context.Context, g engine.Group) error {
	for try := 1; ; try++ {
		err := s.Operations.CommitGroup(ctx, g)
		known, refusal := (*fault.Error)(nil), (*engine.Refusal)(nil)
		if err == nil || errors.Is(err, engine.ErrRecorded) || errors.As(err, &known) || errors.As(err, &refusal) {
			return err
		}
		if _, stored, readErr := s.Result(ctx, g.Operation, g.Result.Batch, g.Result.Group); readErr == nil && stored {
			return nil
		}
		if try == 3 {
			return err
		}
	}
}
