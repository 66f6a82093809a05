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
	records    map[registry.Ref]registry.Record // that the candidates' changes touch, when asked for
}

// readAhead reads the patients of the chunks, readsInFlight of them at a time,
// and yields them in order. withRecords asks for every record that the
// candidates' changes touch as well.
func (e *Engine) readAhead(ctx context.Context, chunks iter.Seq2[[]candidate, error], withRecords bool) iter.Seq2[readChunk, error] {
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
					chunk, err := e.read(ctx, candidates, withRecords)
					promise <- answer{chunk, err}
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

func (e *Engine) read(ctx context.Context, candidates []candidate, withRecords bool) (readChunk, error) {
	chunk := readChunk{candidates: candidates}
	ids := make([]string, len(candidates))
	var refs []registry.Ref
	for i, c := range candidates {
		ids[i] = c.id
		if withRecords && c.change != nil {
			for _, edit := range c.change.Edits {
				refs = append(refs, edit.Ref)
			}
		}
	}
	var err error
	if chunk.patients, err = e.Registry.Patients(ctx, ids); err == nil && len(refs) > 0 {
		chunk.records, err = e.Registry.Records(ctx, refs)
	}
	return chunk, err
}
