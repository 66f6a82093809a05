package portal

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
)

const (
	patientsPerPage = 50
	// listCap is how many patients a list holds; of more it says so. It bounds
	// the work for a page whatever the size of the registry.
	listCap  = 10_000
	listKept = 12 * time.Hour
)

// listFields are those of the forms on the list of patients.
var listFields = append([]string{"do", "shown", "tick"}, filterFields...)

// patientList is a list of patients with what is ticked. It is kept on the
// server under an opaque id, so that neither names nor ids stand in an address,
// and the selection survives paging, another filter and another sign-in.
type patientList struct {
	Owner  string          `json:"owner"`
	Filter registry.Filter `json:"filter"`
	Found  []string        `json:"found"` // who matched, at most listCap
	More   bool            `json:"more"`  // others match too
	At     time.Time       `json:"at"`    // when they were looked up

	All     bool     `json:"all"`    // everybody who matches is selected …
	Except  []string `json:"except"` // … but for these
	Picked  []string `json:"picked"` // selected one by one, by whatever filter
	Dropped bool     `json:"dropped,omitempty"`
}

// Selected counts the selection. With More it is a lower bound.
func (l patientList) Selected() int {
	if l.All {
		return len(l.Found) - len(l.Except)
	}
	return len(l.Picked)
}

func (l patientList) ticked(id string) bool {
	if l.All {
		return !slices.Contains(l.Except, id)
	}
	return slices.Contains(l.Picked, id)
}

// set ticks or unticks one patient.
func (l *patientList) set(id string, on bool) {
	ids, add := &l.Picked, on
	if l.All {
		ids, add = &l.Except, !on
	}
	at := slices.Index(*ids, id)
	switch {
	case add && at < 0:
		*ids = append(*ids, id)
	case !add && at >= 0:
		*ids = slices.Delete(*ids, at, at+1)
	}
}

// patientRow is one patient as a list shows them.
type patientRow struct {
	registry.Patient
	FacilityName, ProviderName string
	NextVisit                  string
	Ticked                     bool
}

type patientsData struct {
	List       patientList
	Choices    choices
	Words      []string // what the filter says
	Rows       []patientRow
	Pages      pager
	PageTick   bool // everybody on this page is ticked
	MayAsk     bool
	Narrowed   bool // a filter is set
	Unassigned bool // only those who have no provider
	NoneHeld   bool
	CountText  string
}

// unassigned are the patients who wait for a provider.
var unassigned = registry.Filter{Provider: registry.Nobody}

// listOf reads the list of the request; a fresh one, with the filter of the
// address, where that names none.
func (rq *request) listOf() (patientList, string, error) {
	id := rq.r.PathValue("list")
	if id == "" {
		l := patientList{Owner: rq.person.Sub, Filter: rq.route.filter}
		return l, "", rq.look(&l)
	}
	var l patientList
	err := rq.getLarge(rq.ctx(), keepPatients, id, &l)
	if fault.Is(err, fault.NotFound) || err == nil && l.Owner != rq.person.Sub {
		return l, id, fault.New(fault.NotFound, "This list of patients is no longer kept. Open Patients from the menu and set the filter again.")
	}
	return l, id, err
}

// look finds who matches the list's filter.
func (rq *request) look(l *patientList) error {
	var err error
	l.Found, l.More, err = rq.engine.Find(rq.ctx(), rq.person, l.Filter, listCap)
	l.At = rq.Now()
	if fault.Is(err, fault.Forbidden) && len(l.Filter.Facilities) == 0 {
		return nil // holds no facility: an empty list that says so
	}
	return err
}

// patients shows a page of the list.
func patients(rq *request) error {
	l, _, err := rq.listOf()
	if err != nil {
		return err
	}
	return rq.showPatients(l, nil)
}

func (rq *request) showPatients(l patientList, wrong engine.Problems) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	pages := pagesOf(len(l.Found), patientsPerPage, rq.r.URL.Query().Get("page"))
	pages.InForm = true
	data := patientsData{List: l, Choices: rq.choices(d), Words: filterWords(l.Filter, d), Pages: pages,
		MayAsk: rq.person.MayRequest(), Narrowed: !l.Filter.Empty(), Unassigned: l.Filter.Provider == registry.Nobody}
	data.NoneHeld = len(data.Choices.Facilities) == 0
	ids := l.Found[pages.From:pages.To]
	found, err := rq.engine.Registry.Patients(rq.ctx(), ids)
	if err != nil {
		return err
	}
	data.PageTick = len(ids) > 0
	var shown []string
	for _, id := range ids {
		p, ok := found[id]
		if !ok || !rq.person.Holds(p.Facility()) {
			continue // gone or transferred since the list was made
		}
		row := patientRow{Patient: p, Ticked: l.ticked(id), NextVisit: nextVisit(p, d, rq.Now()),
			FacilityName: d.Display(registry.FacilityField, p.Facility()), ProviderName: d.Display(registry.ProviderField, p.Provider())}
		data.PageTick = data.PageTick && row.Ticked
		data.Rows = append(data.Rows, row)
		shown = append(shown, id)
	}
	note := journal.Note(rq.ctx())
	note.Target = strings.TrimSpace(note.Target + " Shown: " + strings.Join(shown, " "))
	data.CountText = english.Count(len(l.Found), "patient matches", "patients match")
	if l.More {
		data.CountText = "More than " + english.Number(listCap) + " patients match"
	}
	heading := "Patients"
	if data.Unassigned {
		heading = "Patients without a provider"
	}
	title := heading
	if pages.Last > 1 {
		title = fmt.Sprintf("%s, page %s of %s", heading, english.Number(pages.Page), english.Number(pages.Last))
	}
	return rq.show(page{name: "patients", title: title, heading: heading, data: data, problems: wrong, values: filterValues(l.Filter)})
}

