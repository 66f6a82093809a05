package portal

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// planPart is a plan as its requester, its approver and an auditor see it: all
// of them the same. Who may not read its subjects sees the counts.
type planPart struct {
	Op       bulk.Operation
	Hidden   string // why the subjects are not shown; empty when they are
	Counts   []countTable
	Unusual  []string   // warnings
	Sample   []planLine // to check before it is decided
	Excluded []exclusionSection
	Undoes   bool // it is the plan of a rollback
	Lines    []planLine
	Pages    pager
	Ran      bool // lines carry outcomes

	// Only of an export.
	Sheets []engine.SheetRows
	Rows   int    // in all sheets
	Size   string // an estimate
}

// ForGood reports whether what the plan does cannot be undone.
func (p planPart) ForGood() bool {
	k, ok := kind.Find(p.Op.Kind)
	return ok && !k.Undoable
}

// byStatusThenTitle orders the rows of a table of counts.
func byStatusThenTitle(a, b countRow) int {
	return cmp.Or(cmp.Compare(statusOrder(a.Title), statusOrder(b.Title)), strings.Compare(a.Title, b.Title))
}

// statusOrder is where a status stands in the order in which pages show them;
// the same for all else.
func statusOrder(title string) int { return slices.Index(registry.Statuses, registry.Status(title)) }

// exclusionSection is those left out, or of a rollback a part of them.
type exclusionSection struct {
	ID, Title, Sentence string
	Count               int
	Groups              []exclusionGroup
}

// exclusionSections parts the groups of a rollback into what changed since and
// what cannot be undone; those of anything else stay together.
func exclusionSections(op bulk.Operation, groups []exclusionGroup) []exclusionSection {
	sections := []exclusionSection{{ID: "left-out", Title: "Left out", Sentence: "These cannot be changed by this operation. Nothing happens to them."}}
	if k, known := kind.Find(op.Kind); known && k.MakesFile() {
		sections[0].Sentence = "These are not in the file."
	}
	if op.Kind == kind.Rollback.Name {
		sections = []exclusionSection{
			{ID: "left-out", Title: "Changed since, left alone", Sentence: "Somebody changed these after " + op.Params[kind.Undoes] + ". Their newer values stay."},
			{ID: "not-undone", Title: "Cannot be undone", Sentence: "These stay as they are."},
		}
	}
	for _, g := range groups {
		s := &sections[len(sections)-1]
		if g.Code == bulk.ChangedAfter {
			s = &sections[0]
		}
		if g.Title == s.Title {
			g.Title = "Who they are"
		}
		s.Groups, s.Count = append(s.Groups, g), s.Count+g.Count
	}
	return slices.DeleteFunc(sections, func(s exclusionSection) bool { return s.Count == 0 })
}

// exclusionGroup is those left out for one reason.
type exclusionGroup struct {
	Code   bulk.ExclusionCode
	Title  string
	Remedy string
	Count  int
	First  []bulk.Exclusion
}

// More is how many of the group are not among the first.
func (g exclusionGroup) More() int { return g.Count - len(g.First) }

// HasRows reports whether they came from a file, so that rows can be named.
func (g exclusionGroup) HasRows() bool {
	return slices.ContainsFunc(g.First, func(x bulk.Exclusion) bool { return x.Row > 0 })
}

// remedies say what somebody can do about those left out of a plan.
var remedies = map[bulk.ExclusionCode]string{
	bulk.AlreadySo:      "Nothing has to be done.",
	bulk.NotAllowed:     "Check the status; the help lists which status may follow which. Change it in two operations where one step is not allowed.",
	bulk.Locked:         "Ask whoever locked the record to unlock it, then ask again for these patients.",
	bulk.OtherFacility:  "Ask a colleague of that facility, or an administrator for the facility.",
	bulk.UnknownSubject: "Check the id for typing mistakes and for zeros lost at its beginning.",
	bulk.Duplicate:      "Nothing has to be done: each patient is changed once.",
	bulk.TooManyEdits:   "Cancel some of the visits by hand first, then ask again.",
	bulk.ChangedAfter:   "Look at them, and change by hand what should be as it was before.",
	bulk.CannotUndo:     "Look at the audit record of the operation: it has every old value.",
	bulk.TooManyTags:    "Remove tags that are no longer needed from these patients, then ask again.",
	bulk.NotGiven:       "Upload a CSV file with a value for each of these patients, in the column that the upload page names, or choose another answer.",
	bulk.NoProvider:     "Choose a provider yourself, or ask an administrator to name a default provider for the facility.",
	bulk.NotLicensed:    "Choose a provider who works there for these patients.",
	bulk.OtherSpecialty: "Choose a provider with that specialty for these patients.",
	bulk.NoRoom:         "Choose another one for these patients, or ask an administrator whether the limit can be raised.",
	bulk.NoRecipient:    "Tell those concerned in another way, or ask an administrator to look at the directory.",
	bulk.NoAddress:      "Ask an administrator to add the address (bulkops address), then ask again for these patients.",
	bulk.NoSlot:         "Ask again for these patients with more days, another part of the day or another provider, or ask an administrator about the hours.",
	bulk.VisitInTheWay:  "Ask again for these patients with another choice for their visits. New visits can be booked afterwards.",
}

