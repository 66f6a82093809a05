package api

import (
	"context"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/report"
	"bulkops/internal/staff"
)

// Operation is an operation as the API shows it. Stored forms are not shown:
// they change with the program, this one does not.
type Operation struct {
	ID        string     `json:"id" example:"OP-0SX4K2-7QFM"`
	State     bulk.State `json:"state" enum:"planning,ready,awaiting-approval,scheduled,running,stopping,completed,completed-with-errors,stopped,failed,rejected,expired,cancelled"`
	StateSays string     `json:"state_says" doc:"What the state means and what happens next." example:"An approver has to read the plan and decide. Nothing has been changed."`
	Ended     bool       `json:"ended" doc:"Whether nothing will happen any more."`
	Cause     string     `json:"cause,omitempty" doc:"Why it failed, stopped, expired or was cancelled."`

	Kind      string            `json:"kind" example:"status-change"`
	Summary   string            `json:"summary" example:"Change status to On Hold (family request)"`
	Params    map[string]string `json:"params"`
	Selection SelectionWords    `json:"selection"`
	Requester string            `json:"requester" doc:"Name." example:"Sam Okafor"`
	Reason    string            `json:"reason,omitempty"`

	Times    Times         `json:"times"`
	Plan     *Plan         `json:"plan,omitempty" doc:"From the state ready on."`
	Approval *Approval     `json:"approval,omitempty" doc:"Since it was submitted."`
	Decision *DecisionTold `json:"decision,omitempty"`
	Start    *StartTold    `json:"start,omitempty" doc:"When it is to begin, where that was chosen; if it is approved later, it begins at once."`
	Stop     *Stop         `json:"stop,omitempty" doc:"When it stops by itself. Since it was submitted."`
	Origin   *LinkView     `json:"origin,omitempty" doc:"The operation that this one was made from."`
	Follow   []LinkView    `json:"follow,omitempty" doc:"The operations made from this one, oldest first."`
	File     *FileView     `json:"file,omitempty" doc:"Of an export, when it is complete."`
	Progress *Progress     `json:"progress,omitempty" doc:"From the start of the run on."`
	Left     []LeftView    `json:"left,omitempty" doc:"Why a run that has ended did not change everybody. Only where one operation is asked for."`
	You      You           `json:"you"`
}

// SelectionWords says how the patients were chosen, without naming any.
type SelectionWords struct {
	Source     bulk.Source `json:"source" enum:"filter,pasted,upload,picked,done,left" doc:"done and left: those whom an earlier operation did, or did not, change."`
	Words      string      `json:"words" example:"status Active; facility Riverside Clinic"`
	Count      int         `json:"count" doc:"Ids that were given; 0 for a filter."`
	Duplicates int         `json:"duplicates" doc:"Ids that were given more than once and merged."`
}

