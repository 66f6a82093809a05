package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/bulk"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
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
	Code    bulk.ExclusionCode `json:"code" enum:"already-so,not-allowed,locked,other-facility,unknown,duplicate,too-many-records,too-many-tags,not-given,no-slot,changed-since,cannot-undo,no-provider,not-licensed,other-specialty,no-room,visit-in-the-way,no-recipient,no-address"`
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
	Code      string            `json:"code,omitempty" enum:"changed-since,locked,gone,unwritable,mail-refused,mail-unknown,mail-bounced,slot-taken,slot-passed,day-full,shut,no-room,unsuited,not-attempted"`
	Reason    string            `json:"reason,omitempty"`
	Retryable bool              `json:"retryable" doc:"Whether running it again can help."`
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

func (a *api) planRoutes(h huma.API) {
	use(a, h, reading("sample", "sample", "Read the changes of a plan that its readers are asked to check: for all of them the same"), a.sample)
	use(a, h, reading("changes", "changes", "Read a page of a plan: what will be changed, old and new"), a.changes)
	use(a, h, reading("exclusions", "exclusions", "Read a page of who cannot be changed, and why"), a.exclusions)
	use(a, h, reading("outcomes", "outcomes", "Read a page of what became of each patient"), a.outcomes)
	use(a, h, reading("notice", "notices/{notice}", "Read a page of the patients whom a message is about"), a.notice)
}

// reading describes an address below that of an operation.
func reading(id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/v1/operations/{id}/" + path, Tags: []string{"operations"}, Summary: summary}
}

// read returns an operation whose subjects the person may read, and the
// directory that has its words.
func (a *api) read(ctx context.Context, person staff.Person, id string) (bulk.Operation, registry.Directory, error) {
	op, err := a.withSubjects(ctx, person, id)
	if err != nil {
		return op, registry.Directory{}, err
	}
	directory, err := a.engine.Registry.Directory(ctx)
	return op, directory, err
}

func (a *api) sample(ctx context.Context, person staff.Person, in *OperationID) (*sampleOut, error) {
	op, directory, err := a.read(ctx, person, in.ID)
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
	op, directory, err := a.read(ctx, person, in.ID)
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

func (a *api) exclusions(ctx context.Context, person staff.Person, in *PageOf) (*exclusionsOut, error) {
	op, err := a.withSubjects(ctx, person, in.ID)
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
	op, directory, err := a.read(ctx, person, in.ID)
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
