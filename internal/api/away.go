package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/staff"
)

// AwayView is when somebody is away and who decides in their place.
type AwayView struct {
	From     string `json:"from" format:"date" doc:"First day, in UTC."`
	Until    string `json:"until" format:"date" doc:"Last day, in UTC."`
	Delegate string `json:"delegate,omitempty" maxLength:"100" doc:"The id of one of /v1/me/delegates; empty for nobody."`
}

// DelegateView is somebody who could decide in the caller's place.
type DelegateView struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Email string     `json:"email"`
	Role  staff.Role `json:"role" enum:"team-lead,manager,admin"`
	Away  *AwayView  `json:"away,omitempty"`
}

type delegatesOut struct {
	Body struct {
		Delegates []DelegateView `json:"delegates" doc:"The nearest first."`
	}
}

type awayIn struct {
	Body AwayView
}

type awayOut struct {
	Body struct {
		Away *AwayView `json:"away" doc:"null for somebody who is not away."`
	}
}

func (a *api) awayRoutes(h huma.API) {
	at := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"directory"}, Summary: summary, Description: description}
	}
	use(a, h, at("delegates", http.MethodGet, "/v1/me/delegates", "List who could decide in your place", "For those who decide on requests."),
		func(ctx context.Context, person staff.Person, _ *nothing) (*delegatesOut, error) {
			delegates, err := a.engine.Delegates(ctx, person)
			if err != nil {
				return nil, err
			}
			out := &delegatesOut{}
			out.Body.Delegates = []DelegateView{}
			for _, p := range delegates {
				out.Body.Delegates = append(out.Body.Delegates, DelegateView{p.Sub, p.Name, p.Email, p.Role, a.awayView(p)})
			}
			return out, nil
		})
	use(a, h, at("away", http.MethodPut, "/v1/me/away", "Say when you are away", "Requests that you are asked about go to the delegate too, where the delegate may decide on them."),
		func(ctx context.Context, person staff.Person, in *awayIn) (*awayOut, error) {
			return a.nowAway(a.engine.SetAway(ctx, person, staff.Absence{From: in.Body.From, Until: in.Body.Until, Delegate: in.Body.Delegate}))
		})
	use(a, h, at("back", http.MethodDelete, "/v1/me/away", "Say that you are back", ""),
		func(ctx context.Context, person staff.Person, _ *nothing) (*awayOut, error) {
			return a.nowAway(a.engine.Back(ctx, person))
		})
}

func (a *api) nowAway(p staff.Person, err error) (*awayOut, error) {
	if err != nil {
		return nil, err
	}
	out := &awayOut{}
	out.Body.Away = a.awayView(p)
	return out, nil
}

// awayView shows an absence that is not over.
func (a *api) awayView(p staff.Person) *AwayView {
	if p.Away.Past(a.engine.Now()) {
		return nil
	}
	return &AwayView{p.Away.From, p.Away.Until, p.Away.Delegate}
}
