package engine

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// partReaders is how many patients' parts are read at a time for each chunk.
const partReaders = 8

// world reads and counts what the kind's planner needs to know, and reads the
// calendars in which it books.
func (e *Engine) world(ctx context.Context, k kind.Kind, p bulk.Params, d registry.Directory, requester staff.Person) (kind.World, error) {
	w := kind.World{Directory: d, At: e.Now(), Requester: requester.Name}
	if k.Tells != nil {
		told, err := e.people(ctx, anybody, k.Tells(p)...)
		if err != nil {
			return w, err
		}
		w.Staff = told
	}
	if k.Books != nil {
		providers, from, to := k.Books(p, d, w.At)
		for _, c := range e.calendars(ctx, providers, from, to) {
			if c.err != nil {
				return w, c.err
			}
			w.Visits, w.Slots = append(w.Visits, c.visits...), append(w.Slots, c.slots...)
		}
	}
	var err error
	w.Patients, w.Residents, err = e.counted(ctx, k, p, d)
	return w, err
}

// counted counts the patients of the providers and facilities to which the kind
// leads with the parameters.
func (e *Engine) counted(ctx context.Context, k kind.Kind, p bulk.Params, d registry.Directory) (patients, residents map[string]int, err error) {
	if k.Destinations == nil {
		return nil, nil, nil
	}
	patients, residents = map[string]int{}, map[string]int{}
	providers, facilities := k.Destinations(p, d)
	for _, id := range providers {
		if patients[id], err = count(e.Registry.PatientIDsOf(ctx, id)); err != nil {
			return nil, nil, err
		}
	}
	for _, id := range facilities {
		if residents[id], err = count(e.Registry.PatientIDs(ctx, id)); err != nil {
			return nil, nil, err
		}
	}
	return patients, residents, nil
}

// calendar is what was read of a provider's calendar.
type calendar struct {
	visits, slots []registry.Record
	err           error
}

// calendarsInFlight is how many calendars are read at a time.
const calendarsInFlight = 8

// calendars reads the providers' calendars and returns them in the same order.
func (e *Engine) calendars(ctx context.Context, providers []string, from, to time.Time) []calendar {
	return inParallel(providers, func(id string) calendar { return e.calendar(ctx, id, from, to) })
}

func (e *Engine) calendar(ctx context.Context, provider string, from, to time.Time) (c calendar) {
	c.visits, c.slots, c.err = e.Registry.Calendar(ctx, provider, from, to)
	return c
}

// inParallel reads what is named, calendarsInFlight at a time, and returns it in
// the same order.
func inParallel[N any](names []N, read func(N) calendar) []calendar {
	answers := make([]calendar, len(names))
	inFlight := make(chan struct{}, calendarsInFlight)
	var all sync.WaitGroup
	for i, name := range names {
		inFlight <- struct{}{}
		all.Go(func() {
			defer func() { <-inFlight }()
			answers[i] = read(name)
		})
	}
	all.Wait()
	return answers
}

func count(ids iter.Seq2[string, error]) (int, error) {
	n := 0
	for _, err := range ids {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// profiles returns the profiles of the ids that exist, in their latest version.
func (e *Engine) profiles(ctx context.Context, ids []string) (map[string]registry.Patient, error) {
	refs := make([]registry.Ref, len(ids))
	for i, id := range ids {
		refs[i] = registry.ProfileRef(id)
	}
	records, err := e.Registry.Records(ctx, refs)
	if err != nil {
		return nil, err
	}
	patients := make(map[string]registry.Patient, len(records))
	for ref, r := range records {
		if !r.Empty() {
			patients[ref.Patient] = registry.Patient{Record: r}
		}
	}
	return patients, nil
}

// parts returns everything kept about the patients of the ids that exist, in
// its latest version.
func (e *Engine) parts(ctx context.Context, ids []string) (map[string]registry.Patient, map[string][]registry.Record, error) {
	type answer struct {
		parts []registry.Record
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make([]answer, len(ids))
	work := make(chan int)
	var workers sync.WaitGroup
	for range partReaders {
		workers.Go(func() {
			for i := range work {
				if answers[i].parts, answers[i].err = e.Registry.Parts(ctx, ids[i]); answers[i].err != nil {
					cancel()
				}
			}
		})
	}
	for i := range ids {
		work <- i
	}
	close(work)
	workers.Wait()
	patients, parts := make(map[string]registry.Patient, len(ids)), make(map[string][]registry.Record, len(ids))
	var failure error
	for i, a := range answers {
		if a.err != nil && (failure == nil || errors.Is(failure, context.Canceled)) {
			failure = a.err
		}
		for _, r := range a.parts {
			if r.Ref.Part == registry.ProfilePart {
				patients[ids[i]], parts[ids[i]] = registry.Patient{Record: r}, a.parts
			}
		}
	}
	return patients, parts, failure
}

// recordsFor says which records of a candidate the kind's planner needs besides
// the profile: those that an earlier operation changed, or the patient's visits.
func recordsFor(k kind.Kind, p bulk.Params) func(candidate, registry.Patient) []registry.Ref {
	visits := k.ReadsVisits != nil && k.ReadsVisits(p)
	return func(c candidate, p registry.Patient) []registry.Ref {
		var refs []registry.Ref
		switch {
		case c.change != nil:
			for _, edit := range c.change.Edits {
				refs = append(refs, edit.Ref)
			}
		case visits:
			listed := p.Visits()
			for _, v := range listed[:min(len(listed), bulk.MaxEdits)] {
				refs = append(refs, v.Ref(p.ID()))
			}
		}
		return refs
	}
}
