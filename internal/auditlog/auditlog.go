// Package auditlog answers questions to the audit log, with the rights of the
// person who asks. However large the log is, an answer reads a bounded part of
// it, and says where it stopped.
package auditlog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/staff"
)

const (
	// MostRead is how many records are read for one page.
	MostRead = 5_000
	// MostDays is how many days a question may span that is answered day by day.
	MostDays = 92
	// DefaultDays are looked at when no day is given.
	DefaultDays = 7
)

// Show is a part of what is recorded.
type Show string

const (
	Everything Show = ""
	Changes    Show = "changes"
	Outcomes   Show = "outcomes"
	ByHand     Show = "by-hand"
	Events     Show = "events"
	Views      Show = "views"
	SignIns    Show = "sign-ins"
	Refusals   Show = "refused"
)

// Shows are the parts in the order in which they are offered.
var Shows = []struct {
	Show  Show
	Title string
}{
	{Everything, "Everything"}, {Changes, "Changes of records"}, {Outcomes, "Patients exported, skipped or failed"}, {ByHand, "Changes made by hand"}, {Events, "Events of operations"},
	{Views, "Pages and files that were opened"}, {SignIns, "Sign-ins"}, {Refusals, "What was refused"},
}

// Query is a question: what is empty asks for nothing in particular.
type Query struct {
	Operation string `json:"operation,omitempty"` // id
	Patient   string `json:"patient,omitempty"`   // id
	Operator  string `json:"operator,omitempty"`  // part of the name
	Approver  string `json:"approver,omitempty"`  // part of the name
	Show      Show   `json:"show,omitempty"`
	Kind      string `json:"kind,omitempty"`     // of the operation
	Facility  string `json:"facility,omitempty"` // id
	Reason    string `json:"reason,omitempty"`   // part of it
	From      string `json:"from,omitempty"`     // UTC days, 2006-01-02, both included
	To        string `json:"to,omitempty"`
}

// byDay reports whether the log is searched day by day, because no operation and
// no patient leads to the answer: what was refused is filed under no patient.
func (q Query) byDay() bool {
	return q.Operation == "" && (q.Patient == "" || q.Show == Refusals)
}

// about reports whether the record is about the patient; what was refused names
// in its target whom somebody tried to open.
func (q Query) about(r audit.Record) bool {
	return r.Patient == q.Patient || r.Result == audit.Refused && slices.Contains(strings.Fields(r.Target), q.Patient)
}

// Check names what cannot be used at the moment now: without a last day, a
// question goes up to it.
func (q Query) Check(now time.Time) engine.Problems {
	var wrong engine.Problems
	add := func(field, sentence string) { wrong = append(wrong, kind.Problem{Field: field, Sentence: sentence}) }
	days := map[string]time.Time{}
	for field, text := range map[string]string{"from": q.From, "to": q.To} {
		if text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			add(field, "Write the day as year-month-day, for example 2026-03-31.")
		}
		days[field] = day
	}
	if len(wrong) == 0 && len(days) == 2 && days["to"].Before(days["from"]) {
		add("to", "The last day is before the first. Swap them, or correct one.")
	}
	if first, asked := days["from"]; asked && len(wrong) == 0 && q.byDay() {
		last, open := days["to"], ""
		if q.To == "" {
			last, open = now.UTC(), "Without a last day, the log is searched up to today. "
		}
		otherwise := ", or name an operation or a patient"
		if q.Patient != "" {
			otherwise = ": what was refused is searched day by day"
		}
		if last.Sub(first) >= MostDays*24*time.Hour {
			add("from", fmt.Sprintf("%sAsk for at most %d days at a time%s.", open, MostDays, otherwise))
		}
	}
	if !slices.ContainsFunc(Shows, func(s struct {
		Show  Show
		Title string
	}) bool {
		return s.Show == q.Show
	}) {
		add("show", "Choose among the listed parts of the log.")
	}
	if _, ok := kind.Find(q.Kind); !ok && q.Kind != "" {
		add("kind", "Choose among the listed types of operation.")
	}
	for field, text := range map[string]string{"operation": q.Operation, "patient": q.Patient, "operator": q.Operator, "approver": q.Approver, "reason": q.Reason, "facility": q.Facility} {
		if len(text) > 200 {
			add(field, "Shorten this to 200 characters.")
		}
	}
	slices.SortFunc(wrong, func(a, b kind.Problem) int { return strings.Compare(a.Field, b.Field) })
	return wrong
}

