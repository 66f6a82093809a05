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
		Show      auditlog.Show `json:"show,omitempty" enum:"changes,outcomes,by-hand,events,views,sign-ins,refused" doc:"A part of what is recorded; everything when left out."`
		Kind      string        `json:"kind,omitempty" maxLength:"40" doc:"Of the operation."`
		Facility  string        `json:"facility,omitempty" maxLength:"200" doc:"Id: of the patient, before or after a change, or in the plan of the operation."`
		Reason    string        `json:"reason,omitempty" maxLength:"200" doc:"Part of the reason that was given."`
		From      string        `json:"from,omitempty" format:"date" doc:"UTC day. Without days the last 7 are searched; with an operation or a patient, all of them; what was refused to open a patient, day by day."`
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
		Until   time.Time     `json:"until,omitzero" doc:"Where reading stopped at its limit: how far back that was."`
	}
}

// AuditRecord is an audit record with its name, and in words what its ids stand
// for.
type AuditRecord struct {
	Name    string      `json:"name" doc:"What bulkops audit prove and verify call it."`
	About   string      `json:"about,omitempty" doc:"Of a change: which record was changed, in words."`
	Changed []AuditEdit `json:"changed,omitempty" doc:"Of a change: its fields in words. As they are kept, they stand in old and new."`
	audit.Record
}

// AuditEdit is a changed field in words.
type AuditEdit struct {
	Label string `json:"label"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// AuditRecordOf returns the record in words, as far as the names are known.
func AuditRecordOf(r audit.Record, names auditlog.Names) AuditRecord {
	view := AuditRecord{Name: auditlog.Name(r), About: names.About(r), Record: r}
	for _, field := range auditlog.Fields(r) {
		view.Changed = append(view.Changed, AuditEdit{names.Label(r, field), names.Value(r, field, r.Old[field]), names.Value(r, field, r.New[field])})
	}
	return view
}

// auditRecordsOf returns the records with the names that they hold as ids.
func (a *api) auditRecordsOf(ctx context.Context, records []audit.Record) ([]AuditRecord, error) {
	names, err := auditlog.Log{Engine: a.engine, Reader: a.audit}.Names(ctx, records)
	if err != nil {
		return nil, err
	}
	views := make([]AuditRecord, len(records))
	for i, r := range records {
		views[i] = AuditRecordOf(r, names)
	}
	return views, nil
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
	out := &AuditFound{}
	out.Body.Next, out.Body.Cut, out.Body.Until = page.Next, page.Cut, page.Until
	if out.Body.Records, err = a.auditRecordsOf(ctx, page.Records); err != nil {
		return nil, err
	}
	return out, nil
}
