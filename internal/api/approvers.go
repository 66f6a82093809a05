package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/staff"
)

// ApproverView is somebody who may decide on an operation.
type ApproverView struct {
	ID    string     `json:"id"`
	Name  string     `json:"name" example:"Maria Duarte"`
	Email string     `json:"email"`
	Role  staff.Role `json:"role" enum:"team-lead,manager,admin"`
	Asked bool       `json:"asked" doc:"Whether the request waits for this person at present."`
}

type approversOut struct {
	Body struct {
		Approvers []ApproverView `json:"approvers" doc:"The nearest first."`
	}
}

// Reassigned says to whom a request for approval is handed.
type Reassigned struct {
	OperationID
	Body struct {
		To string `json:"to" maxLength:"100" doc:"The id of one of /approvers."`
	}
}

func (a *api) approverRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "approvers", Method: http.MethodGet, Path: "/v1/operations/{id}/approvers", Tags: []string{"operations"},
		Summary: "List who may decide", Description: "For the requester and for those who may decide, while the operation waits for a decision."}, a.approvers)
	use(a, h, huma.Operation{OperationID: "reassign", Method: http.MethodPost, Path: "/v1/operations/{id}/reassign", Tags: []string{"operations"},
		Summary: "Hand the request to another approver", Description: "That person gets a mail, and the request waits for nobody else. The same again changes nothing."}, a.reassign)
}

func (a *api) approvers(ctx context.Context, person staff.Person, in *OperationID) (*approversOut, error) {
	op, people, err := a.engine.ToReassign(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	out := &approversOut{}
	out.Body.Approvers = []ApproverView{}
	for _, p := range people {
		out.Body.Approvers = append(out.Body.Approvers, ApproverView{p.Sub, p.Name, p.Email, p.Role, op.Approval.Asks(p.Sub)})
	}
	return out, nil
}

func (a *api) reassign(ctx context.Context, person staff.Person, in *Reassigned) (*Told, error) {
	op, err := a.engine.Reassign(ctx, person, in.ID, in.Body.To)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}