// planLine is one subject of a plan.
type planLine struct {
	Subject, Name, Facility string
	Edits                   []planEdit
	Visits                  []planVisit
	Rows                    string // of an export
	Notice                  *bulk.Notice
	Number                  string // of the notice
	Outcome                 bulk.Outcome
}

// planVisit is what happens to a visit: in one word, and in full.
type planVisit struct{ When, Word, Words string }

// planEdit is one field, old and new, in words.
type planEdit struct{ Label, Old, New string }

// inlineExclusions is how many of each group the plan's own page lists.
const inlineExclusions = 10

// plan reads a plan's summary and the page of it that the address asks for.
func (rq *request) plan(op bulk.Operation, d registry.Directory) (*planPart, error) {
	p := &planPart{Op: op, Ran: !op.Started.IsZero(), Sheets: engine.Sheets(op), Rows: bulk.AllRows(op.Plan.Rows), Size: bytesInWords(fileEstimate(op))}
	p.Pages = pagesOf(op.Plan.Batches, 1, rq.r.URL.Query().Get("page"))
	p.Pages.Noun, p.Pages.Section = "Batch", "changes"
	p.Counts, p.Unusual, p.Undoes = countTables(op.Plan, d), unusualWords(op.Plan, d), op.Kind == kind.Rollback.Name
	if err := rq.engine.MayNotReadSubjects(rq.person, op); err != nil {
		p.Hidden = fault.Sentence(err)
		return p, nil
	}
	if op.State == bulk.Ready || op.State == bulk.AwaitingApproval {
		sample, err := rq.engine.Sample(rq.ctx(), op)
		if err != nil {
			return nil, err
		}
		for _, c := range sample {
			p.Sample = append(p.Sample, lineWords(engine.Line{Change: c}, d))
		}
	}
	groups, err := rq.exclusionGroups(op)
	if err != nil {
		return nil, err
	}
	p.Excluded = exclusionSections(op, groups)
	lines, err := rq.lines(op, p.Pages.Page)
	if err != nil {
		return nil, err
	}
	for n, l := range lines {
		line := lineWords(l, d)
		line.Rows = rowWords(p.Sheets, l.Change.Extract)
		line.Number = engine.NoticeNumber(p.Pages.Page, n)
		p.Lines = append(p.Lines, line)
	}
	return p, nil
}

// rowWords says how many rows of each sheet a patient gives to an export.
func rowWords(sheets []engine.SheetRows, x *bulk.Extract) string {
	var words []string
	for _, s := range sheets {
		if x != nil {
			words = append(words, s.Title+": "+english.Number(x.Rows[s.Name]))
		}
	}
	return strings.Join(words, ", ")
}

func (rq *request) lines(op bulk.Operation, page int) ([]engine.Line, error) {
	if !op.Started.IsZero() {
		return rq.engine.PageOfLines(rq.ctx(), op, page)
	}
	changes, err := rq.engine.Changes(rq.ctx(), op, page)
	lines := make([]engine.Line, len(changes))
	for i, c := range changes {
		lines[i] = engine.Line{Change: c}
	}
	return lines, err
}

// exclusionGroups lists the first of those left out for each reason. It reads
// no further than it must.
func (rq *request) exclusionGroups(op bulk.Operation) ([]exclusionGroup, error) {
	groups := map[bulk.ExclusionCode]*exclusionGroup{}
	missing := 0
	for code, n := range op.Plan.ByReason {
		groups[code] = &exclusionGroup{Code: code, Title: exclusionTitle(code), Remedy: remedies[code], Count: n}
		missing += min(n, inlineExclusions)
	}
	read := 0
	for x, err := range rq.engine.Exclusions(rq.ctx(), op) {
		if err != nil {
			return nil, err
		}
		if g := groups[x.Code]; g != nil && len(g.First) < inlineExclusions {
			g.First = append(g.First, x)
			missing--
		}
		if read++; missing == 0 || read >= 2000 {
			break
		}
	}
	list := make([]exclusionGroup, 0, len(groups))
	for _, code := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, *groups[code])
	}
	slices.SortStableFunc(list, func(a, b exclusionGroup) int { return b.Count - a.Count })
	return list, nil
}

func exclusionTitle(code bulk.ExclusionCode) string {
	if title, ok := bulk.ExclusionTitles[code]; ok {
		return title
	}
	return string(code)
}