// nextVisit is the day of the patient's next scheduled visit in the facility's
// own time.
func nextVisit(p registry.Patient, d registry.Directory, now time.Time) string {
	f, _ := d.Facility(p.Facility())
	for _, v := range p.Visits() {
		if v.Start.After(now) {
			return localDay(v.Start, f)
		}
	}
	return ""
}

// changePatients takes a button of the list: filter, ticks, another page, or
// the way to a bulk operation with the selection.
func changePatients(rq *request) error {
	l, id, err := rq.listOf()
	if err != nil {
		return err
	}
	if id == "" {
		id = secret()
	}
	to := "/patients/lists/" + id
	do := rq.form.Get("do")
	l.Dropped = false
	// Search and list are one form: whoever ticks, searches and ticks again
	// keeps both ticks.
	ticks := rq.form["tick"]
	for _, shown := range rq.form["shown"] {
		l.set(shown, slices.Contains(ticks, shown) && do != "untick-page" || do == "tick-page")
	}
	if do == "filter" || do == "clear" {
		if err := rq.filterList(&l, do == "clear"); err != nil {
			return err
		}
		return rq.saveList(id, l, to)
	}
	switch do {
	case "all":
		l.All, l.Except, l.Picked = true, nil, nil
	case "none":
		l.All, l.Except, l.Picked = false, nil, nil
	case "bulk":
		if l.Selected() == 0 && (!l.All || !l.More) {
			return rq.showPatients(l, engine.Problems{{Field: "selection", Sentence: "No patients are selected. Tick at least one, or select all that match."}})
		}
		draft, err := rq.draftOfList(id, l)
		if err != nil {
			return err
		}
		return rq.saveList(id, l, "/operations/new?selection="+draft)
	}
	if number, ok := strings.CutPrefix(do, "page-"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			to += "?page=" + strconv.Itoa(n)
		}
	} else if n := rq.r.URL.Query().Get("page"); n != "" {
		to += "?page=" + strconv.Itoa(atoi(n))
	}
	return rq.saveList(id, l, to)
}

// filterList gives the list another filter. Who was ticked one by one stays
// selected; "everybody who matches" cannot.
func (rq *request) filterList(l *patientList, clear bool) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	var f registry.Filter
	if !clear {
		var wrong engine.Problems
		if f, wrong = rq.filterOf(rq.form, d); len(wrong) > 0 {
			if err := rq.showPatients(*l, wrong); err != nil {
				return err
			}
			return errDone
		}
	}
	l.Dropped = l.All
	l.Filter, l.All, l.Except = f, false, nil
	if err := rq.look(l); err != nil {
		return err
	}
	note := journal.Note(rq.ctx())
	note.What, note.Target = audit.PatientsSearched, searchWords(f, len(l.Found), l.More)
	return nil
}

// searchWords says for the audit by what was searched, not for what: that may
// be a name.
func searchWords(f registry.Filter, found int, more bool) string {
	given := filterValues(f)
	maps.DeleteFunc(given, func(_ string, values []string) bool { return len(values) == 0 })
	words := "Searched by: " + strings.Join(slices.Sorted(maps.Keys(given)), ", ") + ". Found: " + strconv.Itoa(found)
	if more {
		words += " and more"
	}
	return words + "."
}

func (rq *request) saveList(id string, l patientList, to string) error {
	if err := rq.putLarge(rq.ctx(), keepPatients, id, l, rq.Now().Add(listKept)); err != nil {
		return err
	}
	return rq.redirect(to)
}

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// pager is where a page stands among all: From and To index the entries.
type pager struct {
	Page, Last, From, To, Of int
	Links                    []int // page numbers to offer; 0 is a gap
	Noun                     string
	Keep                     url.Values // what else the address of a page asks for
	Section                  string     // of the page, where the list is; empty where it is the page
	InForm                   bool       // a page is asked for with a button of the form around the list
}

// pagesOf works out the page asked for; one out of range is the first.
func pagesOf(entries, size int, asked string) pager {
	p := pager{Page: atoi(asked), Last: max(1, (entries+size-1)/size), Of: entries, Noun: "Page"}
	if p.Page < 1 || p.Page > p.Last {
		p.Page = 1
	}
	p.From, p.To = (p.Page-1)*size, min(p.Page*size, entries)
	for n := 1; n <= p.Last; n++ {
		switch {
		case n == 1, n == p.Last, n >= p.Page-1 && n <= p.Page+1:
			p.Links = append(p.Links, n)
		case p.Links[len(p.Links)-1] != 0:
			p.Links = append(p.Links, 0)
		}
	}
	return p
}

// First is the number of the first entry as people count.
// Address is where a page is.
func (p pager) Address(n int) string {
	v := url.Values{"page": {strconv.Itoa(n)}}
	maps.Copy(v, p.Keep)
	u := url.URL{RawQuery: v.Encode(), Fragment: p.Section}
	return u.String()
}

func (p pager) First() int { return min(p.From+1, p.Of) }
