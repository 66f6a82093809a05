package portal

import (
	"fmt"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// resultsPart is what became of an operation that has run: those who were not
// changed, by reason.
type resultsPart struct {
	Op       bulk.Operation
	Groups   []outcomeGroup
	Lists    bool   // the person may read who they are
	MayRerun bool   // for at least one of the reasons
	Key      string // of the form that asks for it
}

// Ticked are the reasons for which a rerun is offered with a tick: where it can
// help.
func (p *resultsPart) Ticked() (codes []string) {
	for _, g := range p.Groups {
		if g.Retryable && g.AgainAs == "" {
			codes = append(codes, g.Code)
		}
	}
	return codes
}

// RunAgainAs are the reruns that are open or have run.
func (p *resultsPart) RunAgainAs() (ids []string) {
	for _, g := range p.Groups {
		if g.AgainAs != "" && !slices.Contains(ids, g.AgainAs) {
			ids = append(ids, g.AgainAs)
		}
	}
	return ids
}

// outcomeGroup is those who were not changed for one reason.
type outcomeGroup struct {
	engine.Left
	Title  string
	Remedy string
}

// outcomeRemedies say what somebody can do about those who were not changed.
var outcomeRemedies = map[string]string{
	bulk.ChangedSince: "Somebody changed these records after the plan was made, so they were left as they are. Look at them, and ask again for those that still need the change.",
	bulk.LockedSince:  "Ask whoever locked these records to unlock them, then ask again for these patients.",
	bulk.Gone:         "These records were removed after the plan was made. Nothing has to be done.",
	bulk.Unwritable:   "These records cannot take the change. Tell your administrator the operation's number.",
	bulk.MailRefused:  "These messages were not sent. Let an administrator check the addresses, then run it again for these recipients.",
	bulk.MailUnknown:  "No answer came back when these messages were sent, so nobody knows whether they were. Ask the recipients. Only if nothing arrived, run it again for this reason.",
	bulk.MailBounced:  "These messages were sent, and their addresses did not take them. Let an administrator check the addresses, then run it again for these recipients.",
	bulk.SlotTaken:    "Somebody took these times after the plan was made, so nothing was changed for these patients. Run it again for them: the new plan finds other times, or says why not.",
	bulk.SlotPassed:   "The time of these visits came before the run got to them, so nothing was changed for these patients. Run it again for them: the new plan leaves alone what has passed, and finds other times for new visits, or says why not.",
	bulk.DayFull:      "These providers were given other visits after the plan was made, as many as they see a day. Nothing was changed for these patients. Run it again for them: the new plan finds other days, or says why not.",
	bulk.Shut:         "Days off or hours were changed after the plan was made, so nothing was changed for these patients. Run it again for them: the new plan finds other times, or says why not.",
	bulk.NoRoomLeft:   "Others were given these places after the plan was made, so nothing was changed for these patients. Make room or raise the limit, then run it again for them, or choose another provider or facility.",
	bulk.Unsuited:     "These providers stopped working, or working there, after the plan was made, so nothing was changed for these patients. Ask again with another provider.",
	bulk.Unattempted:  "The operation ended before these patients' turn. Nothing about them was changed. Ask again for them.",
}

// results groups what was not done, by reason.
func (rq *request) results(op bulk.Operation) (*resultsPart, error) {
	left, err := rq.engine.Left(rq.ctx(), op)
	if err != nil {
		return nil, err
	}
	p := &resultsPart{Op: op, Key: secret(), Lists: rq.engine.MayNotReadSubjects(rq.person, op) == nil}
	for _, l := range left {
		p.Groups = append(p.Groups, outcomeGroup{l, outcomeTitle(l.Code), outcomeRemedies[l.Code]})
		p.MayRerun = p.MayRerun || p.Lists && l.AgainAs == "" && rq.person.MayRequest()
	}
	return p, nil
}

func outcomeTitle(code string) string {
	if title, ok := bulk.OutcomeTitles[code]; ok {
		return title
	}
	return code
}

// outcomeLine is one patient who was not changed, or one recipient who was not
// written to: then Subject is the address.
type outcomeLine struct {
	Subject, Name string
	Sentence      string
}

// outcomes lists those who were not changed for one reason.
func outcomes(rq *request) error {
	op, _, err := rq.theSubjects()
	if err != nil {
		return err
	}
	if op.Started.IsZero() {
		return fault.New(fault.NotFound, "This operation has not run, so it has no outcomes.")
	}
	code := rq.r.PathValue("code")
	var all []outcomeLine
	if code == bulk.Unattempted || op.Plan.Notices > 0 {
		for l, err := range rq.engine.Lines(rq.ctx(), op) {
			if err != nil {
				return err
			}
			if l.Outcome.Reason() == code && code != "" {
				line := outcomeLine{Subject: l.Change.Subject, Name: l.Change.Name, Sentence: l.Outcome.Sentence}
				if l.Change.Notice != nil {
					line.Subject = l.Change.Notice.To
				}
				all = append(all, line)
			}
		}
	} else {
		for r, err := range rq.engine.Operations.Results(rq.ctx(), op.ID) {
			if err != nil {
				return err
			}
			for _, o := range r.Others {
				if o.Code == code {
					all = append(all, outcomeLine{Subject: o.Subject, Sentence: o.Sentence})
				}
			}
		}
	}
	if len(all) == 0 {
		return fault.New(fault.NotFound, "This operation has no outcomes of that sort.")
	}
	pages := pagesOf(len(all), 100, rq.r.URL.Query().Get("page"))
	listed := all[pages.From:pages.To]
	ids := make([]string, len(listed))
	for i, l := range listed {
		ids[i] = l.Subject
	}
	if op.Plan.Notices == 0 {
		found, err := rq.engine.Registry.Patients(rq.ctx(), ids)
		if err != nil {
			return err
		}
		for i, l := range listed {
			if p, ok := found[l.Subject]; ok && l.Name == "" && (rq.person.ReadsAll() || rq.person.Holds(p.Facility())) {
				listed[i].Name = p.Name()
			}
		}
	}
	return rq.show(page{name: "outcomes", title: fmt.Sprintf("%s: outcomes, page %d of %d", op.ID, pages.Page, pages.Last), heading: outcomeTitle(code),
		crumbs: operationCrumbs(op, "Outcomes"), data: struct {
			Op     bulk.Operation
			Remedy string
			Pages  pager
			Listed []outcomeLine
		}{op, outcomeRemedies[code], pages, listed}})
}