// Times are when the operation took its steps.
type Times struct {
	Requested time.Time  `json:"requested"`
	Planned   *time.Time `json:"planned,omitempty"`
	Submitted *time.Time `json:"submitted,omitempty"`
	Started   *time.Time `json:"started,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
}

// Plan is what is known of a plan without its pages.
type Plan struct {
	Digest         string                     `json:"digest" doc:"SHA-256 of the frozen plan; a submission and a decision repeat it."`
	DigestSpoken   string                     `json:"digest_spoken" doc:"Its beginning, as people compare it." example:"1a2b 3c4d 5e6f 7a8b"`
	Changes        int                        `json:"changes" doc:"Patients that will be changed."`
	ChangePages    int                        `json:"change_pages" doc:"Pages of changes and of outcomes."`
	Excluded       int                        `json:"excluded" doc:"Patients that cannot be changed."`
	ExclusionPages int                        `json:"exclusion_pages"`
	ByReason       map[bulk.ExclusionCode]int `json:"by_reason" doc:"Patients that cannot be changed, by code."`
	Facilities     []string                   `json:"facilities" doc:"Ids of the facilities touched."`
	ByFacility     map[string]int             `json:"by_facility" doc:"Patients that will be changed, by facility id."`
	Before         bulk.Counts                `json:"before" doc:"Patients by value, for each of status, provider and facility that is changed; provider and facility by id."`
	After          bulk.Counts                `json:"after" doc:"The same after the change."`
	Visits         int                        `json:"visits" doc:"Visits that will be changed with them."`
	Cancelled      int                        `json:"visits_cancelled" doc:"Those of them that will be cancelled."`
	Booked         int                        `json:"visits_booked" doc:"Those of them that will be booked."`
	Moved          int                        `json:"visits_moved" doc:"Those of them that go to another provider or facility."`
	Messages       int                        `json:"messages" doc:"Mails that will be sent: one for each recipient."`
	Concerned      int                        `json:"patients_concerned" doc:"Patients whom the messages are about."`
	ByProvider     map[string]int             `json:"by_provider" doc:"Patients that will be changed, by the provider that they have now, by id; * for all others where there are very many."`
	Shares         []ShareView                `json:"shares" doc:"Which share of all patients of each facility the plan changes, the largest first."`
	Unusual        []ShareView                `json:"unusual" doc:"Facilities of which the plan changes unusually many patients, the largest share first."`
	Rows           map[string]int             `json:"rows,omitempty" doc:"Of an export: rows by sheet, as they were when it was planned."`
	Bytes          int                        `json:"bytes,omitempty" doc:"Of an export: the length of the text in these rows. Compressed in the file it takes about half of that."`
}

// ShareView is which share of a facility's patients a plan changes.
type ShareView struct {
	Facility string `json:"facility" doc:"Id."`
	Changes  int    `json:"changes"`
	Of       int    `json:"of" doc:"All patients of the facility when it was planned; 0 where there are more than were counted."`
	Percent  int    `json:"percent" doc:"Rounded down; where of is 0, the share is below it."`
}

// Approval is who was asked and until when.
type Approval struct {
	Asked     []string      `json:"asked" doc:"Names of those for whose decision it waits, or waited."`
	Delegates []StandinView `json:"delegates" doc:"Those of them who are asked in the place of somebody who is away."`
	Expires   time.Time     `json:"expires"`
}

// StartTold is when a run is to begin.
type StartTold struct {
	At    time.Time `json:"at"`
	Zone  string    `json:"zone" example:"America/Chicago"`
	Words string    `json:"words" example:"31 Jan 2027, 22:30 (America/Chicago, UTC-06:00)"`
}

// StandinView is that somebody is asked in the place of another.
type StandinView struct {
	Name string `json:"name"`
	For  string `json:"for"`
}

// LinkView leads to an operation that was made from another, or back.
type LinkView struct {
	As        bulk.LinkKind `json:"as" enum:"rerun,rollback,edit"`
	Operation string        `json:"operation"`
}

// DecisionTold is a recorded decision.
type DecisionTold struct {
	Verdict bulk.Verdict `json:"verdict" enum:"approved,rejected"`
	By      string       `json:"by" example:"Maria Duarte"`
	At      time.Time    `json:"at"`
	Comment string       `json:"comment,omitempty"`
	Stale   int          `json:"stale" doc:"Patients the approver was told had changed since the preview."`
}

// Progress counts outcomes; together they are the plan's changes.
type Progress struct {
	Done         int `json:"done"`
	Skipped      int `json:"skipped"`
	Failed       int `json:"failed"`
	NotAttempted int `json:"not_attempted"`
	Total        int `json:"total"`
}

// LeftView counts those whom a run left as they were for one reason.
type LeftView struct {
	Code      string `json:"code" doc:"As a rerun names it." example:"locked"`
	Title     string `json:"title" example:"Locked since the preview"`
	Count     int    `json:"count"`
	Retryable bool   `json:"retryable" doc:"Whether another run can help. A rerun without codes is for all of these."`
	AgainAs   string `json:"again_as,omitempty" doc:"The rerun for them that is open or has run: go on from that one."`
}

// You says what the caller may do with the operation now.
type You struct {
	MayRead     bool           `json:"may_read_patients" doc:"Whether you may read who its patients are: not the requester who no longer holds all of their facilities."`
	MaySubmit   bool           `json:"may_submit"`
	MayCancel   bool           `json:"may_cancel"`
	MayDecide   bool           `json:"may_decide"`
	MayReassign bool           `json:"may_reassign" doc:"Whether you may hand the request to another approver."`
	MayStop     bool           `json:"may_stop"`
	MayRerun    bool           `json:"may_rerun" doc:"Whether it can be run again for somebody whom that can help. A reason for which it is run again already does not count."`
	MayRollBack bool           `json:"may_roll_back"`
	MayEdit     bool           `json:"may_edit" doc:"Whether a request can take its place."`
	ToSubmit    *WhatToConfirm `json:"to_submit,omitempty" doc:"What a submission has to carry."`
}

// WhatToConfirm is what a requester confirms with a submission.
type WhatToConfirm struct {
	Checklist []string `json:"checklist" doc:"Repeat every item in its words."`
	Number    bool     `json:"number" doc:"Whether the number of changes has to be given."`
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// operationView shows an operation to the person. Its progress is only in
// where it was read.
func (a *api) operationView(ctx context.Context, op bulk.Operation, person staff.Person, progress *bulk.Tally) Operation {
	k, _ := kind.Find(op.Kind)
	text := k.Text(op)
	v := Operation{
		ID: op.ID, State: op.State, StateSays: text.Sentence, Ended: op.State.Ended(), Cause: op.Cause,
		Kind: op.Kind, Params: op.Params, Summary: op.Summary, Requester: op.Requester.Name, Reason: op.Reason,
		Selection: SelectionWords{op.Selected.Source, op.Selected.Words, op.Selected.Count, op.Selected.Duplicates},
		Times:     Times{op.Created, moment(op.Planned), moment(op.Submitted), moment(op.Started), moment(op.Ended)},
		You:       a.mayDo(ctx, op, person),
	}
	if v.Params == nil {
		v.Params = map[string]string{}
	}
	if p := op.Plan; p.Digest != "" {
		v.File = fileView(op.File)
		v.Plan = &Plan{
			Digest: p.Digest, DigestSpoken: bulk.Speak(p.Digest), Changes: p.Changes, ChangePages: p.Batches,
			Excluded: p.Excluded, ExclusionPages: p.Pages, ByReason: present(p.ByReason), Facilities: slices.Clone(p.Facilities),
			ByFacility: present(p.ByFacility), Before: present(p.Before), After: present(p.After),
			Visits: p.Visits, Cancelled: p.Cancelled, Booked: p.Booked, Moved: p.Moved, Messages: p.Notices, Concerned: p.Listed, Rows: p.Rows, Bytes: p.Bytes,
			ByProvider: present(p.ByProvider), Shares: []ShareView{}, Unusual: []ShareView{},
		}
		for _, s := range p.Shares() {
			v.Plan.Shares = append(v.Plan.Shares, ShareView{s.Facility, s.Changes, s.Of, s.Percent})
			if s.Unusual() {
				v.Plan.Unusual = append(v.Plan.Unusual, ShareView{s.Facility, s.Changes, s.Of, s.Percent})
			}
		}
		if v.Plan.Facilities == nil {
			v.Plan.Facilities = []string{}
		}
	}
	if !op.Submitted.IsZero() {
		v.Approval = &Approval{Asked: []string{}, Delegates: []StandinView{}, Expires: op.Approval.Expires}
		for _, p := range op.Approval.Everybody() {
			v.Approval.Asked = append(v.Approval.Asked, p.Name)
		}
		for _, s := range op.Approval.Delegates {
			v.Approval.Delegates = append(v.Approval.Delegates, StandinView{s.Delegate.Name, s.For.Name})
		}
	}
	if !op.Submitted.IsZero() {
		v.Stop = &Stop{op.StopAt.Percent, op.StopAt.After}
	}
	if s := op.Start; !s.IsZero() {
		v.Start = &StartTold{s.At, s.Zone, s.String()}
	}
	if e := op.Decision; e != nil {
		v.Decision = &DecisionTold{e.Verdict, e.By.Name, e.At, e.Comment, e.Stale}
	}
	if op.Origin != nil {
		v.Origin = &LinkView{op.Origin.As, op.Origin.Operation}
	}
	for _, l := range op.Follow {
		v.Follow = append(v.Follow, LinkView{l.As, l.Operation})
	}
	if progress != nil {
		v.Progress = &Progress{progress.Done, progress.Skipped, progress.Failed, op.NotAttempted(*progress), op.Plan.Changes}
	}
	return v
}

// present is a map that is never null in JSON.
func present[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func (a *api) mayDo(ctx context.Context, op bulk.Operation, person staff.Person) You {
	own := op.Requester.Sub == person.Sub
	reads := a.engine.MayNotReadSubjects(person, op) == nil
	you := You{
		MayRead:     reads,
		MaySubmit:   own && op.State == bulk.Ready && op.Plan.Changes > 0 && person.MayRequest(),
		MayCancel:   a.engine.MayNotCancel(person, op) == nil,
		MayDecide:   a.engine.MayDecideOn(person, op),
		MayStop:     a.engine.MayNotStop(person, op) == nil,
		MayEdit:     person.MayRequest() && a.engine.MayNotEdit(person, op) == nil,
		MayReassign: a.engine.MayReassign(person, op),
		MayRerun:    reads && person.MayRequest() && a.engine.MayNotFollow(ctx, op, bulk.Rerun) == nil,
		MayRollBack: reads && person.MayRequest() && a.engine.MayNotFollow(ctx, op, bulk.Rollback) == nil,
	}
	if you.MaySubmit {
		you.ToSubmit = &WhatToConfirm{engine.ChecklistOf(op), engine.NeedsTypedNumber(op.Plan)}
	}
	return you
}

// ChangeView is what happens to one patient, or to one recipient of a
// communication.
type ChangeView struct {
	Patient  string      `json:"patient" example:"000123" doc:"Of a communication, the id of the recipient."`
	Name     string      `json:"name"`
	Facility string      `json:"facility" doc:"Id; empty for a recipient who is no facility."`
	Words    string      `json:"words" example:"Status: Active → On Hold"`
	Edits    []EditView  `json:"edits"`
	Notice   *NoticeView `json:"notice,omitempty" doc:"Only of a communication."`
}

// NoticeView is a mail as it will be sent, but for the link to the patients.
type NoticeView struct {
	Number   string `json:"number" doc:"For reading whom it is about." example:"1-1"`
	To       string `json:"to"`
	Heading  string `json:"heading"`
	Text     string `json:"text"`
	Patients int    `json:"patients" doc:"How many it is about."`
}

// EditView is the change of one record of a patient: fields before and after.
// An empty value means that the field is absent.
type EditView struct {
	Record string            `json:"record" doc:"Which part of what is kept about the patient." example:"profile"`
	Before map[string]string `json:"before"`
	After  map[string]string `json:"after"`
}

// changeView shows a change, the n-th of its batch from 0.
func changeView(c bulk.Change, batch, n int, d registry.Directory) ChangeView {
	v := ChangeView{Patient: c.Subject, Name: c.Name, Facility: c.Facility, Words: report.Words(c, d), Edits: []EditView{}}
	for _, e := range c.Edits {
		if e.Ref.IsSlot() {
			continue // it goes with its visit, and may name another patient's
		}
		v.Edits = append(v.Edits, EditView{e.Ref.Part, e.Before, e.After})
	}
	if m := c.Notice; m != nil {
		v.Notice = &NoticeView{engine.NoticeNumber(batch, n), m.To, m.Heading, m.Text, m.Patients}
	}
	return v
}
