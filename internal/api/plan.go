package api

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/journal"
	"bulkops/internal/report"
	"bulkops/internal/staff"
)

// PageOf names a page of an operation's plan.
type PageOf struct {
	OperationID
	Page int `query:"page" minimum:"1" default:"1" doc:"A page that is not there is empty."`
}

// Paged says where a page stands.
type Paged struct {
	Page  int `json:"page"`
	Pages int `json:"pages"`
	Total int `json:"total" doc:"Entries on all pages."`
}

// ExclusionView is a patient who cannot be changed, and why.
type ExclusionView struct {
	Patient string             `json:"patient"`
	Name    string             `json:"name,omitempty" doc:"Only of patients in your facilities."`
	Row     int                `json:"row,omitempty" doc:"In the uploaded file, as a spreadsheet shows it."`
	Code    bulk.ExclusionCode `json:"code" enum:"already-so,not-allowed,locked,other-facility,unknown,duplicate,too-many-records,too-many-tags,changed-since,cannot-undo,no-provider,not-licensed,other-specialty,no-room,visit-in-the-way,no-recipient,no-address"`
	Reason  string             `json:"reason"`
}

// OutcomeView is what became of one patient of the plan, or of one recipient of
// a communication.
type OutcomeView struct {
	Patient   string            `json:"patient" doc:"Of a communication, the id of the recipient."`
	Name      string            `json:"name"`
	Facility  string            `json:"facility" doc:"Id."`
	Words     string            `json:"words" doc:"The change that was planned."`
	Outcome   bulk.OutcomeState `json:"outcome" enum:"done,skipped,failed,not attempted"`
	Code      string            `json:"code,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Retryable bool              `json:"retryable" doc:"Whether running it again can help."`
}

// EventView is one thing that happened to an operation.
type EventView struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"Name; bulkops for the system itself."`
	What   string    `json:"what" example:"submitted"`
	Detail string    `json:"detail,omitempty"`
}

type changesOut struct {
	Body struct {
		Paged
		Changes []ChangeView `json:"changes"`
	}
}

type sampleOut struct {
	Body struct {
		Changes []ChangeView `json:"changes" doc:"At most five, drawn by the plan's digest."`
	}
}

type exclusionsOut struct {
	Body struct {
		Paged
		Exclusions []ExclusionView `json:"exclusions"`
	}
}

type outcomesOut struct {
	Body struct {
		Paged
		Outcomes []OutcomeView `json:"outcomes"`
	}
}

type noticeIn struct {
	PageOf
	Notice string `path:"notice" maxLength:"20" doc:"The number of a message: notice.number of a change."`
}

type noticeOut struct {
	Body struct {
		Paged
		Patients []PatientView `json:"patients" doc:"Those of this page who are in your facilities now."`
	}
}

type csvOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
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
		Records []audit.Record `json:"records" doc:"Oldest first: one for each change of a record, one for each event."`
		Next    string         `json:"next,omitempty" doc:"Ask with after for the records that follow; absent when there are none."`
	}
}

var csvAnswer = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}}}}

func (a *api) planRoutes(h huma.API) {
	read := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/v1/operations/{id}/" + path, Tags: []string{"operations"}, Summary: summary}
	}
	use(a, h, read("sample", "sample", "Read the changes of a plan that its readers are asked to check: for all of them the same"), a.sample)
	use(a, h, read("changes", "changes", "Read a page of a plan: what will be changed, old and new"), a.changes)
	use(a, h, read("exclusions", "exclusions", "Read a page of who cannot be changed, and why"), a.exclusions)
	overlaps := read("overlaps", "overlaps", "List the operations on their way that change the same patients")
	overlaps.Description = "Of an operation that does not run yet: those that were sent for approval and have not ended. Whichever comes first changes the patients; the other one skips them."
	use(a, h, overlaps, a.overlaps)
	overlap := read("overlap", "overlaps/{other}", "Read a page of the patients whom both operations change")
	use(a, h, overlap, a.overlap)
	use(a, h, read("outcomes", "outcomes", "Read a page of what became of each patient"), a.outcomes)
	use(a, h, read("notice", "notices/{notice}", "Read a page of the patients whom a message is about"), a.notice)
	file := read("outcomes-file", "outcomes.csv", "Get what became of every patient as a CSV file")
	file.Description = "The same as asking for the outcomes with Accept: text/csv. Values that a spreadsheet would compute begin with an apostrophe."
	file.Responses = csvAnswer
	use(a, h, file, a.csv("outcomes"))
	file = read("not-changed-file", "not-changed.csv", "Get those whom the run did not change as a CSV file")
	file.Description = "In the columns of the file that was uploaded, where there was one, with code and reason. Corrected, it can be uploaded as it is."
	file.Responses = csvAnswer
	use(a, h, file, a.csv("not-changed"))
	file = read("left-out-file", "left-out.csv", "Get those whom the plan could not include as a CSV file")
	file.Description = "In the columns of the file that was uploaded, where there was one, with code and reason. Corrected, it can be uploaded as it is."
	file.Responses = csvAnswer
	use(a, h, file, a.csv("left-out"))
	use(a, h, read("events", "events", "Read what happened to an operation"), a.events)
	use(a, h, read("audit", "audit", "Read an operation's audit records"), a.auditRecords)
}

func (a *api) sample(ctx context.Context, person staff.Person, in *OperationID) (*sampleOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	directory, err := a.engine.Registry.Directory(ctx)
	if err != nil {
		return nil, err
	}
	changes, err := a.engine.Sample(ctx, op)
	if err != nil {
		return nil, err
	}
	out := &sampleOut{}
	out.Body.Changes = []ChangeView{}
	for _, c := range changes {
		out.Body.Changes = append(out.Body.Changes, changeView(c, 0, 0, directory))
	}
	return out, nil
}

