package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bulkops/internal/dynamo"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// sampleCommand loads the made-up clinic. What is there already stays as it is.
type sampleCommand struct {
	Patients int `env:"PATIENTS" default:"2000" help:"How many patients."`
}

// recordsPerPut is how many records are written together.
const recordsPerPut = 2000

func (c sampleCommand) Run(t *terminal) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	if !s.local() {
		return fault.New(fault.Forbidden, "The sample clinic has passwords that everybody knows, so it is loaded into the local AWS only: set AWS_ENDPOINT_URL to it.")
	}
	if c.Patients < 1 {
		return fault.New(fault.Invalid, "The clinic needs at least one patient.")
	}
	began := time.Now()
	store, err := s.registry()
	if err != nil {
		return err
	}
	before, err := loadedAt(t.ctx, store)
	if err != nil {
		return err
	}
	at := before
	if at.IsZero() {
		at = began
	}
	clinic := sample.Generate(c.Patients, at)
	added, err := loadPlaces(t.ctx, store, clinic.Directory)
	if err != nil {
		return err
	}
	patients, err := loadPatients(t.ctx, store, clinic, !before.IsZero())
	if err != nil {
		return err
	}
	people, err := loadPeople(t.ctx, s, clinic.Staff)
	if err != nil {
		return err
	}
	if err := runSampleOperation(t.ctx, s); err != nil {
		return err
	}
	t.say("Sample clinic: %s new, %s, %s (%s).", english.Count(patients, "patient", "patients"), english.Count(added, "facility or provider", "facilities and providers"),
		english.Count(people, "member of staff", "members of staff"), time.Since(began).Round(10*time.Millisecond))
	t.say("\nSign-ins, all with the password %s", sample.Password)
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for _, p := range clinic.Staff {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", p.Email, p.Name, p.Role.Title(), facilityWords(p))
	}
	return table.Flush()
}

// loadedAt is the moment of the sample that is there, zero when none is. The
// same moment gives the same patients again.
func loadedAt(ctx context.Context, store *dynamo.Registry) (time.Time, error) {
	var refs []registry.Ref
	for n := 1; n <= 100; n++ {
		refs = append(refs, registry.ProfileRef(sample.PatientID(n)))
	}
	found, err := store.Records(ctx, refs)
	if err != nil {
		return time.Time{}, err
	}
	for _, r := range found {
		if r.Stamp.By == sample.By {
			return r.Stamp.At, nil
		}
	}
	if len(found) > 0 {
		return time.Time{}, fault.New(fault.Conflict, "There are patients with the sample's ids, and none of them is the sample's any more. Start with an empty registry (make clean).")
	}
	return time.Time{}, nil
}

func loadPlaces(ctx context.Context, store *dynamo.Registry, wanted registry.Directory) (added int, err error) {
	have, err := store.Directory(ctx)
	if err != nil {
		return 0, err
	}
	for _, f := range wanted.Facilities {
		if _, ok := have.Facility(f.ID); !ok {
			if err := store.PutFacility(ctx, f); err != nil {
				return added, err
			}
			added++
		}
	}
	for _, p := range wanted.Providers {
		if _, ok := have.Provider(p.ID); !ok {
			if err := store.PutProvider(ctx, p); err != nil {
				return added, err
			}
			added++
		}
	}
	return added, nil
}

// loadPatients writes the patients; with again, only the records that are not
// there, since what people did with the others is theirs.
func loadPatients(ctx context.Context, store *dynamo.Registry, clinic sample.Clinic, again bool) (added int, err error) {
	var waiting []registry.Record
	write := func() error {
		records := waiting
		waiting = nil
		if again {
			if records, err = missing(ctx, store, records); err != nil {
				return err
			}
		}
		for _, r := range records {
			if r.Ref.Part == registry.ProfilePart {
				added++
			}
		}
		return store.PutRecords(ctx, records)
	}
	for records := range clinic.Patients {
		if waiting = append(waiting, records...); len(waiting) >= recordsPerPut {
			if err := write(); err != nil {
				return added, err
			}
		}
	}
	return added, write()
}

// missing returns those of the records that are not in the registry.
func missing(ctx context.Context, store *dynamo.Registry, records []registry.Record) ([]registry.Record, error) {
	refs := make([]registry.Ref, len(records))
	for i, r := range records {
		refs[i] = r.Ref
	}
	have, err := store.Records(ctx, refs)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(records, func(r registry.Record) bool { _, ok := have[r.Ref]; return ok }), nil
}

// loadPeople makes the accounts and the staff entries that are missing.
func loadPeople(ctx context.Context, s *stack, people []staff.Person) (added int, err error) {
	directory, err := s.staff()
	if err != nil {
		return 0, err
	}
	accounts, err := s.accounts()
	if err != nil {
		return 0, err
	}
	for _, p := range people {
		sub, isNew, err := accounts.ensure(ctx, p, sample.Password)
		if err != nil {
			return added, err
		}
		_, err = directory.Person(ctx, sub)
		if err == nil && !isNew {
			continue
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return added, err
		}
		p.Sub = sub
		if err := directory.PutPerson(ctx, p); err != nil {
			return added, err
		}
		added++
	}
	return added, nil
}

func facilityWords(p staff.Person) string {
	if len(p.Facilities) == 1 && p.Facilities[0] == staff.AllFacilities {
		return "all facilities"
	}
	return strings.Join(p.Facilities, ", ")
}
