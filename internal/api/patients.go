package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/journal"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// PatientView is a patient as a list shows one.
type PatientView struct {
	ID           string          `json:"id" example:"000123"`
	Name         string          `json:"name"`
	BirthDate    string          `json:"birth_date,omitempty"`
	Status       registry.Status `json:"status"`
	Facility     string          `json:"facility" doc:"Id."`
	Provider     string          `json:"provider,omitempty" doc:"Id."`
	Tags         []string        `json:"tags"`
	Insurance    string          `json:"insurance,omitempty"`
	Registered   string          `json:"registered,omitempty"`
	LastVisit    string          `json:"last_visit,omitempty"`
	NextVisits   []string        `json:"next_visits" doc:"Starts of the scheduled visits, oldest first."`
	LockedBy     string          `json:"locked_by,omitempty" doc:"Who has locked the record; a locked one cannot be changed."`
	LockedReason string          `json:"locked_reason,omitempty"`
}

// Search is a search for patients. It is sent as a body, so that no name gets
// into an address and from there into logs.
type Search struct {
	Body struct {
		Filter *Filter `json:"filter,omitempty"`
		Page   int     `json:"page,omitempty" minimum:"1" maximum:"500" default:"1"`
		Size   int     `json:"size,omitempty" minimum:"1" maximum:"200" default:"50"`
	}
}

// Found is a page of patients.
type Found struct {
	Body struct {
		Patients []PatientView `json:"patients" doc:"By facility, then by name."`
		Page     int           `json:"page"`
		More     bool          `json:"more" doc:"Whether there is a next page."`
	}
}

func (a *api) patientRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "search-patients", Method: http.MethodPost, Path: "/v1/patients/search", Tags: []string{"patients"},
		Summary: "Find patients in your facilities", DefaultStatus: http.StatusOK}, a.search)
}

func (a *api) search(ctx context.Context, person staff.Person, in *Search) (*Found, error) {
	var filter registry.Filter
	if in.Body.Filter != nil {
		filter = in.Body.Filter.registry()
	}
	ids, more, err := a.engine.Find(ctx, person, filter, in.Body.Page*in.Body.Size)
	if err != nil {
		return nil, err
	}
	ids = ids[min(len(ids), (in.Body.Page-1)*in.Body.Size):]
	patients, err := a.engine.Registry.Patients(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &Found{}
	out.Body.Patients, out.Body.Page, out.Body.More = []PatientView{}, in.Body.Page, more
	var shown []string
	for _, id := range ids {
		// Between the two reads a patient may have moved to another facility.
		if p, ok := patients[id]; ok && person.Holds(p.Facility()) {
			out.Body.Patients = append(out.Body.Patients, patientView(p))
			shown = append(shown, id)
		}
	}
	journal.Note(ctx).Target = "Shown: " + strings.Join(shown, " ")
	return out, nil
}

func patientView(p registry.Patient) PatientView {
	v := PatientView{
		ID: p.ID(), Name: p.Name(), BirthDate: p.Get(registry.BirthDate), Status: p.Status(), Facility: p.Facility(), Provider: p.Provider(),
		Tags: append([]string{}, p.TagList()...), Insurance: p.Get(registry.InsurancePlan), Registered: p.Get(registry.Registered),
		LastVisit: p.Get(registry.LastVisit), NextVisits: []string{}, LockedBy: p.LockedBy(), LockedReason: p.Get(registry.LockedWhy),
	}
	for _, visit := range p.Visits() {
		v.NextVisits = append(v.NextVisits, visit.Start.Format(registry.VisitTime))
	}
	return v
}