func (a *api) changes(ctx context.Context, person staff.Person, in *PageOf) (*changesOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	directory, err := a.engine.Registry.Directory(ctx)
	if err != nil {
		return nil, err
	}
	changes, err := a.engine.Changes(ctx, op, in.Page)
	if err != nil {
		return nil, err
	}
	out := &changesOut{}
	out.Body.Paged = Paged{in.Page, op.Plan.Batches, op.Plan.Changes}
	out.Body.Changes = []ChangeView{}
	for n, c := range changes {
		out.Body.Changes = append(out.Body.Changes, changeView(c, in.Page, n, directory))
	}
	return out, nil
}

func (a *api) notice(ctx context.Context, person staff.Person, in *noticeIn) (*noticeOut, error) {
	c, err := a.engine.Concerned(ctx, person, in.ID, in.Notice, in.Page)
	if err != nil {
		return nil, err
	}
	out := &noticeOut{}
	out.Body.Paged, out.Body.Patients = Paged{in.Page, c.Pages, c.Change.Notice.Patients}, []PatientView{}
	var shown []string
	for _, p := range c.Patients {
		out.Body.Patients = append(out.Body.Patients, patientView(p))
		shown = append(shown, p.ID())
	}
	note := journal.Note(ctx)
	note.Operation, note.Kind, note.Target = c.Operation.ID, c.Operation.Kind, "Message "+in.Notice+". Shown: "+strings.Join(shown, " ")
	return out, nil
}

// OverlapView is another operation that changes some of the same patients.
type OverlapView struct {
	Operation string     `json:"operation" example:"OP-0SX4K2-7QFM"`
	State     bulk.State `json:"state"`
	Summary   string     `json:"summary" example:"Change status to On Hold (family request)"`
	Requester string     `json:"requester" doc:"Name."`
	Patients  int        `json:"patients" doc:"How many both change."`
}

type overlapsOut struct {
	Body struct {
		Overlaps []OverlapView `json:"overlaps"`
	}
}

func (a *api) overlaps(ctx context.Context, person staff.Person, in *OperationID) (*overlapsOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	directory, err := a.engine.Registry.Directory(ctx)
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
		out.Body.Overlaps = append(out.Body.Overlaps, OverlapView{o.With.ID, o.With.State, summary(o.With, directory), o.With.Requester.Name, o.Patients})
	}
	return out, nil
}

// OverlapOf names a page of what two operations have in common.
type OverlapOf struct {
	PageOf
	Other string `path:"other" maxLength:"40" example:"OP-0SX4K2-7QFM"`
}

func (a *api) overlap(ctx context.Context, person staff.Person, in *OverlapOf) (*changesOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	directory, err := a.engine.Registry.Directory(ctx)
	if err != nil {
		return nil, err
	}
	o, changes, err := a.engine.OverlapPage(ctx, person, op, in.Other, in.Page)
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

func (a *api) exclusions(ctx context.Context, person staff.Person, in *PageOf) (*exclusionsOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	var exclusions []bulk.Exclusion
	if in.Page <= op.Plan.Pages {
		if exclusions, err = a.engine.Operations.Exclusions(ctx, op.ID, op.Plan.Run, in.Page); err != nil {
			return nil, err
		}
	}
	out := &exclusionsOut{}
	out.Body.Paged = Paged{in.Page, op.Plan.Pages, op.Plan.Excluded}
	out.Body.Exclusions = []ExclusionView{}
	for _, x := range exclusions {
		out.Body.Exclusions = append(out.Body.Exclusions, ExclusionView{x.Subject, x.Name, x.Row, x.Code, x.Sentence})
	}
	return out, nil
}

func (a *api) outcomes(ctx context.Context, person staff.Person, in *PageOf) (*outcomesOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	directory, err := a.engine.Registry.Directory(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := a.engine.PageOfLines(ctx, op, in.Page)
	if err != nil {
		return nil, err
	}
	out := &outcomesOut{}
	out.Body.Paged = Paged{in.Page, op.Plan.Batches, op.Plan.Changes}
	out.Body.Outcomes = []OutcomeView{}
	for _, l := range lines {
		c, o := l.Change, l.Outcome
		out.Body.Outcomes = append(out.Body.Outcomes, OutcomeView{c.Subject, c.Name, c.Facility, report.Words(c, directory), o.State, o.Code, o.Sentence, o.Retryable})
	}
	return out, nil
}

// csv answers with the file of that name about an operation.
func (a *api) csv(name string) func(context.Context, staff.Person, *OperationID) (*csvOut, error) {
	return func(ctx context.Context, person staff.Person, in *OperationID) (*csvOut, error) {
		op, err := a.visible(ctx, person, in.ID)
		if err != nil {
			return nil, err
		}
		saved, content, err := report.File(ctx, a.engine, person, op, name)
		if err != nil {
			return nil, err
		}
		journal.Note(ctx).Target = saved
		return &csvOut{"text/csv; charset=utf-8; header=present", `attachment; filename="` + saved + `"`, content}, nil
	}
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
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	out := &auditOut{}
	out.Body.Records = []audit.Record{}
	more := false
	for r, err := range first(a.audit.ForOperationAfter(ctx, op.ID, in.After), in.Most, &more) {
		if err != nil {
			return nil, err
		}
		out.Body.Records = append(out.Body.Records, r)
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
