package portal

import (
	"fmt"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
)

const (
	auditPerPage = 100
	// auditRead bounds how many audit records are read for one page.
	auditRead = 20_000
)

// auditData is the audit record of an operation: the eight fields that the
// guide names, as they stand in the audit log and not as the operation says.
type auditData struct {
	Op                  bulk.Operation
	Type                string
	First, Last         time.Time
	Operator, Approver  string
	Reason              string
	Patients            int // different ones in the records read
	Records             int
	More                bool // there are records beyond those read
	Rows                []changeRow
	Pages               pager
	StillWritten, Empty bool
	Done                int // patients that the operation changed
}

// auditRecord shows what the audit log holds of an operation.
func auditRecord(rq *request) error {
	op, k, err := rq.theOperation()
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	p, err := rq.progress(op)
	if err != nil {
		return err
	}
	data := auditData{Op: op, Type: k.Title + ": " + k.Summary(op.Params, d)}
	if p != nil {
		data.Done = p.Tally.Done
	}
	wanted := max(1, atoi(rq.r.URL.Query().Get("page")))
	from, to := (wanted-1)*auditPerPage, wanted*auditPerPage
	patients := map[string]bool{}
	for r, err := range rq.Audit.ForOperation(rq.ctx(), op.ID) {
		if err != nil {
			return err
		}
		if r.Type != audit.Change {
			continue
		}
		if data.Records == auditRead {
			data.More = true
			break
		}
		if data.Records == 0 {
			data.First, data.Operator, data.Approver, data.Reason = r.At, r.Operator.Name, r.Approver.Name, r.Reason
		}
		data.Last = r.At
		if r.Patient != "" { // a slot is no patient's
			patients[r.Patient] = true
		}
		if data.Records >= from && data.Records < to {
			data.Rows = append(data.Rows, changeWords(r, d))
		}
		data.Records++
	}
	data.Patients = len(patients)
	data.Pages = pagesOf(data.Records, auditPerPage, fmt.Sprint(wanted))
	data.Empty = data.Records == 0
	data.StillWritten = !data.More && data.Patients < data.Done
	title := op.ID + ": audit record"
	if data.Pages.Last > 1 {
		title = fmt.Sprintf("%s, page %d of %d", title, data.Pages.Page, data.Pages.Last)
	}
	return rq.show(page{name: "audit", title: title, heading: "Audit record of " + op.ID, data: data, crumbs: operationCrumbs(op, "Audit record")})
}
