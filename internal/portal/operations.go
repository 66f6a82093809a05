package portal

import (
	"fmt"
	"net/url"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

// operations lists what the person may see of the last weeks.
func operations(rq *request) error {
	const days, most, perPage = 31, 500, 25
	all, err := rq.engine.Recent(rq.ctx(), rq.person, days, most)
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	groups := stateGroups
	chosen := rq.r.URL.Query().Get("state")
	data := struct {
		Groups []stateGroup
		Chosen string
		Rows   []operationRow
		Pages  pager
		MayAsk bool
		Any    bool
		Days   int
	}{Groups: groups, MayAsk: rq.person.MayRequest(), Any: len(all) > 0, Days: days}
	var kept []bulk.Operation
	for _, g := range groups {
		if g.Name == chosen {
			data.Chosen = chosen
		}
	}
	for _, op := range all {
		if data.Chosen == "" || groupOf(op.State) == data.Chosen {
			kept = append(kept, op)
		}
	}
	data.Pages = pagesOf(len(kept), perPage, rq.r.URL.Query().Get("page"))
	data.Pages.Keep = url.Values{"state": {data.Chosen}}
	data.Rows = operationRows(kept[data.Pages.From:data.Pages.To], d)
	title := "Bulk Operations"
	if data.Pages.Last > 1 {
		title = fmt.Sprintf("Bulk Operations, page %d of %d", data.Pages.Page, data.Pages.Last)
	}
	return rq.show(page{name: "operations", title: title, heading: "Bulk Operations", data: data})
}

// stateGroup is a choice of the filter by state.
type stateGroup struct{ Name, Title string }

var stateGroups = []stateGroup{
	{"to-submit", "Being planned or ready to submit"}, {"waiting", "Waiting for approval"}, {"running", "Approved or running"},
	{"done", "Completed"}, {"look", "Ended with errors, stopped or failed"}, {"not-run", "Rejected, expired or cancelled"},
}

func groupOf(s bulk.State) string {
	switch s {
	case bulk.Planning, bulk.Ready:
		return "to-submit"
	case bulk.AwaitingApproval:
		return "waiting"
	case bulk.Scheduled, bulk.Running, bulk.Stopping:
		return "running"
	case bulk.Completed:
		return "done"
	case bulk.Rejected, bulk.Expired, bulk.Cancelled:
		return "not-run"
	}
	return "look"
}

// operationRow is an operation as lists show it.
type operationRow struct {
	bulk.Operation
	Share string // the largest part of a facility that the plan changes
}

func operationRows(ops []bulk.Operation, d registry.Directory) []operationRow {
	rows := make([]operationRow, 0, len(ops))
	for _, op := range ops {
		rows = append(rows, operationRow{Operation: op, Share: shareWords(op.Plan, d)})
	}
	return rows
}
