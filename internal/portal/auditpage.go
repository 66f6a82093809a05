package portal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/kind"
)

const (
	auditPerPage = 100
	// auditAccesses bounds how many times that somebody opened or tried something
	// are listed, the newest.
	auditAccesses = 200
)

// auditRead bounds how many changes are read for one page.
var auditRead = 20_000

// auditData is the full audit record of an operation, as it stands in the audit
// log and not as the operation says: the eight fields that the guide names, what
// happened to it, batch by batch, and who opened or tried what.
type auditData struct {
	Op                 bulk.Operation
	Type               string
	First, Last        time.Time
	Operator, Approver string
	Reason             string
	Patients           int  // different ones who were changed or exported, in the records read
	Changed            int  // records of changes, of those read
	Records            int  // of changes and of outcomes, that were read
	More               bool // there are records beyond those read
	Rows               []changeRow
	Pages              pager
	StillWritten       bool
	Done               int    // patients that the operation changed or exported
	Concerned          string // where these are none: how many patients it is about all the same
	File               string // the name of the export's file, which may be deleted by now
	Story              []logRow
	OlderAccesses      bool // there are accesses before those in Story
}

// auditRecord shows what the audit log holds of an operation.
func auditRecord(rq *request) error {
	op, k, err := rq.theSubjects()
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
	names := auditlog.Names{Directory: d} // no operation changes the staff directory
	data := auditData{Op: op, Type: k.Title + ": " + op.Summary}
	if p != nil && op.Plan.Notices == 0 {
		data.Done = p.Tally.Done
	}
	data.Concerned = concernedWords(op, k)
	if op.File != nil {
		data.File = engine.FileName(op)
	}
	wanted := max(1, atoi(rq.r.URL.Query().Get("page")))
	from, to := (wanted-1)*auditPerPage, wanted*auditPerPage
	patients := map[string]bool{}
	batches := map[int]*audit.Record{} // the first record of each, which stands for it
	sizes := map[int]int{}
	for r, err := range rq.Audit.ForOperation(rq.ctx(), op.ID) {
		if err != nil {
			return err
		}
		if r.Type != audit.Change && r.Type != audit.Outcome {
			data.Story = append(data.Story, logRowOf(r, names))
			if data.Records == 0 {
				data.tell(r)
			}
			continue
		}
		if data.Records == auditRead {
			data.More = true
			if err := rq.addEventsAfter(&data, r.SortKey(), names); err != nil {
				return err
			}
			break
		}
		if data.Records == 0 {
			data.First, data.Operator, data.Approver, data.Reason = time.Time{}, "", "", ""
		}
		data.tell(r)
		if r.Patient != "" && (r.Type == audit.Change || r.What == audit.PatientExported) { // a slot is no patient's
			patients[r.Patient] = true
		}
		if r.Type == audit.Change {
			data.Changed++
			if sizes[r.Batch]++; batches[r.Batch] == nil {
				batches[r.Batch] = &r
			}
		}
		if data.Records >= from && data.Records < to {
			data.Rows = append(data.Rows, changeWords(r, names))
		}
		data.Records++
	}
	for number, first := range batches {
		data.Story = append(data.Story, logRow{changeRow: changeRow{Record: audit.Record{At: first.At, Operator: audit.Person{Name: audit.System},
			Detail: english.Count(sizes[number], "record changed", "records changed")}}, Title: "Batch " + english.Number(number)})
	}
	if err := rq.addAccesses(&data, names); err != nil {
		return err
	}
	slices.SortStableFunc(data.Story, func(a, b logRow) int { return a.Record.At.Compare(b.Record.At) })
	data.Patients = len(patients)
	data.Pages = pagesOf(data.Records, auditPerPage, fmt.Sprint(wanted))
	data.StillWritten = !data.More && data.Patients < data.Done
	title := op.ID + ": audit record"
	if data.Pages.Last > 1 {
		title = fmt.Sprintf("%s, page %d of %d", title, data.Pages.Page, data.Pages.Last)
	}
	return rq.show(page{name: "audit", title: title, heading: "Audit record of " + op.ID, data: data, crumbs: operationCrumbs(op, "Audit record")})
}

// tell takes from a record what the fields say: of the changes and outcomes, and
// of an operation that has none, of its events.
func (d *auditData) tell(r audit.Record) {
	if d.First.IsZero() {
		d.First = r.At
	}
	d.Last = r.At
	d.Operator, d.Approver, d.Reason = cmp.Or(d.Operator, r.Operator.Name), cmp.Or(d.Approver, r.Approver.Name), cmp.Or(d.Reason, r.Reason)
}

// concernedWords says how many patients an operation is about whose audit has
// none that was changed or exported, and in which way.
func concernedWords(op bulk.Operation, k kind.Kind) string {
	switch {
	case op.File != nil:
		return english.Number(op.File.Patients) + ", whose data is in the file"
	case k.MakesFile():
		return "none: no file was made; " + english.Number(op.Plan.Changes) + " in the plan"
	case op.Plan.Notices > 0:
		return english.Number(op.Plan.Listed) + ", whom the messages in the plan are about"
	}
	return "none was changed; " + english.Number(op.Plan.Changes) + " in the plan"
}

// addEventsAfter adds what happened after the record with the sort key, past the
// changes between: when, the operation says; what, the audit log.
func (rq *request) addEventsAfter(data *auditData, sortKey string, names auditlog.Names) error {
	events, err := rq.engine.Operations.Events(rq.ctx(), data.Op.ID)
	if err != nil {
		return err
	}
	moment := ""
	for _, e := range events {
		before := audit.Record{At: e.At, Type: audit.Event}.SortKey()
		if before == moment || before < sortKey {
			continue
		}
		moment = before
		for r, err := range rq.Audit.ForOperationAfter(rq.ctx(), data.Op.ID, moment) {
			if err != nil {
				return err
			}
			if r.Type != audit.Event || !strings.HasPrefix(r.SortKey(), moment) {
				break
			}
			data.Story = append(data.Story, logRowOf(r, names))
		}
	}
	return nil
}

// addAccesses adds who opened or tried something with the operation.
func (rq *request) addAccesses(data *auditData, names auditlog.Names) error {
	read := 0
	for r, err := range rq.Audit.Backwards(rq.ctx(), audit.Trail{By: audit.ByAccess, Key: data.Op.ID}, "") {
		if err != nil {
			return err
		}
		if read++; read > auditAccesses {
			data.OlderAccesses = true
			break
		}
		data.Story = append(data.Story, logRowOf(r, names))
	}
	return nil
}
