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
	provider, facility := given(c)
	if p.Provider() != "" && (provider != "" || facility != "") {
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

// Room returns what is left with the patients that w counts.
func (k Kind) Room(p bulk.Params, w World) Room {
	r := Room{newRoster(w)}
	r.roster.perDay, _ = capacities(p, w.Directory)
	return r
}

// Take counts the patient of the next change of the plan for the provider and the
// facility that it gives them. Where one of them has no room left it counts
// nothing, and returns the field of the profile, who it is, and why.
func (r Room) Take(c bulk.Change) (field, id string, none *bulk.Exclusion) {
	provider, facility := given(c)
	if x := r.roster.full(provider); x != nil {
		return registry.ProviderField, provider, x
	}
	if x := r.roster.crowded(facility); x != nil {
		return registry.FacilityField, facility, x
	}
	r.roster.patients[provider]++
	r.roster.residents[facility]++
	return "", "", nil
}

// given are the provider and the facility that a change gives the patient, "" for
// one that it leaves.
func given(c bulk.Change) (provider, facility string) {
	for _, e := range c.Edits {
		if e.Ref.Part == registry.ProfilePart {
			return e.After[registry.ProviderField], e.After[registry.FacilityField]
		}
	}
	return "", ""
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
