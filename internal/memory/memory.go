// Package memory keeps everything in memory behind the ports of package engine,
// as package dynamo does on DynamoDB; package storetest holds both to the same
// behaviour. It is deterministic, safe for concurrent use, and shares nothing
// with its callers: what goes in and comes out is copied.
package memory

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Store implements engine.Registry, engine.Operations and engine.Staff. One
// type for the three, because a commit writes registry and operations at once.
type Store struct {
	mu         sync.Mutex
	records    map[registry.Ref]registry.Record
	changes    []Change
	facilities map[string]registry.Facility
	providers  map[string]registry.Provider
	operations map[string]*operation
	keys       map[submitKey]string // operation made with a requester's key
	people     map[string]staff.Person
	refs       map[string]approvalRef
	waits      int // how many task tokens and mails were ever stored
}

var (
	_ engine.Registry   = (*Store)(nil)
	_ engine.Places     = (*Store)(nil)
	_ engine.Operations = (*Store)(nil)
	_ engine.Staff      = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{
		records:    map[registry.Ref]registry.Record{},
		facilities: map[string]registry.Facility{},
		providers:  map[string]registry.Provider{},
		operations: map[string]*operation{},
		keys:       map[submitKey]string{},
		people:     map[string]staff.Person{},
		refs:       map[string]approvalRef{},
	}
}

// Change is one write of a registry record, as the table's stream reports it:
// the whole record before and after, each with its stamp. Old has no fields
// where the record was new, New has none where it was removed.
type Change struct {
	Ref      registry.Ref
	Old, New registry.Record
}

// Changes returns every write of a registry record that changed something, in
// order, seeding and writes by hand included.
func (s *Store) Changes() []Change { return s.ChangesSince(0) }

// ChangesSince returns the changes without the first ones, which somebody has
// seen already.
func (s *Store) ChangesSince(seen int) []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	copies := make([]Change, len(s.changes)-seen)
	for i, c := range s.changes[seen:] {
		copies[i] = Change{c.Ref, c.Old.Clone(), c.New.Clone()}
	}
	return copies
}

// Snapshot returns a copy of every registry record.
func (s *Store) Snapshot() map[registry.Ref]registry.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	copies := make(map[registry.Ref]registry.Record, len(s.records))
	for ref, r := range s.records {
		copies[ref] = r.Clone()
	}
	return copies
}

// write stores a record and reports it as a change unless nothing changed.
// Empty fields are dropped: empty and absent are the same thing. s.mu is held.
func (s *Store) write(r registry.Record) {
	r = r.Clone()
	maps.DeleteFunc(r.Fields, func(_, value string) bool { return value == "" })
	old := s.records[r.Ref]
	if old.Fields != nil && maps.Equal(old.Fields, r.Fields) && sameStamp(old.Stamp, r.Stamp) {
		return
	}
	s.records[r.Ref] = r
	s.changes = append(s.changes, Change{r.Ref, old, r})
}

func sameStamp(a, b registry.Stamp) bool {
	at := a.At.Equal(b.At)
	a.At, b.At = time.Time{}, time.Time{}
	return at && a == b
}

// sorted yields texts ordered by key, then by themselves.
func sorted(keys map[string]string, newestFirst bool) iter.Seq2[string, error] {
	ids := slices.SortedFunc(maps.Keys(keys), func(a, b string) int {
		order := cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b))
		if newestFirst {
			return -order
		}
		return order
	})
	return func(yield func(string, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}
