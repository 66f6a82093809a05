package portal

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/kind"
)

// operationData is everything the page of an operation shows, whatever state
// the operation is in.
type operationData struct {
	Op    bulk.Operation
	Kind  kind.Kind
	State bulk.StateText
	Mine  bool
	Later bool // it was approved and waits for its start

	MaySubmit, MayDecide, MayTakeBack, MayEdit, MayReassign, MayStop, MayRollBack bool

	Asked    []bulk.Person // who will be asked to approve, once it is sent
	Plan     *planPart     // nil while there is none
	Overlap  *overlapPart  // before it runs
	Progress *progressData // once it runs
	Results  *resultsPart  // once it has run
	File     *filePart     // of an export that has run
	Tasks    *tasksPart    // what people have to do now that it has run; nil for none
	Events   []bulk.Event
}

// progressData is how far a run is.
type progressData struct {
	Op           bulk.Operation
	Tally        bulk.Tally
	Attempted    int
	NotAttempted int
	Percent      int // 100 only when everything is counted
	Elapsed      string
	Ended        bool
	Export       bool
}

// theOperation reads the operation of the address; one that the person may not
// see is the same as an unknown one.
func (rq *request) theOperation() (bulk.Operation, kind.Kind, error) {
	op, err := rq.engine.Visible(rq.ctx(), rq.person, strings.ToUpper(rq.r.PathValue("operation")))
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

// theSubjects reads the operation of the address for a page that says who its
// subjects are.
func (rq *request) theSubjects() (bulk.Operation, kind.Kind, error) {
	op, k, err := rq.theOperation()
	if err == nil {
		err = rq.engine.MayNotReadSubjects(rq.person, op)
	}
	return op, k, err
}

// noteOperation is for the audit: what is asked for is about an operation that
// the person may see.
func (rq *request) noteOperation(op bulk.Operation) {
	note := journal.Note(rq.ctx())
	note.Operation, note.Kind, note.Target = op.ID, op.Kind, ""
}

func operationCrumbs(op bulk.Operation, here string) []crumb {
	if here == "" {
		return []crumb{{"Bulk Operations", "/operations"}, {op.ID, ""}}
	}
	return []crumb{{"Bulk Operations", "/operations"}, {op.ID, "/operations/" + op.ID}, {here, ""}}
}

// operation is one address for the whole life of an operation.
func operation(rq *request) error {
	op, k, err := rq.theOperation()
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := operationData{
		Op: op, Kind: k, State: k.Text(op), Mine: op.Requester.Sub == rq.person.Sub,
		MayDecide: rq.engine.MayDecideOn(rq.person, op),
	}
	data.MaySubmit = data.Mine && op.State == bulk.Ready && op.Plan.Changes > 0
	data.MayTakeBack, data.Later = rq.engine.MayNotCancel(rq.person, op) == nil, op.StartsLater(rq.Now())
	data.MayEdit = rq.person.MayRequest() && rq.engine.MayNotEdit(rq.person, op) == nil
	data.MayReassign = rq.engine.MayReassign(rq.person, op)
	data.MayStop = rq.engine.MayNotStop(rq.person, op) == nil
	if data.Progress, err = rq.progress(op); err != nil {
		return err
	}
	if op.Plan.Digest != "" {
		if data.Plan, err = rq.plan(op, d); err != nil {
			return err
		}
	}
	if data.Overlap, err = rq.overlap(op); err != nil {
		return err
	}
	if data.MaySubmit {
		if data.Asked, _, err = rq.engine.Deciders(rq.ctx(), op); err != nil {
			return err
		}
	}
	if data.Progress != nil && data.Progress.Ended {
		if data.Results, err = rq.results(op); err != nil {
			return err
		}
		data.File = rq.filePart(op, k)
		data.MayRollBack = rq.person.MayRequest() && rq.engine.MayNotReadSubjects(rq.person, op) == nil && rq.engine.MayNotFollow(rq.ctx(), op, bulk.Rollback) == nil
	}
	if data.Tasks, err = rq.tasks(op); err != nil {
		return err
	}
	if data.Events, err = rq.engine.Operations.Events(rq.ctx(), op.ID); err != nil {
		return err
	}
	pg := page{name: "operation", title: op.ID + ": " + data.State.Title, heading: op.Summary, data: data, crumbs: operationCrumbs(op, "")}
	if data.Plan != nil && data.Plan.Pages.Page > 1 {
		pg.title = fmt.Sprintf("%s, page %d of %d", pg.title, data.Plan.Pages.Page, data.Plan.Pages.Last)
	}
	if data.Results != nil {
		pg.values = url.Values{"code": data.Results.Ticked()}
	}
	pg.banner = rq.note(op)
	return rq.show(pg)
}

// progress counts how far a run is; nil for one that has not begun.
func (rq *request) progress(op bulk.Operation) (*progressData, error) {
	if op.Started.IsZero() {
		return nil, nil
	}
	tally, err := rq.engine.Progress(rq.ctx(), op)
	if err != nil {
		return nil, err
	}
	p := &progressData{Op: op, Tally: tally, Attempted: tally.Attempted(), NotAttempted: op.NotAttempted(tally), Ended: op.State.Ended(), Export: op.Plan.Rows != nil}
	end := rq.Now()
	if p.Ended {
		end = op.Ended
	}
	p.Elapsed = elapsed(end.Sub(op.Started))
	if op.Plan.Changes > 0 {
		p.Percent = p.Attempted * 100 / op.Plan.Changes
	}
	if !p.Ended {
		p.Percent = min(p.Percent, 99) // 100 is for a run whose results are there
	}
	return p, nil
}

// stateHeader tells the script in which state the operation is, so that it
// loads the page again when that has changed.
const stateHeader = "Bulkops-State"

// progressPart is the part of the page that the script puts in place.
func progressPart(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	p, err := rq.progress(op)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if p != nil {
		if err := rq.pages["operation"].ExecuteTemplate(&text, "progress", p); err != nil {
			return err
		}
	}
	rq.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	rq.w.Header().Set(stateHeader, string(op.State))
	_, _ = rq.w.Write(text.Bytes())
	return nil
}
