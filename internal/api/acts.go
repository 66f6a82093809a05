package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/staff"
)

// Submitted is what a requester adds to a plan.
type Submitted struct {
	OperationID
	Body struct {
		Digest    string   `json:"digest" doc:"Of the plan that was read."`
		Reason    string   `json:"reason" doc:"Why the change is needed, 10 to 1000 characters. The approver and the auditors read it."`
		Checklist []string `json:"checklist" doc:"Every item of you.to_submit.checklist, in its words."`
		Number    int      `json:"number,omitempty" doc:"How many patients will be changed, where you.to_submit.number asks for it."`
		Start     *Start   `json:"start,omitempty" doc:"When the run begins once it is approved; without it, at once."`
		Stop      *Stop    `json:"stop,omitempty" doc:"When the run stops by itself; without it, when half of at least 200 patients were skipped or failed."`
	}
}

// Start is a moment as a clock on the wall shows it.
type Start struct {
	Date string `json:"date" example:"2027-01-31"`
	Time string `json:"time" example:"22:30"`
	Zone string `json:"zone" doc:"IANA name of the time zone." example:"America/Chicago"`
}

// Stop is when a run stops by itself.
type Stop struct {
	Percent int `json:"percent" minimum:"1" maximum:"100" doc:"Of the patients attempted, so many failed."`
	After   int `json:"after" minimum:"1" doc:"Not before so many were attempted."`
}

// Decided is an approver's answer.
type Decided struct {
	OperationID
	Body struct {
		Verdict bulk.Verdict `json:"verdict" enum:"approved,rejected"`
		Comment string       `json:"comment,omitempty" doc:"Required to reject."`
		Digest  string       `json:"digest" doc:"Of the plan that was read."`
		Stale   int          `json:"stale,omitempty" minimum:"0" doc:"What /stale answered: patients that have changed since the preview and would be skipped."`
	}
}

type staleOut struct {
	Body struct {
		Stale int `json:"stale" doc:"Patients whose records have changed since the preview. They would be skipped."`
		Of    int `json:"of"`
	}
}

func (a *api) actRoutes(h huma.API) {
	act := func(id, path, summary, description string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: "/v1/operations/{id}/" + path, Tags: []string{"operations"}, Summary: summary, Description: description}
	}
	use(a, h, act("submit", "submit", "Send a plan for approval", "The same submission again changes nothing."), a.submit)
	use(a, h, act("decide", "decision", "Approve or reject", "Of several decisions one is recorded; the others are told which (409)."), a.decide)
	use(a, h, act("stop", "stop", "Stop a run", "The changes under way are finished; no further ones begin."), a.stop)
	use(a, h, act("cancel", "cancel", "Take a request back", "Possible until it runs: for its requester, and once it is approved also for whoever may approve it."), a.cancel)
	use(a, h, act("rerun", "rerun", "Plan it again for those who were not changed",
		"For an operation that has run and ended: a new one with the same change, for the patients for whom another run can help, or for those who were left for the reasons that are named. Each reason is run again once: while a rerun for it is open, or once one has run, go on from that one (409)."), a.rerun)
	use(a, h, act("rollback", "rollback", "Plan its reverse",
		"For an operation that has run and ended: a new one that restores the old values where nobody has changed them since."), a.rollback)
	use(a, h, huma.Operation{OperationID: "stale", Method: http.MethodGet, Path: "/v1/operations/{id}/stale", Tags: []string{"operations"},
		Summary: "Count the patients that have changed since the preview", Description: "An approver reads this before deciding."}, a.stale)
}

func (a *api) submit(ctx context.Context, person staff.Person, in *Submitted) (*Told, error) {
	s := engine.Submission{Digest: in.Body.Digest, Reason: in.Body.Reason, Checklist: in.Body.Checklist}
	if in.Body.Number != 0 {
		s.Typed = strconv.Itoa(in.Body.Number)
	}
	if start := in.Body.Start; start != nil {
		s.Start = engine.StartWish(*start)
	}
	if stop := in.Body.Stop; stop != nil {
		s.Stop = engine.StopWish{Percent: strconv.Itoa(stop.Percent), After: strconv.Itoa(stop.After)}
	}
	op, err := a.engine.Submit(ctx, person, in.ID, s)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

func (a *api) decide(ctx context.Context, person staff.Person, in *Decided) (*Told, error) {
	op, err := a.engine.Decide(ctx, person, in.ID, engine.DecisionRequest{
		Verdict: in.Body.Verdict, Comment: in.Body.Comment, Digest: in.Body.Digest, Stale: in.Body.Stale,
	})
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

func (a *api) stop(ctx context.Context, person staff.Person, in *OperationID) (*Told, error) {
	op, err := a.engine.Stop(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

func (a *api) cancel(ctx context.Context, person staff.Person, in *OperationID) (*Told, error) {
	op, err := a.engine.Cancel(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

// Followed asks for an operation made from one that has ended.
type Followed struct {
	OperationID
	Key string `header:"Idempotency-Key" required:"true" minLength:"16" maxLength:"64" doc:"Made anew for each request; the same key again gives the same operation."`
}

// RunAgain asks for a rerun.
type RunAgain struct {
	Followed
	Body *struct {
		Codes []string `json:"codes,omitempty" doc:"The reasons, as left names them; without any, those for which another run can help."`
	}
}

func (a *api) rerun(ctx context.Context, person staff.Person, in *RunAgain) (*Told, error) {
	var codes []string
	if in.Body != nil {
		codes = in.Body.Codes
	}
	return a.again(ctx, person, in.Followed, bulk.Rerun, codes...)
}

func (a *api) rollback(ctx context.Context, person staff.Person, in *Followed) (*Told, error) {
	return a.again(ctx, person, *in, bulk.Rollback)
}

func (a *api) again(ctx context.Context, person staff.Person, in Followed, as bulk.LinkKind, codes ...string) (*Told, error) {
	op, err := a.engine.Again(ctx, person, in.ID, as, in.Key, codes...)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

func (a *api) stale(ctx context.Context, person staff.Person, in *OperationID) (*staleOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	out := &staleOut{}
	out.Body.Of = op.Plan.Changes
	out.Body.Stale, err = a.engine.Stale(ctx, op)
	return out, err
}