// days are the first and the last day that are looked at.
func (q Query) days(now time.Time) (from, to string) {
	from, to = q.From, q.To
	if !q.byDay() {
		return from, to
	}
	last := now.UTC()
	if day, err := time.Parse(time.DateOnly, to); err == nil {
		last = day
	}
	if from != "" {
		return from, last.Format(time.DateOnly)
	}
	return last.AddDate(0, 0, -DefaultDays+1).Format(time.DateOnly), last.Format(time.DateOnly)
}

// match reports whether the record is one that is asked for, whatever its
// facility.
func (q Query) match(r audit.Record) bool {
	day := r.Day()
	has := func(text, part string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(part)) }
	return (q.Operation == "" || r.Operation == q.Operation) && (q.Patient == "" || q.about(r)) &&
		(q.Kind == "" || r.Kind == q.Kind) && (q.From == "" || day >= q.From) && (q.To == "" || day <= q.To) &&
		has(r.Operator.Name, q.Operator) && has(r.Approver.Name, q.Approver) && has(r.Reason, q.Reason) && q.Show.has(r)
}

func (s Show) has(r audit.Record) bool {
	signIn := r.What == audit.SignIn || r.What == audit.SignOut
	switch s {
	case Changes:
		return r.Type == audit.Change
	case Outcomes:
		return r.Type == audit.Outcome
	case ByHand:
		return r.ByHand
	case Events:
		return r.Type == audit.Event
	case Views:
		return r.Type == audit.Access && !signIn
	case SignIns:
		return r.Type == audit.Access && signIn
	case Refusals:
		return r.Result == audit.Refused
	}
	return true
}

// Page is a part of an answer, newest first.
type Page struct {
	Records []audit.Record
	Next    string    // sort key after which the answer goes on; empty at its end
	Cut     bool      // reading stopped at MostRead: there may be more further back
	Until   time.Time // where it is cut: the oldest record that was looked at
	Read    int
}

// Log answers questions.
type Log struct {
	Engine *engine.Engine
	Reader audit.Reader
}

// Find returns a page of at most so many records that the person may see; after
// is the Next of the page before. Managers see what concerns their facilities,
// everybody their own operations, administrators and auditors all. What they may
// not see is like what is not there: of a patient or an operation of which they
// see nothing, the answer is that for an unknown id.
func (l Log) Find(ctx context.Context, actor staff.Person, q Query, after string, most int) (Page, error) {
	if wrong := q.Check(l.Engine.Now()); len(wrong) > 0 {
		return Page{}, fault.Wrap(wrong, fault.Invalid, "%s", wrong.Error())
	}
	if after != "" && !audit.IsSortKey(after) {
		return Page{}, fault.New(fault.Invalid, "The place where the list goes on cannot be read. Begin again with the newest records.")
	}
	var page Page
	may := rights{engine: l.Engine, actor: actor, known: map[string]bulk.Operation{}}
	known, err := may.know(ctx, q)
	if err != nil {
		return Page{}, err
	}
	last, until := after, time.Time{}
	for r, err := range l.walk(ctx, q, after) {
		if err != nil {
			return Page{}, err
		}
		page.Cut = page.Read == MostRead
		if page.Cut || len(page.Records) == most {
			page.Next = last
			break
		}
		last, page.Read, until = r.SortKey(), page.Read+1, r.At
		asked := q.match(r)
		if !asked && known {
			continue
		}
		sees, err := may.see(ctx, r)
		if err != nil {
			return Page{}, err
		}
		known = known || sees
		if sees && asked && q.Facility != "" {
			if sees, err = may.concerns(ctx, r, q.Facility); err != nil {
				return Page{}, err
			}
		}
		if sees && asked {
			page.Records = append(page.Records, r)
		}
	}
	if !known {
		return Page{}, nil
	}
	if page.Cut {
		page.Until = until
	}
	return page, nil
}

