package memory

import (
	"context"
	"slices"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

func (s *Store) PutWritten(_ context.Context, id, attempt string, w engine.Written, sealed []byte) error {
	_, err := read(s, id, func(o *operation) (struct{}, error) {
		if _, ok := o.written[attempt]; ok {
			return struct{}{}, fault.New(fault.Conflict, "What this attempt wrote is already stored.")
		}
		o.written[attempt], o.sealed[attempt] = encode(w), slices.Clone(sealed)
		return struct{}{}, nil
	})
	return err
}

func (s *Store) Written(_ context.Context, id, attempt string) (engine.Written, error) {
	return read(s, id, func(o *operation) (engine.Written, error) {
		text, ok := o.written[attempt]
		if !ok {
			return engine.Written{}, fault.New(fault.NotFound, "Nothing is stored of this attempt.")
		}
		return decode[engine.Written](text), nil
	})
}

func (s *Store) Sealed(_ context.Context, id, attempt string) (sealed []byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		sealed, ok = o.sealed[attempt]
	}
	return slices.Clone(sealed), ok, nil
}

func (s *Store) DeleteSealed(_ context.Context, id, attempt string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		delete(o.sealed, attempt)
	}
	return nil
}

func (s *Store) DeleteAttempts(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		clear(o.written)
		clear(o.sealed)
	}
	return nil
}

// Attempts counts what the attempts at an export's file have stored and is
// still there: what they wrote, and sealed passphrases.
func (s *Store) Attempts(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[id]; o != nil {
		return len(o.written) + len(o.sealed)
	}
	return 0
}
