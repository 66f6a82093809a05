package portal

import (
	"bulkops/internal/bulk"
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
			"The same is planned again for those for whom this operation did not do it and for whom another run can help.",
			"You read the new plan before it is sent for approval. Nothing is changed now.",
		}},
	bulk.Rollback: {"Roll back", "Roll this operation back?", "Plan the rollback", "usa-button--secondary",
		[]string{
			"For every patient whom this operation changed, the old values are planned to be restored, cancelled visits too.",
			"Patients who have been changed since are left alone and listed, with who changed them and when.",
			"You read the plan before it is sent for approval; the same approval is needed as for the operation itself. Nothing is changed now.",
		}},
}

type followData struct {
	Op            bulk.Operation
	Sentences     []string
	Key           string
	Button, Class string

	Chosen, NotChosen []outcomeGroup // of those who were not changed, for a rerun
}

// followPage asks whether an operation is to be made from this one.
func followPage(as bulk.LinkKind) func(*request) error {
	return func(rq *request) error {
		op, _, err := rq.theOperation()
		if err != nil {
			return err
		}
		if rq.engine.MayNotFollow(rq.ctx(), op, as) != nil {
			return rq.redirect("/operations/" + op.ID + "?note=moved-on")
		}
		text := followed[as]
		data := followData{Op: op, Sentences: text.sentences, Key: secret(), Button: text.button, Class: text.class}
		if as == bulk.Rerun {
			results, err := rq.results(op)
			if err != nil {
				return err
			}
			for _, g := range results.Groups {
				if g.Retryable {
					data.Chosen = append(data.Chosen, g)
				} else {
					data.NotChosen = append(data.NotChosen, g)
				}
			}
		}
		return rq.show(page{name: "follow", title: op.ID + ": " + text.crumb, heading: text.heading, crumbs: operationCrumbs(op, text.crumb), data: data})
	}
}

// follow makes it. The same form sent twice makes one operation.
func follow(as bulk.LinkKind) func(*request) error {
	return func(rq *request) error {
		op, _, err := rq.theOperation()
		if err != nil {
			return err
		}
		made, err := rq.engine.Again(rq.ctx(), rq.person, op.ID, as, rq.form.Get("key"))
		switch fault.CodeOf(err) {
		case "":
			return rq.redirect("/operations/" + made.ID)
		case fault.Conflict:
			return rq.redirect("/operations/" + op.ID + "?note=moved-on")
		}
		return err
	}
}