// Name is what a record is called by bulkops audit prove and verify.
func Name(r audit.Record) string { return r.Partition() + "/" + r.SortKey() }

// walk yields what may be asked for, newest first: of the patient, of the
// operation, else day by day.
func (l Log) walk(ctx context.Context, q Query, after string) iter.Seq2[audit.Record, error] {
	back := func(by audit.TrailKey, key string) iter.Seq2[audit.Record, error] {
		return l.Reader.Backwards(ctx, audit.Trail{By: by, Key: key}, after)
	}
	switch {
	case q.Patient != "" && q.Show != Refusals:
		return back(audit.ByPatient, q.Patient)
	case q.Operation != "":
		return merged(back(audit.ByOperation, q.Operation), back(audit.ByAccess, q.Operation))
	}
	from, to := q.days(l.Engine.Now())
	return func(yield func(audit.Record, error) bool) {
		for day := to; day >= from; day = before(day) {
			if after != "" && day > after[:min(len(after), len(day))] {
				continue // all of it comes before
			}
			for r, err := range back(audit.ByDay, day) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

func before(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "" // ends the walk
	}
	return t.AddDate(0, 0, -1).Format(time.DateOnly)
}

// merged yields two sequences, both newest first, as one.
func merged(a, b iter.Seq2[audit.Record, error]) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		nextA, stopA := iter.Pull2(a)
		defer stopA()
		nextB, stopB := iter.Pull2(b)
		defer stopB()
		x, errX, moreX := nextA()
		y, errY, moreY := nextB()
		for moreX || moreY {
			if moreX && (!moreY || errX != nil || x.SortKey() > y.SortKey()) {
				if !yield(x, errX) {
					return
				}
				x, errX, moreX = nextA()
				continue
			}
			if !yield(y, errY) {
				return
			}
			y, errY, moreY = nextB()
		}
	}
}

// rights are what somebody may see of the log.
type rights struct {
	engine *engine.Engine
	actor  staff.Person
	known  map[string]bulk.Operation // by id; without its own one that the person may not see
}

// know reports whether the answer may say how much was read: where the question
// leads to no single patient or operation; else the person must know that there
// is one, by seeing a record of it or, as a manager, a facility in its plan.
func (r rights) know(ctx context.Context, q Query) (bool, error) {
	switch {
	case r.actor.ReadsAll(), q.byDay():
		return true, nil
	case q.Patient != "" || !r.actor.Role.AtLeast(staff.Manager):
		return false, nil
	}
	op, err := r.engine.Operations.Operation(ctx, q.Operation)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	return slices.ContainsFunc(op.Plan.Facilities, r.actor.Holds), nil
}

func (r rights) see(ctx context.Context, record audit.Record) (bool, error) {
	switch {
	case r.actor.ReadsAll(), r.actor.Role.AtLeast(staff.Manager) && slices.ContainsFunc(record.Facilities(), r.actor.Holds):
		return true, nil
	case record.Operation != "":
		op, err := r.operation(ctx, record.Operation)
		return op.ID != "" && (record.Type == audit.Event || r.engine.MayNotReadSubjects(r.actor, op) == nil), err
	}
	return false, nil
}

// concerns reports whether the record is about the facility: by itself, or, as
// what happens to an operation has none, by the operation's plan.
func (r rights) concerns(ctx context.Context, record audit.Record, facility string) (bool, error) {
	own := record.Facilities()
	if len(own) > 0 || record.Type == audit.Change || record.Type == audit.Outcome || record.Operation == "" {
		return slices.Contains(own, facility), nil
	}
	op, err := r.operation(ctx, record.Operation)
	return slices.Contains(op.Plan.Facilities, facility), err
}

func (r rights) operation(ctx context.Context, id string) (bulk.Operation, error) {
	if op, asked := r.known[id]; asked {
		return op, nil
	}
	op, err := r.engine.Visible(ctx, r.actor, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return op, err
	}
	r.known[id] = op
	return op, nil
}
