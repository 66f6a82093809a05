package portal

import (
	"strconv"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
)

var decisionFields = []string{"verdict", "comment", "digest", "stale"}

// decisionData is what an approver reads before deciding: the plan that the
// requester read, known by its digest.
type decisionData struct {
	Op          bulk.Operation
	Kind        kind.Kind
	State       bulk.StateText
	Plan        *planPart
	Overlap     *overlapPart
	Stale       int            // patients changed since the preview
	StaleNow    string         // the same in words
	StaleThen   string         // what would come of an approval
	Hindrance   string         // why this person cannot decide; empty when they can
	Taken       *bulk.Handover // how the request went from this person to somebody else; nil when it did not
	MayReassign bool
	Open        bool // a decision is waited for
}

// toDecide reads the operation that a mail's reference or the address names.
func (rq *request) toDecide() (bulk.Operation, kind.Kind, error) {
	ref := rq.r.PathValue("ref")
	if ref == "" {
		return rq.theOperation()
	}
	op, err := rq.engine.ByRef(rq.ctx(), rq.person, ref)
	if err != nil {
		return op, kind.Kind{}, err
	}
	rq.noteOperation(op)
	k, ok := kind.Find(op.Kind)
	if !ok {
		return op, k, fault.New(fault.Internal, "no kind %q", op.Kind)
	}
	return op, k, nil
}

// decisionPage shows what is to be decided. Opening it decides nothing.
func decisionPage(rq *request) error {
	op, k, err := rq.toDecide()
	if err != nil {
		return err
	}
	return rq.showDecision(op, k, nil, 0)
}

func (rq *request) showDecision(op bulk.Operation, k kind.Kind, wrong engine.Problems, status int) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := decisionData{Op: op, Kind: k, State: k.Text(op), Open: op.State == bulk.AwaitingApproval}
	if data.Open {
		data.Taken, data.MayReassign = op.Approval.TakenFrom(rq.person.Sub), rq.engine.MayReassign(rq.person, op)
		if err := rq.engine.MayNotDecide(rq.person, op); err != nil {
			data.Hindrance = fault.Sentence(err)
		} else if data.Stale, err = rq.engine.Stale(rq.ctx(), op); err != nil {
			return err
		}
		data.StaleNow, data.StaleThen = engine.StaleWords(op, data.Stale)
	}
	if data.Overlap, err = rq.overlap(op); err != nil {
		return err
	}
	if op.Plan.Digest != "" {
		if data.Plan, err = rq.plan(op, d); err != nil {
			return err
		}
	}
	return rq.show(page{name: "decision", title: op.ID + ": decide", heading: op.Summary, data: data, problems: wrong, status: status,
		crumbs: []crumb{{"Approvals", "/approvals"}, {op.ID, ""}}})
}

// decide takes the approver's answer. One that comes too late, or from somebody
// who may not, changes nothing and is shown what is recorded.
func decide(rq *request) error {
	op, k, err := rq.toDecide()
	if err != nil {
		return err
	}
	stale, err := strconv.Atoi(rq.form.Get("stale"))
	if err != nil {
		stale = -1 // not what anybody was told
	}
	request := engine.DecisionRequest{Verdict: bulk.Verdict(rq.form.Get("verdict")), Comment: rq.form.Get("comment"), Digest: rq.form.Get("digest"), Stale: stale}
	_, err = rq.engine.Decide(rq.ctx(), rq.person, op.ID, request)
	again := func(wrong engine.Problems, status int) error {
		now, err := rq.engine.Visible(rq.ctx(), rq.person, op.ID)
		if err != nil {
			return err
		}
		return rq.showDecision(now, k, wrong, status)
	}
	if fault.Is(err, fault.Forbidden) {
		return again(problems(err), fault.Status(err))
	}
	return rq.afterForm(err, "/operations/"+op.ID+"?note="+string(request.Verdict), again)
}
