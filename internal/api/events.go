package api

import (
	"context"
	"iter"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/audit"
	"bulkops/internal/staff"
)

// EventView is one thing that happened to an operation.
type EventView struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"Name; bulkops for the system itself."`
	What   string    `json:"what" example:"submitted"`
	Detail string    `json:"detail,omitempty"`
}

type eventsOut struct {
	Body struct {
		Events []EventView `json:"events" doc:"Oldest first."`
	}
}

type auditQuery struct {
	OperationID
	After string `query:"after" maxLength:"200" doc:"The value of next of the answer before."`
	Most  int    `query:"most" minimum:"1" maximum:"1000" default:"200"`
}

type auditOut struct {
	Body struct {
		Records []AuditRecord `json:"records" doc:"Oldest first: one for each change of a record, one for each patient who was put into the file of an export, skipped or failed, one for each event."`
		Next    string        `json:"next,omitempty" doc:"Ask with after for the records that follow; absent when there are none."`
	}
}

func (a *api) eventRoutes(h huma.API) {
	use(a, h, reading("events", "events", "Read what happened to an operation"), a.events)
	use(a, h, reading("audit", "audit", "Read an operation's audit records"), a.auditRecords)
}

func (a *api) events(ctx context.Context, person staff.Person, in *OperationID) (*eventsOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	events, err := a.engine.Operations.Events(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	out := &eventsOut{}
	out.Body.Events = []EventView{}
	for _, e := range events {
		actor := e.Actor.Name
		if actor == "" {
			actor = audit.System
		}
		out.Body.Events = append(out.Body.Events, EventView{e.At, actor, e.What, e.Detail})
	}
	return out, nil
}

func (a *api) auditRecords(ctx context.Context, person staff.Person, in *auditQuery) (*auditOut, error) {
	op, err := a.withSubjects(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	var records []audit.Record
	more := false
	for r, err := range first(a.audit.ForOperationAfter(ctx, op.ID, in.After), in.Most, &more) {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	out := &auditOut{}
	if out.Body.Records, err = a.auditRecordsOf(ctx, records); err != nil {
		return nil, err
	}
	if more {
		out.Body.Next = out.Body.Records[len(out.Body.Records)-1].SortKey()
	}
	return out, nil
}

// first yields at most n values, and says whether there are more.
func first[T any](values iter.Seq2[T, error], n int, more *bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range values {
			if n == 0 {
				*more = true
				return
			}
			n--
			if !yield(v, err) {
				return
			}
		}
	}
}
