package memory

import (
	"context"
	"maps"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

// maxRecord is the most bytes one record may hold, as in DynamoDB.
const maxRecord = 400 << 10

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
	seen := map[registry.Ref]bool{}
	for _, c := range g.Changes {
		changed, unwritable := false, false
		for _, e := range c.Edits {
			if seen[e.Ref] || len(seen) == bulk.MaxEdits {
				return nil, nil, fault.New(fault.Internal, "a group edits a record twice or too many of them")
			}
			seen[e.Ref] = true
			old, ok := s.records[e.Ref]
			if !ok || !e.Holds(old) {
				changed = true
				continue
			}
			r := old.Clone()
			maps.Copy(r.Fields, e.After)
			r.Stamp = g.Stamp
			unwritable = unwritable || size(r) > maxRecord
			written = append(written, r)
		}
		switch {
		case changed:
			refusal.Changed = append(refusal.Changed, c.Subject)
		case unwritable:
			refusal.Unwritable = append(refusal.Unwritable, c.Subject)
		}
	}
	if len(refusal.Changed)+len(refusal.Unwritable) > 0 {
		return nil, &refusal, nil
	}
	return written, nil, nil
}

func size(r registry.Record) int {
	n := len(r.Ref.Patient) + len(r.Ref.Part)
	for field, value := range r.Fields {
		n += len(field) + len(value)
	}
	return n
}
