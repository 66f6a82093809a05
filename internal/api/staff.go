package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/engine"
	"bulkops/internal/staff"
)

// StaffView is an entry of the staff directory.
type StaffView struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Email      string     `json:"email"`
	Role       staff.Role `json:"role" enum:"auditor,staff,team-lead,manager,admin"`
	Facilities []string   `json:"facilities" doc:"Ids; * means every facility."`
	Disabled   bool       `json:"disabled"`
	Away       *AwayView  `json:"away,omitempty"`
	Version    int        `json:"version" doc:"Counts the writes of this entry; a change repeats it."`
}

type staffOut struct {
	Body struct {
		Staff []StaffView `json:"staff" doc:"By name."`
	}
}

type rightsIn struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Version    int        `json:"version" doc:"Of the entry that was read."`
		Role       staff.Role `json:"role" enum:"auditor,staff,team-lead,manager,admin"`
		Facilities []string   `json:"facilities" maxItems:"1000" doc:"Ids, or * alone."`
		Disabled   bool       `json:"disabled,omitempty" doc:"Take the access away."`
	}
}

type entryOut struct {
	Body StaffView
}

func (a *api) staffRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "staff", Method: http.MethodGet, Path: "/v1/staff", Tags: []string{"directory"},
		Summary: "List the staff directory", Description: "For administrators."}, a.staff)
	use(a, h, huma.Operation{OperationID: "set-rights", Method: http.MethodPut, Path: "/v1/staff/{id}", Tags: []string{"directory"},
		Summary: "Change what somebody may do", Description: "For administrators, of others than themselves. It counts from the person's next request on. The person and every other administrator get a mail."}, a.setRights)
}

func (a *api) staff(ctx context.Context, person staff.Person, _ *nothing) (*staffOut, error) {
	people, err := a.engine.Everybody(ctx, person)
	if err != nil {
		return nil, err
	}
	out := &staffOut{}
	out.Body.Staff = []StaffView{}
	for _, p := range people {
		out.Body.Staff = append(out.Body.Staff, a.staffView(p))
	}
	return out, nil
}

func (a *api) setRights(ctx context.Context, person staff.Person, in *rightsIn) (*entryOut, error) {
	p, err := a.engine.SetRights(ctx, person, in.ID, in.Body.Version, engine.Rights{Role: in.Body.Role, Facilities: in.Body.Facilities, Disabled: in.Body.Disabled})
	if err != nil {
		return nil, err
	}
	return &entryOut{a.staffView(p)}, nil
}

func (a *api) staffView(p staff.Person) StaffView {
	return StaffView{p.Sub, p.Name, p.Email, p.Role, append([]string{}, p.Facilities...), p.Disabled, a.awayView(p), p.Version}
}
