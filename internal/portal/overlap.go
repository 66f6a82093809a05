package portal

import (
	"fmt"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
)

// overlapPart is what pages say of the operations on their way that change the
// same patients.
type overlapPart struct {
	Op    bulk.Operation
	With  []engine.Overlap
	Lists bool // the person may read who the patients are
}

// overlap reads it; nil where there is nothing to say.
func (rq *request) overlap(op bulk.Operation) (*overlapPart, error) {
	found, err := rq.engine.Overlaps(rq.ctx(), rq.person, op)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &overlapPart{op, found, rq.engine.MayNotReadSubjects(rq.person, op) == nil}, nil
}

// overlapPage lists the patients whom two operations are to change.
func overlapPage(rq *request) error {
	op, _, err := rq.theSubjects()
	if err != nil {
		return err
	}
	other := strings.ToUpper(rq.r.PathValue("other"))
	asked := rq.r.URL.Query().Get("page")
	o, changes, err := rq.engine.OverlapPage(rq.ctx(), rq.person, op, other, pagesOf(op.Plan.Changes, bulk.BatchSize, asked).Page)
	if err != nil {
		return err
	}
	pages := pagesOf(o.Patients, bulk.BatchSize, asked)
	if len(changes) == 0 { // a page that is not there: the first instead
		if _, changes, err = rq.engine.OverlapPage(rq.ctx(), rq.person, op, other, pages.Page); err != nil {
			return err
		}
	}
	title := fmt.Sprintf("%s: patients also in %s, page %d of %d", op.ID, o.With.ID, pages.Page, pages.Last)
	return rq.show(page{name: "overlap", title: title, heading: "Patients who are also in " + o.With.ID, crumbs: operationCrumbs(op, "Also in "+o.With.ID),
		data: overlapList{op, o, changes, pages}})
}

type overlapList struct {
	Op     bulk.Operation
	Other  engine.Overlap
	Listed []bulk.Change
	Pages  pager
}
