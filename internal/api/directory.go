package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// KindView is a kind of operation that can be asked for.
type KindView struct {
	Name     string       `json:"name" example:"status-change"`
	Title    string       `json:"title" example:"Status Change"`
	Approver staff.Role   `json:"approver" enum:"team-lead,manager,admin" doc:"The role that decides."`
	Types    []ExportType `json:"types,omitempty" doc:"Of an export: what it may hold at most."`
}

// ExportType is what an export of a type may hold, besides the patient id.
type ExportType struct {
	Name    string         `json:"name" example:"patient-list"`
	Title   string         `json:"title" example:"Patient List"`
	Formats []string       `json:"formats"`
	Columns []ExportColumn `json:"columns"`
}

// ExportColumn is a column that an export can have.
type ExportColumn struct {
	Name  string `json:"name" example:"patient.birth_date"`
	Title string `json:"title" example:"Birth date"`
}

func kindView(k kind.Kind) KindView {
	v := KindView{Name: k.Name, Title: k.Title, Approver: k.Approver}
	if !k.MakesFile() {
		return v
	}
	for _, of := range kind.ExportTypes {
		t := ExportType{Name: of.Name, Title: of.Title, Formats: of.Formats}
		for _, c := range of.Columns() {
			t.Columns = append(t.Columns, ExportColumn{c.Name, c.Title})
		}
		v.Types = append(v.Types, t)
	}
	return v
}

// FacilityView is a place of care.
type FacilityView struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	TimeZone string           `json:"time_zone"`
	Default  string           `json:"default_provider" doc:"Provider id; empty for none."`
	Capacity int              `json:"capacity" doc:"Most patients; 0 for any number."`
	Yours    bool             `json:"yours" doc:"Whether you may work with its patients."`
	Calendar FacilityCalendar `json:"calendar"`
}

// FacilityCalendar is when visits take place at a facility, by the clock there.
type FacilityCalendar struct {
	Hours   string   `json:"hours" example:"Mon-Fri 08:00-17:00" doc:"Empty: no visits take place."`
	Lunch   string   `json:"lunch,omitempty" example:"12:00-13:00"`
	Prefers string   `json:"prefers,omitempty" example:"08:00-12:00" doc:"The part of the day that the facility prefers for visits."`
	Closed  []string `json:"closed" example:"2026-12-24 to 2026-12-26" doc:"Days without visits."`
}

// ProviderCalendar is when a provider works.
type ProviderCalendar struct {
	Hours string   `json:"hours,omitempty" example:"Mon-Thu 09:00-15:00" doc:"Empty: while the facility is open."`
	Away  []string `json:"away" example:"2026-12-01 to 2026-12-14" doc:"Time off."`
	Daily int      `json:"daily,omitempty" doc:"Most visits a day; 0 for any number."`
}

// ProviderView is a clinician.
type ProviderView struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Specialty  string           `json:"specialty"`
	Facilities []string         `json:"facilities"`
	Active     bool             `json:"active"`
	Limit      int              `json:"limit" doc:"Most patients; 0 for any number."`
	Calendar   ProviderCalendar `json:"calendar"`
}

// daysTexts are days as texts.
func daysTexts(days []registry.Days) []string {
	texts := make([]string, len(days))
	for i, d := range days {
		texts[i] = d.String()
	}
	return texts
}

type nothing struct{}

type meOut struct {
	Body struct {
		Name       string     `json:"name"`
		Email      string     `json:"email"`
		Role       staff.Role `json:"role" enum:"auditor,staff,team-lead,manager,admin"`
		Facilities []string   `json:"facilities" doc:"Ids; * means every facility."`
		Away       *AwayView  `json:"away,omitempty" doc:"When you are away."`
	}
}

type kindsOut struct {
	Body struct {
		Kinds []KindView `json:"kinds"`
	}
}

type directoryOut struct {
	Body struct {
		Facilities []FacilityView `json:"facilities"`
		Providers  []ProviderView `json:"providers"`
	}
}

func (a *api) directoryRoutes(h huma.API) {
	read := func(id, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/v1/" + id, Tags: []string{"directory"}, Summary: summary}
	}
	use(a, h, read("me", "Read who you are here"), func(_ context.Context, p staff.Person, _ *nothing) (*meOut, error) {
		out := &meOut{}
		out.Body.Name, out.Body.Email, out.Body.Role, out.Body.Facilities = p.Name, p.Email, p.Role, p.Facilities
		out.Body.Away = a.awayView(p)
		return out, nil
	})
	use(a, h, read("kinds", "List the kinds of operation"), func(context.Context, staff.Person, *nothing) (*kindsOut, error) {
		out := &kindsOut{}
		for _, k := range kind.All {
			if !k.Follows {
				out.Body.Kinds = append(out.Body.Kinds, kindView(k))
			}
		}
		return out, nil
	})
	use(a, h, read("directory", "List facilities and providers"), func(ctx context.Context, p staff.Person, _ *nothing) (*directoryOut, error) {
		directory, err := a.engine.Registry.Directory(ctx)
		if err != nil {
			return nil, err
		}
		out := &directoryOut{}
		out.Body.Facilities, out.Body.Providers = []FacilityView{}, []ProviderView{}
		for _, f := range directory.Facilities {
			out.Body.Facilities = append(out.Body.Facilities, FacilityView{f.ID, f.Name, f.TimeZone, f.DefaultProvider, f.Capacity, p.Holds(f.ID),
				FacilityCalendar{f.Hours.String(), f.Lunch.String(), f.Prefers.String(), daysTexts(f.Closed)}})
		}
		for _, q := range directory.Providers {
			out.Body.Providers = append(out.Body.Providers, ProviderView{q.ID, q.Name, q.Specialty, append([]string{}, q.Facilities...), q.Active, q.Limit,
				ProviderCalendar{q.Hours.String(), daysTexts(q.Away), q.Daily}})
		}
		return out, nil
	})
}
