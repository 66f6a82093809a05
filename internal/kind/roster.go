package kind

import (
	"fmt"
	"maps"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// roster says which provider, and which facility, can take which patient. It
// counts the patients of each, those of the plan so far included. A patient who
// leaves makes no room: whether that change is made, the plan cannot know.
type roster struct {
	directory registry.Directory
	patients  map[string]int
	residents map[string]int // patients of a facility
	perDay    map[string]int // how many patients a provider sees a day, where that bounds how many they get
}

func newRoster(w World) roster {
	r := roster{directory: w.Directory, patients: map[string]int{}, residents: map[string]int{}}
	maps.Copy(r.patients, w.Patients)
	maps.Copy(r.residents, w.Residents)
	return r
}

func (r roster) provider(id string) string { return r.directory.Display(registry.ProviderField, id) }
func (r roster) facility(id string) string { return r.directory.Display(registry.FacilityField, id) }

// suits says why the provider cannot care for the patient in all of the
// facilities; nil when they can.
func (r roster) suits(id string, p registry.Patient, facilities ...string) *bulk.Exclusion {
	provider, known := r.directory.Provider(id)
	if !known || !provider.Active {
		return &bulk.Exclusion{Code: bulk.NoProvider, Sentence: r.provider(id) + " no longer works."}
	}
	for _, f := range facilities {
		if !provider.WorksAt(f) {
			return &bulk.Exclusion{Code: bulk.NotLicensed, Sentence: fmt.Sprintf("%s does not work at %s.", provider.Name, r.facility(f))}
		}
	}
	if needs := p.Get(registry.NeedsSpecialty); needs != "" && !strings.EqualFold(needs, provider.Specialty) {
		return &bulk.Exclusion{Code: bulk.OtherSpecialty,
			Sentence: fmt.Sprintf("The patient needs the specialty %s; that of %s is %s.", needs, provider.Name, provider.Specialty)}
	}
	return nil
}

// takes is suits for a provider who does not have the patient yet, and so needs
// room for one more.
func (r roster) takes(id string, p registry.Patient, facilities ...string) *bulk.Exclusion {
	if x := r.suits(id, p, facilities...); x != nil {
		return x
	}
	return r.full(id)
}

// full says why the provider may have no more patients; nil where there is room.
func (r roster) full(id string) *bulk.Exclusion {
	if q, _ := r.directory.Provider(id); q.Limit > 0 && r.patients[id] >= q.Limit {
		return &bulk.Exclusion{Code: bulk.NoRoom, Sentence: fmt.Sprintf("%s may have at most %d patients and would have more.", q.Name, q.Limit)}
	}
	if most := r.seen(id); most > 0 && r.patients[id] >= most {
		return &bulk.Exclusion{Code: bulk.NoRoom, Sentence: fmt.Sprintf(
			"%s sees %d patients a day, so at most %d once in %d weeks, and would have more.", r.provider(id), r.perDay[id], most, seenWithin)}
	}
	return nil
}

// crowded says why the facility may have no more patients; nil where there is room.
func (r roster) crowded(id string) *bulk.Exclusion {
	if f, _ := r.directory.Facility(id); f.Capacity > 0 && r.residents[id] >= f.Capacity {
		return &bulk.Exclusion{Code: bulk.NoRoom, Sentence: fmt.Sprintf("%s may have at most %d patients and would have more.", f.Name, f.Capacity)}
	}
	return nil
}

// standIn returns the default provider of a facility, or why there is none.
// Whether that provider can take a patient is left to takes.
func standIn(d registry.Directory, facility string) (string, *bulk.Exclusion) {
	f, _ := d.Facility(facility)
	if f.DefaultProvider == "" {
		return "", &bulk.Exclusion{Code: bulk.NoProvider,
			Sentence: fmt.Sprintf("%s has no default provider.", d.Display(registry.FacilityField, facility))}
	}
	return f.DefaultProvider, nil
}
