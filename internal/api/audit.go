package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/staff"
)

// AuditSearch is a question to the audit log. It is sent as a body, so that
// neither ids nor names get into an address and from there into logs.
type AuditSearch struct {
	Body struct {
		Operation string        `json:"operation,omitempty" maxLength:"40" doc:"Id."`
		Patient   string        `json:"patient,omitempty" maxLength:"200" doc:"Id."`
		Operator  string        `json:"operator,omitempty" maxLength:"200" doc:"Part of the name of who did it."`
		Approver  string        `json:"approver,omitempty" maxLength:"200" doc:"Part of the name."`
		Show      auditlog.Show `json:"show,omitempty" enum:"changes,by-hand,events,views,sign-ins,refused" doc:"A part of what is recorded; everything when left out."`
		Kind      string        `json:"kind,omitempty" maxLength:"40" doc:"Of the operation."`
		Facility  string        `json:"facility,omitempty" maxLength:"200" doc:"Id: of the patient, before or after a change, or in the plan of the operation."`
		Reason    string        `json:"reason,omitempty" maxLength:"200" doc:"Part of the reason that was given."`
		From      string        `json:"from,omitempty" format:"date" doc:"UTC day. Without days the last 7 are searched; with an operation or a patient, all of them."`
		To        string        `json:"to,omitempty" format:"date" doc:"This day included; at most 92 days at a time."`
		After     string        `json:"after,omitempty" maxLength:"1000" doc:"The value of next of the answer before."`
		Most      int           `json:"most,omitempty" minimum:"1" maximum:"1000" default:"200"`
	}
}

// AuditFound is a part of the answer.
type AuditFound struct {
	Body struct {
		Records []AuditRecord `json:"records" doc:"Newest first, those that you may see."`
		Next    string        `json:"next,omitempty" doc:"Ask with after for what is older; absent at the end."`
		Cut     bool          `json:"cut" doc:"Reading stopped at its limit of 5,000 records: there may be more further back, also where none was found."`
		Until   time.Time     `json:"until,omitzero" doc:"How far back was read."`
	}
}

// AuditRecord is an audit record with its name.
type AuditRecord struct {
	Name  string `json:"name" doc:"What bulkops audit prove and verify call it."`
	About string `json:"about,omitempty" doc:"Of a change: which record was changed, in words."`
	audit.Record
}

func (a *api) auditRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "search-audit", Method: http.MethodPost, Path: "/v1/audit/search", Tags: []string{"operations"},
		Summary: "Search the audit log", DefaultStatus: http.StatusOK,
		Description: "Auditors and administrators find everything, managers what concerns their facilities, everybody their own operations."}, a.searchAudit)
}

func (a *api) searchAudit(ctx context.Context, person staff.Person, in *AuditSearch) (*AuditFound, error) {
	b := in.Body
	q := auditlog.Query{Operation: b.Operation, Patient: b.Patient, Operator: b.Operator, Approver: b.Approver, Show: b.Show, Kind: b.Kind,
		Facility: b.Facility, Reason: b.Reason, From: b.From, To: b.To}
	log := auditlog.Log{Engine: a.engine, Reader: a.audit}
	page, err := log.Find(ctx, person, q, b.After, b.Most)
	if err != nil {
		return nil, err
	}
	names, err := log.Names(ctx, page.Records)
	if err != nil {
		return nil, err
	}
	out := &AuditFound{}
	out.Body.Records, out.Body.Next, out.Body.Cut, out.Body.Until = []AuditRecord{}, page.Next, page.Cut, page.Until
	for _, r := range page.Records {
		out.Body.Records = append(out.Body.Records, AuditRecord{auditlog.Name(r), names.About(r), r})
	}
	return out, nil
}
