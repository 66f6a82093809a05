package portal

import (
	"net/url"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// submitData is what a requester sees last before sending a plan for approval.
type submitData struct {
	Op        bulk.Operation
	Kind      kind.Kind
	Checklist []string
	Overlap   *overlapPart
	Typed     bool          // the number has to be typed
	Zones     []string      // time zones to choose the start in
	Usual     bulk.StopRule // when a run stops by itself, unless something else is chosen
	Asked     []bulk.Person // who will be asked by mail first
	Others    int           // who else may decide
	Nobody    string        // why nobody may decide, and whom to ask
}

// submitPage asks for the reason and the checklist.
func submitPage(rq *request) error {
	op, k, err := rq.theOperation()
	if err != nil {
		return err
	}
	if op.State != bulk.Ready || op.Plan.Changes == 0 {
		return rq.redirect("/operations/" + op.ID)
	}
	if op.Requester.Sub != rq.person.Sub {
		return fault.New(fault.Forbidden, "Only %s, who asked for this operation, can send it for approval.", op.Requester.Name)
	}
	return rq.showSubmit(op, k, nil, 0)
}

func (rq *request) showSubmit(op bulk.Operation, k kind.Kind, wrong engine.Problems, status int) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := submitData{Op: op, Kind: k, Checklist: engine.ChecklistOf(op), Typed: engine.NeedsTypedNumber(op.Plan),
		Zones: zones(op, d), Usual: bulk.DefaultStopRule}
	if data.Overlap, err = rq.overlap(op); err != nil {
		return err
	}
	asked, others, err := rq.engine.Deciders(rq.ctx(), op)
	if err != nil {
		return err
	}
	data.Asked, data.Others = asked, len(others)
	if len(asked) == 0 {
		data.Nobody = fault.Sentence(rq.engine.NobodyMayDecide(rq.ctx(), op))
	}
	return rq.show(page{name: "submit", title: op.ID + ": check and send for approval", heading: "Check and send for approval", data: data,
		values: url.Values{"start_zone": data.Zones[:1]}, problems: wrong, status: status, crumbs: operationCrumbs(op, "Check and send")})
}

// zones are the time zones to choose a start in: those of the facilities that
// the plan touches, of the others, and UTC.
func zones(op bulk.Operation, d registry.Directory) []string {
	var list []string
	add := func(zone string) {
		if zone != "" && !slices.Contains(list, zone) {
			list = append(list, zone)
		}
	}
	for _, id := range op.Plan.Facilities {
		if f, ok := d.Facility(id); ok {
			add(f.TimeZone)
		}
	}
	for _, f := range d.Facilities {
		add(f.TimeZone)
	}
	add("UTC")
	return list
}

// submitFields are the fields of the form that sends a plan for approval.
var submitFields = []string{"digest", "reason", "checklist", "typed", "start_date", "start_time", "start_zone", "stop_percent", "stop_after"}

// submit sends the plan for approval. The same again leads to the same page.
func submit(rq *request) error {
	op, k, err := rq.theOperation()
	if err != nil {
		return err
	}
	_, err = rq.engine.Submit(rq.ctx(), rq.person, op.ID, engine.Submission{
		Digest: rq.form.Get("digest"), Reason: rq.form.Get("reason"), Checklist: rq.form["checklist"], Typed: rq.form.Get("typed"),
		Start: engine.StartWish{Date: rq.form.Get("start_date"), Time: rq.form.Get("start_time"), Zone: rq.form.Get("start_zone")},
		Stop:  engine.StopWish{Percent: rq.form.Get("stop_percent"), After: rq.form.Get("stop_after")},
	})
	if fault.Is(err, fault.Conflict) {
		return rq.movedOn(op)
	}
	return rq.afterForm(err, "/operations/"+op.ID, func(wrong engine.Problems, status int) error {
		return rq.showSubmit(op, k, wrong, status)
	})
}

// confirmData is a question before something that cannot be undone.
type confirmData struct {
	Op                  bulk.Operation
	Sentences           []string
	Button, ButtonClass string
}

func takeBackPage(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	if !op.State.MayBecome(bulk.Cancelled) {
		return rq.movedOn(op)
	}
	if err := rq.engine.MayNotCancel(rq.person, op); err != nil {
		return err
	}
	return rq.show(page{name: "confirm", title: op.ID + ": take back", heading: "Take this request back?", crumbs: operationCrumbs(op, "Take back"),
		data: confirmData{op, []string{"No patient has been changed, and none will be.", "What was taken back does not run, also where it was approved. It can be asked for anew with the same patients."}, "Take back " + op.ID, "usa-button--secondary"}})
}

func takeBack(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	_, err = rq.engine.Cancel(rq.ctx(), rq.person, op.ID)
	return rq.afterStep(op, err, "taken-back")
}

func stopPage(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	switch err := rq.engine.MayNotStop(rq.person, op); {
	case fault.Is(err, fault.Conflict):
		return rq.movedOn(op)
	case err != nil:
		return err
	}
	return rq.show(page{name: "confirm", title: op.ID + ": stop", heading: "Stop this operation?", crumbs: operationCrumbs(op, "Stop"),
		data: confirmData{op, []string{"Changes under way are finished; no further ones begin. What was changed stays changed, and is listed.",
			"A stopped operation does not go on by itself. When it has ended, its page offers to go on with those who are left, or to roll back those who were changed."}, "Stop " + op.ID, "usa-button--secondary"}})
}

func stop(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	_, err = rq.engine.Stop(rq.ctx(), rq.person, op.ID)
	return rq.afterStep(op, err, "stopping")
}

// afterStep leads back to the operation; what came too late is told there.
func (rq *request) afterStep(op bulk.Operation, err error, note string) error {
	switch {
	case fault.Is(err, fault.Conflict):
		return rq.movedOn(op)
	case err != nil:
		return err
	}
	return rq.redirect("/operations/" + op.ID + "?note=" + note)
}

// movedOn leads back to the operation, whose page says how it stands now: what
// was asked for or sent came too late.
func (rq *request) movedOn(op bulk.Operation) error {
	rq.notTaken("it came too late")
	return rq.redirect("/operations/" + op.ID + "?note=moved-on")
}
