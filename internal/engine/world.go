package engine

import (
	"context"
	"iter"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// world counts what the kind's planner needs counted.
func (e *Engine) world(ctx context.Context, k kind.Kind, p bulk.Params, d registry.Directory) (kind.World, error) {
	w := kind.World{Directory: d, At: e.Now(), Patients: map[string]int{}, Residents: map[string]int{}}
	if k.Destinations == nil {
		return w, nil
	}
	providers, facilities := k.Destinations(p, d)
	for _, id := range providers {
		n, err := count(e.Registry.PatientIDsOf(ctx, id))
		if err != nil {
			return w, err
		}
		w.Patients[id] = n
	}
	for _, id := range facilities {
		n, err := count(e.Registry.PatientIDs(ctx, id))
		if err != nil {
			return w, err
		}
		w.Residents[id] = n
	}
	return w, nil
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

// recordsFor says which records of a candidate the kind's planner needs besides
// the profile; nil where it needs none.
func recordsFor(k kind.Kind, p bulk.Params, s bulk.Selection) func(candidate, registry.Patient) []registry.Ref {
	switch {
	case s.Source == bulk.FromDone:
		return func(c candidate, _ registry.Patient) []registry.Ref {
			refs := make([]registry.Ref, len(c.change.Edits))
			for i, edit := range c.change.Edits {
				refs[i] = edit.Ref
			}
			return refs
		}
	case k.ReadsVisits != nil && k.ReadsVisits(p):
		return func(_ candidate, p registry.Patient) []registry.Ref {
			visits := p.Visits()
			visits = visits[:min(len(visits), bulk.MaxEdits)]
			refs := make([]registry.Ref, len(visits))
			for i, v := range visits {
				refs[i] = v.Ref(p.ID())
			}
			return refs
		}
	}
	return nil
}
