package audit

import (
	"context"
	"time"

	"bulkops/internal/registry"
)

// place is where a patient was when something was written at the time, by the
// stream's clock.
type place struct {
	facility string
	at       time.Time
}

const (
	maxPlaces  = 1_000
	placeLasts = time.Minute // an import writes all notes of a patient one after the other
)

// facility returns where the patient is, "" where there is no such patient. A
// clinical note does not say it, because the note would have to be written anew
// with each transfer. It is the facility of when the record is made, a second or
// two after the change: a repeat may find another one and makes a record of the
// same key, so that the first stays as it is (Log.Append).
func (r *Recorder) facility(ctx context.Context, patient string, written time.Time) (string, error) {
	r.mu.Lock()
	known, ok := r.patients[patient]
	r.mu.Unlock()
	if ok && written.Sub(known.at).Abs() <= placeLasts {
		return known.facility, nil
	}
	ref := registry.ProfileRef(patient)
	found, err := r.Records(ctx, []registry.Ref{ref})
	if err != nil {
		return "", err
	}
	facility := found[ref].Get(registry.FacilityField)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.patients == nil || len(r.patients) >= maxPlaces {
		r.patients = map[string]place{}
	}
	r.patients[patient] = place{facility, written}
	return facility, nil
}
