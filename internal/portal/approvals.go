package portal

import (
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
)

// approvals is the queue of what the person may decide on, and what was handed
// on to somebody else.
func approvals(rq *request) error {
	waiting, err := rq.decisions()
	if err != nil {
		return err
	}
	handedOn, err := rq.engine.HandedOn(rq.ctx(), rq.person)
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := struct {
		Me                string
		Waiting, HandedOn []operationRow
	}{rq.person.Sub, operationRows(waiting, d), operationRows(handedOn, d)}
	return rq.show(page{name: "approvals", title: "Approvals", data: data})
}

// reassignData is to whom a request for approval can be handed.
type reassignData struct {
	Op     bulk.Operation
	People []option
}

func reassignPage(rq *request) error { return rq.showReassign(nil, 0) }

func (rq *request) showReassign(wrong engine.Problems, status int) error {
	op, people, err := rq.engine.ToReassign(rq.ctx(), rq.person, strings.ToUpper(rq.r.PathValue("operation")))
	if fault.Is(err, fault.Conflict) {
		return rq.movedOn(op)
	}
	if err != nil {
		return err
	}
	data := reassignData{Op: op}
	for _, p := range people {
		name, note := p.Name, p.Role.Title()
		if p.Sub == rq.person.Sub {
			name += " (you)"
		}
		if op.Approval.Asks(p.Sub) {
			note += "; asked already"
		}
		if p.Away.Covers(rq.Now()) {
			note += "; away until " + english.Date(p.Away.Until)
		}
		data.People = append(data.People, option{p.Sub, name, note})
	}
	return rq.show(page{name: "reassign", title: op.ID + ": another approver", heading: "Ask another approver", data: data,
		problems: wrong, status: status, crumbs: operationCrumbs(op, "Another approver")})
}

// reassign hands the request to the one who was chosen.
func reassign(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	_, err = rq.engine.Reassign(rq.ctx(), rq.person, op.ID, rq.form.Get("to"))
	if fault.Is(err, fault.Invalid) {
		return rq.showReassign(problems(err), fault.Status(err))
	}
	return rq.afterStep(op, err, "reassigned")
}
