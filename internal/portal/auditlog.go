package portal

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

const (
	logPerPage = 50
	logKept    = 12 * time.Hour
)

// logFields are those of the form on the audit log.
var logFields = []string{"do", "after", "operation", "patient", "operator", "approver", "show", "kind", "facility", "reason", "from", "to"}

// auditList is a question to the audit log with the page that is shown. It is
// kept on the server under an opaque id: neither ids nor what was typed stand in
// an address.
type auditList struct {
	Owner string         `json:"owner"`
	Query auditlog.Query `json:"query"`
	Pages []string       `json:"pages"` // where each page after the first begins; the last is shown
}

func (l auditList) after() string {
	if len(l.Pages) == 0 {
		return ""
	}
	return l.Pages[len(l.Pages)-1]
}

// logRow is one audit record in words.
type logRow struct {
	changeRow
	Title, Name, KindTitle, FacilityName string
	Linked                               bool // Operation names one that can be opened
}

type logData struct {
	Query      auditlog.Query
	Shows      []option
	Kinds      []option
	Facilities []option
	Rows       []logRow
	Page       auditlog.Page
	Number     int    // of this page
	Export     string // where the file is
	Parked     *parked
	All        bool // the person sees everything

	DefaultDays, MostDays int
}

func (p *portal) auditLog() auditlog.Log { return auditlog.Log{Engine: p.engine, Reader: p.Audit} }

// listOfLog reads the question of the request; a fresh one where the address
// names none.
func (rq *request) listOfLog() (auditList, string, error) {
	id := rq.r.PathValue("log")
	l := auditList{Owner: rq.person.Sub}
	if id == "" {
		return l, "", nil
	}
	err := rq.Store.Get(rq.ctx(), keepAudit, id, &l, rq.Now())
	if fault.Is(err, fault.NotFound) || err == nil && l.Owner != rq.person.Sub {
		return l, id, fault.New(fault.NotFound, "This view of the audit log is no longer kept. Open Audit from the menu and set the filter again.")
	}
	return l, id, err
}

func auditLogPage(rq *request) error {
	l, id, err := rq.listOfLog()
	if err != nil {
		return err
	}
	return rq.showLog(l, id, nil)
}

func (rq *request) showLog(l auditList, id string, wrong engine.Problems) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := logData{Query: l.Query, Number: len(l.Pages) + 1, Kinds: []option{{"", "Any type", ""}}, Facilities: []option{{"", "Any facility", ""}}, All: rq.person.ReadsAll(),
		DefaultDays: auditlog.DefaultDays, MostDays: auditlog.MostDays}
	for _, s := range auditlog.Shows {
		data.Shows = append(data.Shows, option{string(s.Show), s.Title, ""})
	}
	for _, k := range kind.All {
		data.Kinds = append(data.Kinds, option{k.Name, k.Title, ""})
	}
	for _, f := range d.Facilities {
		if rq.person.ReadsAll() || rq.person.Holds(f.ID) {
			data.Facilities = append(data.Facilities, option{f.ID, f.Name, ""})
		}
	}
	if id != "" {
		data.Export = "/audit/logs/" + id + "/audit.csv"
	}
	if data.All {
		if data.Parked, err = rq.parked(); err != nil {
			return err
		}
	}
	if len(wrong) == 0 {
		if data.Page, err = rq.auditLog().Find(rq.ctx(), rq.person, l.Query, l.after(), logPerPage); err != nil {
			return err
		}
	}
	names, err := rq.auditLog().Names(rq.ctx(), data.Page.Records)
	if err != nil {
		return err
	}
	for _, r := range data.Page.Records {
		data.Rows = append(data.Rows, logRowOf(r, names))
	}
	rq.noteLog(l.Query, len(data.Rows))
	title := "Audit log"
	if data.Number > 1 {
		title = "Audit log, page " + english.Number(data.Number)
	}
	return rq.show(page{name: "audit-log", title: title, heading: "Audit log", data: data, problems: wrong, values: logValues(l.Query)})
}