// lineWords puts a change in words: the patient's own fields old and new, and
// each visit with its time where it takes place.
func lineWords(l engine.Line, d registry.Directory) planLine {
	c := l.Change
	line := planLine{Subject: c.Subject, Name: c.Name, Facility: d.Display(registry.FacilityField, c.Facility), Notice: c.Notice, Outcome: l.Outcome}
	place, _ := d.Facility(c.Facility)
	touched, _ := c.Visits()
	for _, e := range c.Edits {
		switch {
		case e.Ref.IsSlot():
			continue // it goes with its visit
		case e.Creates(), e.Inverse().Creates():
			line.Edits = append(line.Edits, bookingWords(e, d))
			continue
		case e.Ref.IsVisit():
			line.Visits = append(line.Visits, visitWords(e, place, d))
			continue
		}
		for _, f := range fieldOrder(maps.Keys(e.After)) {
			if f == registry.Upcoming && touched > 0 {
				continue // the visits themselves are listed
			}
			line.Edits = append(line.Edits, planEdit{registry.Label(f), shown(d, f, e.Before[f]), shown(d, f, e.After[f])})
		}
	}
	return line
}

// fieldOrder is status first, then by label.
func fieldOrder(fields iter.Seq[string]) []string {
	return slices.SortedFunc(fields, func(a, b string) int {
		if (a == registry.StatusField) != (b == registry.StatusField) {
			if a == registry.StatusField {
				return -1
			}
			return 1
		}
		return strings.Compare(registry.Label(a), registry.Label(b))
	})
}

func shown(d registry.Directory, field, value string) string {
	return shownValue(d.Display(field, value))
}

// shownValue is a value as a page shows it.
func shownValue(value string) string {
	if value == "" {
		return "none"
	}
	if at, err := time.Parse(registry.VisitTime, value); err == nil {
		return english.Minute(at)
	}
	return english.Date(value)
}

func visitWords(e bulk.Edit, place registry.Facility, d registry.Directory) planVisit {
	v := planVisit{When: "visit", Word: "changed"}
	if at, ok := e.Ref.VisitStart(); ok {
		v.When = place.LocalTime(at)
	}
	if state := e.After[registry.VisitState]; state != "" {
		v.Word, v.Words = state, state
		return v
	}
	var words []string
	for _, f := range fieldOrder(maps.Keys(e.After)) {
		words = append(words, fmt.Sprintf("%s: %s → %s", registry.Label(f), shown(d, f, e.Before[f]), shown(d, f, e.After[f])))
	}
	v.Words = strings.Join(words, "; ")
	return v
}

// bookingWords are a visit that is booked, or that a rollback takes away.
func bookingWords(e bulk.Edit, d registry.Directory) planEdit {
	words := func(f registry.Fields) string { return cmp.Or(d.VisitWords(registry.Record{Fields: f}), "none") }
	return planEdit{strings.TrimSpace(e.Before[registry.VisitType] + e.After[registry.VisitType] + " visit"), words(e.Before), words(e.After)}
}

// VisitSummary is the side effect in a few words: "2 visits cancelled".
func (l planLine) VisitSummary() string {
	if len(l.Visits) == 0 {
		return ""
	}
	word := l.Visits[0].Word
	for _, v := range l.Visits {
		if v.Word != word {
			word = "changed"
		}
	}
	return english.Count(len(l.Visits), "visit", "visits") + " " + word
}

// leftOut lists those left out of a plan for one reason.
func leftOut(rq *request) error {
	op, _, err := rq.theSubjects()
	if err != nil {
		return err
	}
	code := bulk.ExclusionCode(rq.r.PathValue("code"))
	total := op.Plan.ByReason[code]
	if total == 0 {
		return fault.New(fault.NotFound, "Nobody was left out of this plan for that reason.")
	}
	pages := pagesOf(total, 100, rq.r.URL.Query().Get("page"))
	var list []bulk.Exclusion
	at := 0
	for x, err := range rq.engine.Exclusions(rq.ctx(), op) {
		if err != nil {
			return err
		}
		if x.Code != code {
			continue
		}
		if at >= pages.From {
			list = append(list, x)
		}
		if at++; at >= pages.To {
			break
		}
	}
	title := fmt.Sprintf("%s: left out, page %d of %d", op.ID, pages.Page, pages.Last)
	return rq.show(page{name: "left-out", title: title, heading: "Left out: " + strings.ToLower(exclusionTitle(code)), crumbs: operationCrumbs(op, "Left out"),
		data: struct {
			Op    bulk.Operation
			Group exclusionGroup
			Pages pager
		}{op, exclusionGroup{Code: code, Title: exclusionTitle(code), Remedy: remedies[code], Count: total, First: list}, pages}})
}
