package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

type approvalRef struct {
	stands  engine.ApprovalRef
	expires time.Time
}

func (s *Store) Person(_ context.Context, sub string) (staff.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[sub]
	if !ok {
		return staff.Person{}, fault.New(fault.NotFound, "This person is not in the staff directory.")
	}
	p.Facilities = slices.Clone(p.Facilities)
	return p, nil
}

func (s *Store) People(_ context.Context, role staff.Role) ([]staff.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var people []staff.Person
	for _, p := range s.people {
		if p.Role == role {
			p.Facilities = slices.Clone(p.Facilities)
			people = append(people, p)
		}
	}
	slices.SortFunc(people, func(a, b staff.Person) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Sub, b.Sub))
	})
	return people, nil
}

func (s *Store) WritePerson(_ context.Context, p, by staff.Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people[p.Sub].Version != p.Version || by.Sub != "" && by.Sub != p.Sub && s.people[by.Sub].Version != by.Version {
		return fault.New(fault.Conflict, "Somebody changed the staff directory at the same moment.")
	}
	s.putPerson(p)
	return nil
}

// PutPerson stores an entry of the staff directory, replacing an older one
// whatever its version.
func (s *Store) PutPerson(_ context.Context, p staff.Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Version = s.people[p.Sub].Version
	s.putPerson(p)
	return nil
}

// putPerson stores an entry as the next version. s.mu is held.
func (s *Store) putPerson(p staff.Person) {
	p.Facilities = slices.Clone(p.Facilities)
	p.Version++
	s.people[p.Sub] = p
}

func (s *Store) PutApprovalRef(_ context.Context, ref string, a engine.ApprovalRef, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs[ref] = approvalRef{a, expires}
	return nil
}

func (s *Store) ApprovalRef(_ context.Context, ref string, now time.Time) (engine.ApprovalRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.refs[ref]
	if !ok || expired(r.expires, now) {
		return engine.ApprovalRef{}, fault.New(fault.NotFound, "This link is unknown or has expired.")
	}
	return r.stands, nil
}

// expired counts in whole seconds, as the table's expiry attribute does.
func expired(expires, now time.Time) bool { return now.Unix() >= expires.Unix() }
