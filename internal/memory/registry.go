package memory

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/registry"
)

func (s *Store) Patients(_ context.Context, ids []string) (map[string]registry.Patient, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string]registry.Patient, len(ids))
	for _, id := range ids {
		if r, ok := s.records[registry.ProfileRef(id)]; ok {
			found[id] = registry.Patient{Record: r.Clone()}
		}
	}
	return found, nil
}

func (s *Store) CountPatients(ctx context.Context, facility string, most int) (int, error) {
	n := 0
	for range s.PatientIDs(ctx, facility) {
		if n == most {
			break
		}
		n++
	}
	return n, nil
}

// PatientIDs lists, as the index does, only profiles that have a name.
func (s *Store) PatientIDs(_ context.Context, facility string) iter.Seq2[string, error] {
	return s.patientIDsWith(registry.FacilityField, facility)
}

func (s *Store) PatientIDsOf(_ context.Context, provider string) iter.Seq2[string, error] {
	return s.patientIDsWith(registry.ProviderField, provider)
}

func (s *Store) patientIDsWith(field, value string) iter.Seq2[string, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string]string{}
	for ref, r := range s.records {
		if ref.Part == registry.ProfilePart && r.Get(field) == value && r.Get(registry.Name) != "" {
			names[ref.Patient] = r.Get(registry.Name)
		}
	}
	return sorted(names, false)
}

func (s *Store) Records(_ context.Context, refs []registry.Ref) (map[registry.Ref]registry.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[registry.Ref]registry.Record, len(refs))
	for _, ref := range refs {
		if r, ok := s.records[ref]; ok {
			found[ref] = r.Clone()
		}
	}
	return found, nil
}

func (s *Store) Parts(_ context.Context, patient string) ([]registry.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []registry.Record
	for ref, r := range s.records {
		if ref.Patient == patient && !ref.IsSlot() && !r.Empty() {
			parts = append(parts, r.Clone())
		}
	}
	slices.SortFunc(parts, func(a, b registry.Record) int { return cmp.Compare(a.Ref.Part, b.Ref.Part) })
	return parts, nil
}

func (s *Store) Calendar(_ context.Context, provider string, from, to time.Time) (visits, slots []registry.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, r := range s.records {
		within := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
		whose, at, isSlot := ref.Slot()
		switch {
		case provider == "":
		case isSlot && whose == provider && within(at):
			slots = append(slots, r.Clone())
		case ref.IsVisit() && r.Get(registry.ProviderField) == provider && r.Get(registry.VisitState) == registry.VisitScheduled && within(r.Start()):
			visits = append(visits, r.Clone())
		}
	}
	slices.SortFunc(visits, func(a, b registry.Record) int {
		return cmp.Or(cmp.Compare(a.Get(registry.VisitStart), b.Get(registry.VisitStart)), cmp.Compare(a.Ref.Patient, b.Ref.Patient), cmp.Compare(a.Ref.Part, b.Ref.Part))
	})
	slices.SortFunc(slots, func(a, b registry.Record) int { return cmp.Compare(a.Ref.Part, b.Ref.Part) })
	return visits, slots, nil
}

func (s *Store) Directory(context.Context) (registry.Directory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := registry.Directory{
		Facilities: slices.Collect(maps.Values(s.facilities)),
		Providers:  slices.Collect(maps.Values(s.providers)),
	}
	slices.SortFunc(d.Facilities, func(a, b registry.Facility) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(d.Providers, func(a, b registry.Provider) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	for i, f := range d.Facilities {
		d.Facilities[i].Closed = slices.Clone(f.Closed)
	}
	for i, p := range d.Providers {
		d.Providers[i].Facilities, d.Providers[i].Away = slices.Clone(p.Facilities), slices.Clone(p.Away)
	}
	return d, nil
}

// PutRecords stores the records, replacing those that exist.
func (s *Store) PutRecords(_ context.Context, records []registry.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.write(r)
	}
	return nil
}

// PutFacility stores a facility, replacing the one with its id.
func (s *Store) PutFacility(_ context.Context, f registry.Facility) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Closed = slices.Clone(f.Closed)
	s.facilities[f.ID] = f
	return nil
}

// PutProvider stores a provider, replacing the one with its id.
func (s *Store) PutProvider(_ context.Context, p registry.Provider) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Facilities, p.Away = slices.Clone(p.Facilities), slices.Clone(p.Away)
	s.providers[p.ID] = p
	return nil
}

func (s *Store) WriteFacility(_ context.Context, f registry.Facility, _ registry.Stamp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, ok := s.facilities[f.ID]; !ok || stored.Version != f.Version {
		return fault.New(fault.Conflict, "Somebody has changed it since.")
	}
	f.Closed = slices.Clone(f.Closed)
	f.Version++
	s.facilities[f.ID] = f
	return nil
}

func (s *Store) WriteProvider(_ context.Context, p registry.Provider, _ registry.Stamp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, ok := s.providers[p.ID]; !ok || stored.Version != p.Version {
		return fault.New(fault.Conflict, "Somebody has changed it since.")
	}
	p.Facilities, p.Away = slices.Clone(p.Facilities), slices.Clone(p.Away)
	p.Version++
	s.providers[p.ID] = p
	return nil
}

// WriteByHand sets some fields of a record outside any operation; an empty
// value removes the field. fault.NotFound where there is no such record.
func (s *Store) WriteByHand(_ context.Context, ref registry.Ref, fields registry.Fields, by string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[ref]
	if !ok {
		return fault.New(fault.NotFound, "There is no such record.")
	}
	r = r.Clone()
	maps.Copy(r.Fields, fields)
	r.Stamp = registry.Stamp{By: by, At: at}
	s.write(r)
	return nil
}

// Remove deletes a record, as somebody might by hand in the table. No port does.
func (s *Store) Remove(ref registry.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.records[ref]; ok {
		delete(s.records, ref)
		s.changes = append(s.changes, Change{Ref: ref, Old: old})
	}
}
