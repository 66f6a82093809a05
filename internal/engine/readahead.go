package engine

import (
	"context"
	"iter"

	"bulkops/internal/registry"
)

// readChunk is a chunk of candidates with the patients found for them.
type readChunk struct {
	candidates []candidate
	patients   map[string]registry.Patient
}

// readAhead reads the patients of the chunks, readsInFlight of them at a time,
// and yields them in order.
func readAhead(ctx context.Context, chunks iter.Seq2[[]candidate, error],
	read func(context.Context, []string) (map[string]registry.Patient, error)) iter.Seq2[readChunk, error] {
	type answer struct {
		chunk readChunk
		err   error
	}
	return func(yield func(readChunk, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		promises := make(chan chan answer, readsInFlight)
		go func() {
			defer close(promises)
			for candidates, err := range chunks {
				promise := make(chan answer, 1)
				select {
				case promises <- promise:
				case <-ctx.Done():
					return
				}
				if err != nil {
					promise <- answer{err: err}
					return
				}
				go func() {
					ids := make([]string, len(candidates))
					for i, c := range candidates {
						ids[i] = c.id
					}
					patients, err := read(ctx, ids)
					promise <- answer{readChunk{candidates, patients}, err}
				}()
			}
		}()
		for promise := range promises {
			a := <-promise
			if !yield(a.chunk, a.err) || a.err != nil {
				return
			}
		}
	}
}
