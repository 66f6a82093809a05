package engine

import (
	"context"
	"iter"
	"maps"

	"bulkops/internal/registry"
)

// readChunk is a chunk of candidates with the patients found for them.
type readChunk struct {
	candidates []candidate
	patients   map[string]registry.Patient
	records    map[registry.Ref]registry.Record // when asked for
	parts      map[string][]registry.Record     // everything kept about each patient, when asked for
}

// reading says what is read of candidates besides their profiles.
type reading struct {
	records func(candidate, registry.Patient) []registry.Ref // further ones of a candidate; nil reads none
	parts   bool                                             // everything, in its latest version
	latest  bool                                             // the profiles in their latest version
}

// readAhead reads the patients of the chunks, readsInFlight of them at a time,
// and yields them in order.
func (e *Engine) readAhead(ctx context.Context, chunks iter.Seq2[[]candidate, error], also reading) iter.Seq2[readChunk, error] {
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
				if ctx.Err() != nil {
					return // nobody reads on
				}
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
					chunk, err := e.read(ctx, candidates, also)
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

func (e *Engine) read(ctx context.Context, candidates []candidate, also reading) (readChunk, error) {
	chunk := readChunk{candidates: candidates}
	ids := make([]string, 0, len(candidates))
	for _, c := range candidates {
		if c.change == nil || c.change.Notice == nil { // else it is a recipient
			ids = append(ids, c.id)
		}
	}
	if len(ids) == 0 {
		return chunk, nil
	}
	var err error
	switch {
	case also.parts:
		chunk.patients, chunk.parts, err = e.parts(ctx, ids)
	case also.latest:
		chunk.patients, err = e.profiles(ctx, ids)
	default:
		chunk.patients, err = e.Registry.Patients(ctx, ids)
	}
	if err != nil || also.records == nil {
		return chunk, err
	}
	var refs []registry.Ref
	for _, c := range candidates {
		if p, found := chunk.patients[c.id]; found {
			refs = append(refs, also.records(c, p)...)
		}
	}
	if len(refs) == 0 {
		return chunk, nil
	}
	if chunk.records, err = e.Registry.Records(ctx, refs); err != nil {
		return chunk, err
	}
	if refs = slotsOf(candidates, chunk.records); len(refs) > 0 {
		held, err := e.Registry.Records(ctx, refs)
		if err != nil {
			return chunk, err
		}
		maps.Copy(chunk.records, held)
	}
	return chunk, nil
}
