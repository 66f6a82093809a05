package memory

import (
	"context"
	"maps"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// The most bytes that one record and a name may hold, as in DynamoDB.
const (
	maxRecord = 400 << 10
	maxName   = 1024
)

func (s *Store) CommitGroup(_ context.Context, g engine.Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.operations[g.Operation]
	if !ok {
		return fault.New(fault.NotFound, "There is no operation with this id.")
	}
	key := groupKey{g.Result.Batch, g.Result.Group}
	if _, recorded := o.results[key]; recorded {
		return engine.ErrRecorded
	}
	written, refusal, err := s.prepare(g)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	for _, r := range written {
		s.write(r)
	}
	o.results[key] = committed{encode(g.Result), g.Tally}
	return nil
}

// prepare works out every record after the group's edits, or who stands in the way.
func (s *Store) prepare(g engine.Group) ([]registry.Record, *engine.Refusal, error) {
	var written []registry.Record
	var refusal engine.Refusal
	for _, c := range g.Changes {
		if unwritable(c) {
			refusal.Unwritable = append(refusal.Unwritable, c.Subject)
		}
	}
	if len(refusal.Unwritable) > 0 {
		return nil, &refusal, nil
	}
	seen := map[registry.Ref]bool{}
	for _, c := range g.Changes {
		changed := false
		for _, e := range c.Edits {
			if seen[e.Ref] || len(seen) == bulk.MaxEdits {
				return nil, nil, fault.New(fault.Internal, "a group edits a record twice or too many of them")
			}
			seen[e.Ref] = true
			old, ok := s.records[e.Ref]
			if !ok && !e.Creates() || !e.Holds(old) {
				changed = true
				continue
			}
			r := old.Clone()
			if !ok {
				r = registry.Record{Ref: e.Ref, Fields: registry.Fields{}}
			}
			maps.Copy(r.Fields, e.After)
			r.Stamp = g.Stamp
			written = append(written, r)
		}
		if changed {
			refusal.Changed = append(refusal.Changed, c.Subject)
		}
	}
	if len(refusal.Changed) > 0 {
		return nil, &refusal, nil
	}
	return written, nil, nil
}

// unwritable reports whether no record could hold what the change writes.
func unwritable(c bulk.Change) bool {
	return slices.ContainsFunc(c.Edits, func(e bulk.Edit) bool {
		size := 0
		for field, value := range e.After {
			size += len(field) + len(value)
		}
		return size > maxRecord || len(e.After[registry.Name]) > maxName
	})
}
