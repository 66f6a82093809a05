package kind

import (
	"fmt"
	"maps"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// Between preview and run, providers stop to work, and they and facilities get
// other patients. What follows says so of a change of a kind that is asked anew;
// what undoes changes is not held to it.

// Unsuited says why, by the directory as it is now, a provider to whom the
// change gives the patient or a visit cannot care for them there; nil when they
// can, and for a change that gives nobody anything.
func Unsuited(c bulk.Change, d registry.Directory) *bulk.Exclusion {
	r := roster{directory: d}
	p := after(c)
	if p.Provider() != "" && len(Places(c)) > 0 {
		if x := r.suits(p.Provider(), p, p.Facility()); x != nil {
			return x
		}
	}
	for _, e := range c.Edits {
		visit := fieldsAfter(e)
		id, there := visit[registry.ProviderField], visit[registry.FacilityField]
		switch {
		case id == "" || there == "":
		case e.Occupies():
			if x := r.suits(id, p, there); x != nil {
				return x
			}
		case e.Ref.IsVisit() && e.After[registry.FacilityField] != "":
			if q, _ := d.Provider(id); !q.WorksAt(there) {
				return &bulk.Exclusion{Code: bulk.NotLicensed, Sentence: fmt.Sprintf("A visit is with %s, who does not work at %s.", r.provider(id), r.facility(there))}
			}
		}
	}
	return nil
}

// Room counts once more what the limits of providers and facilities leave.
type Room struct{ roster roster }

// Room returns the limits of a plan with the parameters. How many patients a
// provider or a facility has, it is told by Has, before the first Take.
func (k Kind) Room(p bulk.Params, d registry.Directory) Room {
	r := Room{newRoster(World{Directory: d})}
	r.roster.perDay, _ = capacities(p, d)
	return r
}

// Has says how many patients a place has.
func (r Room) Has(p Place, patients int) {
	if p.Field == registry.ProviderField {
		r.roster.patients[p.ID] = patients
	} else {
		r.roster.residents[p.ID] = patients
	}
}

// Take counts the patient of the next change of the plan for the places that it
// gives them. Where one of them has no room left it counts nothing, and returns
// that place and why.
func (r Room) Take(c bulk.Change) (full Place, why *bulk.Exclusion) {
	places := Places(c)
	for _, p := range places {
		if p.Field == registry.ProviderField {
			why = r.roster.full(p.ID)
		} else {
			why = r.roster.crowded(p.ID)
		}
		if why != nil {
			return p, why
		}
	}
	for _, p := range places {
		if p.Field == registry.ProviderField {
			r.roster.patients[p.ID]++
		} else {
			r.roster.residents[p.ID]++
		}
	}
	return Place{}, nil
}

// Place is a provider or a facility: a value of that field of a profile.
type Place struct{ Field, ID string }

// Places are the provider and the facility that a change gives the patient.
func Places(c bulk.Change) []Place {
	var places []Place
	for _, e := range c.Edits {
		if e.Ref.Part != registry.ProfilePart {
			continue
		}
		for _, field := range []string{registry.ProviderField, registry.FacilityField} {
			if id := e.After[field]; id != "" {
				places = append(places, Place{field, id})
			}
		}
	}
	return places
}

// after is what a change says of the patient as it leaves them.
func after(c bulk.Change) registry.Patient {
	for _, e := range c.Edits {
		if e.Ref.Part == registry.ProfilePart {
			return registry.Patient{Record: registry.Record{Ref: e.Ref, Fields: fieldsAfter(e)}}
		}
	}
	return registry.Patient{}
}

func fieldsAfter(e bulk.Edit) registry.Fields {
	fields := registry.Fields{}
	maps.Copy(fields, e.Reads)
	maps.Copy(fields, e.After)
	return fields
}
