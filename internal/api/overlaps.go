package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/bulk"
	"bulkops/internal/staff"
)

// OverlapView is another operation that changes some of the same patients.
type OverlapView struct {
	Operation string     `json:"operation" example:"OP-0SX4K2-7QFM"`
	State     bulk.State `json:"state"`
	Summary   string     `json:"summary,omitempty" example:"Change status to On Hold (family request)" doc:"Absent where you may not see the operation."`
	Requester string     `json:"requester,omitempty" doc:"Name. Absent where you may not see the operation."`
	Patients  int        `json:"patients" doc:"How many both change."`
}

type overlapsOut struct {
	Body struct {
		Overlaps []OverlapView `json:"overlaps"`
	}
}

// OverlapOf names a page of what two operations have in common.
type OverlapOf struct {
	PageOf
	Other string `path:"other" maxLength:"40" example:"OP-0SX4K2-7QFM"`
}

func (a *api) overlapRoutes(h huma.API) {
	all := reading("overlaps", "overlaps", "List the operations on their way that change the same patients")
	all.Description = "Of an operation that does not run yet: those that were sent for approval and have not ended. Whichever comes first changes the patients; the other one skips them."
	use(a, h, all, a.overlaps)
	use(a, h, reading("overlap", "overlaps/{other}", "Read a page of the patients whom both operations change"), a.overlap)
}

func (a *api) overlaps(ctx context.Context, person staff.Person, in *OperationID) (*overlapsOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	found, err := a.engine.Overlaps(ctx, person, op)
	if err != nil {
		return nil, err
	}
	out := &overlapsOut{}
	out.Body.Overlaps = []OverlapView{}
	for _, o := range found {
		out.Body.Overlaps = append(out.Body.Overlaps, OverlapView{o.With.ID, o.With.State, o.With.Summary, o.With.Requester.Name, o.Patients})
	}
	return out, nil
}

func (a *api) overlap(ctx context.Context, person staff.Person, in *OverlapOf) (*changesOut, error) {
	op, directory, err := a.read(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	o, changes, err := a.engine.OverlapPage(ctx, person, op, strings.ToUpper(in.Other), in.Page)
	if err != nil {
		return nil, err
	}
	out := &changesOut{}
	out.Body.Paged = Paged{in.Page, (o.Patients + bulk.BatchSize - 1) / bulk.BatchSize, o.Patients}
	out.Body.Changes = []ChangeView{}
	for _, c := range changes {
		out.Body.Changes = append(out.Body.Changes, changeView(c, 0, 0, directory))
	}
	return out, nil
}
