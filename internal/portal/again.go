package portal

import (
	"net/url"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// followed says, for each way to make an operation from one that has ended,
// what its page asks.
var followed = map[bulk.LinkKind]struct {
	crumb, heading, button, class string
	sentences                     []string
}{
	bulk.Rerun: {"Run again", "Run it again for those who were not changed?", "Plan the run", "",
		[]string{
			"The same is planned again for those who were left for the reasons that you tick. Ticked to begin with are those for which another run can help.",
			"You read the new plan before it is sent for approval. Nothing is changed now.",
			"Whom the new plan leaves out is listed there with the reason. Another run does not find them any more: ask for them anew.",
		}},
	bulk.Rollback: {"Roll back", "Roll this operation back?", "Plan the rollback", "usa-button--secondary",
		[]string{
			"For every patient whom this operation changed, the old values are planned to be restored, cancelled visits too, also where their time has passed.",
			"Patients who have been changed since are left alone and listed, with who changed them and when.",
			"You read the plan before it is sent for approval; the same approval is needed as for the operation itself. Nothing is changed now.",
		}},
}

type followData struct {
	Op            bulk.Operation
	Sentences     []string
	Key           string
	Button, Class string

	Results *resultsPart // for a rerun
}

// followPage asks whether an operation is to be made from this one.
func followPage(as bulk.LinkKind) func(*request) error {
	return func(rq *request) error {
		op, _, err := rq.theSubjects()
		if err != nil {
			return err
		}
		return rq.showFollow(op, as, nil)
	}
}

func (rq *request) showFollow(op bulk.Operation, as bulk.LinkKind, wrong engine.Problems) error {
	text := followed[as]
	data := followData{Op: op, Sentences: text.sentences, Key: secret(), Button: text.button, Class: text.class}
	pg := page{name: "follow", title: op.ID + ": " + text.crumb, heading: text.heading, crumbs: operationCrumbs(op, text.crumb), problems: wrong}
	var may bool
	if as == bulk.Rerun {
		var err error
		if data.Results, err = rq.results(op); err != nil {
			return err
		}
		may, pg.values = data.Results.MayRerun, url.Values{"code": data.Results.Ticked()}
	} else {
		may = rq.engine.MayNotFollow(rq.ctx(), op, as) == nil
	}
	if !may {
		return rq.movedOn(op)
	}
	pg.data = data
	return rq.show(pg)
}

// follow makes it. The same form sent twice makes one operation.
func follow(as bulk.LinkKind) func(*request) error {
	return func(rq *request) error {
		op, _, err := rq.theSubjects()
		if err != nil {
			return err
		}
		codes := rq.form["code"]
		if as == bulk.Rerun && len(codes) == 0 {
			return rq.showFollow(op, as, engine.Problems{{Field: "code", Sentence: "Tick at least one reason."}})
		}
		made, err := rq.engine.Again(rq.ctx(), rq.person, op.ID, as, rq.form.Get("key"), codes...)
		switch fault.CodeOf(err) {
		case "":
			return rq.redirect("/operations/" + made.ID)
		case fault.Conflict:
			return rq.movedOn(op)
		case fault.Invalid:
			if as == bulk.Rerun {
				return rq.showFollow(op, as, engine.Problems{{Field: "code", Sentence: fault.Sentence(err)}})
			}
		}
		return err
	}
}