// noteLog is for the audit: by what was asked for, never the words themselves,
// which may be a name.
func (rq *request) noteLog(q auditlog.Query, found int) {
	asked := logValues(q)
	maps.DeleteFunc(asked, func(_ string, v []string) bool { return v[0] == "" })
	by := cmp.Or(strings.Join(slices.Sorted(maps.Keys(asked)), ", "), "nothing in particular")
	words := append([]string{"Asked by: " + by}, strings.Fields(q.Operation+" "+q.Patient)...)
	journal.Note(rq.ctx()).Target = strings.Join(append(words, "Shown: "+english.Count(found, "record", "records")), ". ")
}

func logRowOf(r audit.Record, n auditlog.Names) logRow {
	row := logRow{changeRow: changeRow{Record: r}, Title: auditlog.Words(r), Name: auditlog.Name(r), KindTitle: r.Kind, FacilityName: n.Display(registry.FacilityField, r.Facility),
		Linked: r.Operation != "" && !strings.ContainsAny(r.Operation, "/?#% ")}
	if k, ok := kind.Find(r.Kind); ok {
		row.KindTitle = k.Title
	}
	if r.Type == audit.Change {
		row.changeRow = changeWords(r, n)
	}
	return row
}

func logValues(q auditlog.Query) url.Values {
	return url.Values{"operation": {q.Operation}, "patient": {q.Patient}, "operator": {q.Operator}, "approver": {q.Approver}, "show": {string(q.Show)},
		"kind": {q.Kind}, "facility": {q.Facility}, "reason": {q.Reason}, "from": {q.From}, "to": {q.To}}
}

func logQuery(v url.Values) auditlog.Query {
	get := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	return auditlog.Query{Operation: strings.ToUpper(get("operation")), Patient: get("patient"), Operator: get("operator"), Approver: get("approver"),
		Show: auditlog.Show(get("show")), Kind: get("kind"), Facility: get("facility"), Reason: get("reason"), From: get("from"), To: get("to")}
}

// changeAuditLog takes a button of the log: another question, or another page of
// the answer.
func changeAuditLog(rq *request) error {
	l, id, err := rq.listOfLog()
	if err != nil {
		return err
	}
	switch rq.form.Get("do") {
	case "older":
		if after := rq.form.Get("after"); after != "" && after != l.after() {
			l.Pages = append(l.Pages, after)
		}
	case "newer":
		l.Pages = l.Pages[:max(0, len(l.Pages)-1)]
	case "newest":
		l.Pages = nil
	case "clear":
		l.Query, l.Pages = auditlog.Query{}, nil
	default:
		l.Query, l.Pages = logQuery(rq.form), nil
		if wrong := l.Query.Check(rq.Now()); len(wrong) > 0 {
			return rq.showLog(l, id, wrong)
		}
	}
	if id == "" {
		id = secret()
	}
	if err := rq.Store.Put(rq.ctx(), keepAudit, id, l, rq.Now().Add(logKept)); err != nil {
		return err
	}
	return rq.redirect("/audit/logs/" + id)
}

// auditFile is the answer as a file, without the limit of a page.
func auditFile(rq *request) error {
	l, _, err := rq.listOfLog()
	if err != nil {
		return err
	}
	var content bytes.Buffer
	file, err := rq.auditLog().WriteCSV(rq.ctx(), &content, rq.person, l.Query)
	if err != nil {
		return err
	}
	rq.noteLog(l.Query, file.Records)
	h := rq.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	_, _ = rq.w.Write(content.Bytes())
	return nil
}

// parked are stream records that could not be audited.
type parked struct {
	Count int
	More  bool // there are more than were counted
}

// mostParked bounds how many are counted.
const mostParked = 1000

func (rq *request) parked() (*parked, error) {
	var p parked
	for _, err := range rq.Parked.Names(rq.ctx(), "", "") {
		if err != nil {
			return nil, errors.Join(fault.New(fault.Internal, "list what could not be audited"), err)
		}
		if p.Count == mostParked {
			p.More = true
			break
		}
		p.Count++
	}
	return &p, nil
}
