package portal

import (
	"net/http"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// tasksPart is what people have to do after an operation, and how far they are.
type tasksPart struct {
	Op     bulk.Operation
	Token  string
	Tasks  []engine.Task
	Open   int
	May    bool           // give and tick them
	People []staff.Person // to whom they can be given
	Wrong  engine.Problems
}

// Problem is what is wrong with a field of the tasks, or "".
func (p *tasksPart) Problem(field string) string {
	for _, w := range p.Wrong {
		if w.Field == field {
			return w.Sentence
		}
	}
	return ""
}

// tasks returns the tasks of an operation; nil where it has none.
func (rq *request) tasks(op bulk.Operation) (*tasksPart, error) {
	part := &tasksPart{Op: op, Token: rq.session.Token, Tasks: rq.engine.Tasks(op), May: rq.engine.MayDoTasks(rq.person, op)}
	if len(part.Tasks) == 0 {
		return nil, nil
	}
	for _, t := range part.Tasks {
		if !t.Now.Done() {
			part.Open++
		}
	}
	var err error
	if part.May {
		part.People, err = rq.engine.ForTasks(rq.ctx(), op)
	}
	return part, err
}

// tasksPage shows the tasks alone: where the mail about one leads.
func tasksPage(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	return rq.showTasks(op, nil, 0)
}

func (rq *request) showTasks(op bulk.Operation, wrong engine.Problems, status int) error {
	part, err := rq.tasks(op)
	if err != nil {
		return err
	}
	if part == nil && wrong == nil {
		return rq.redirect("/operations/" + op.ID)
	}
	if part != nil {
		part.Wrong = wrong
	}
	pg := page{name: "tasks", title: op.ID + ": tasks", heading: "Tasks after " + op.ID, data: part, problems: wrong, status: status,
		crumbs: operationCrumbs(op, "Tasks")}
	pg.banner = rq.note(op)
	return rq.show(pg)
}

// seeToTask gives a task to somebody, ticks it, or takes the tick away.
func seeToTask(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	task, note := rq.form.Get("task"), "task-given"
	switch rq.form.Get("act") {
	case "give":
		to := rq.form.Get("to")
		if to == "" && op.Task(task).Given.Sub == "" {
			return rq.showTasks(op, engine.Problems{{Field: "to-" + task, Sentence: "Choose who gets this task."}}, http.StatusUnprocessableEntity)
		}
		_, err = rq.engine.GiveTask(rq.ctx(), rq.person, op.ID, task, to)
	case "done":
		note = "task-done"
		_, err = rq.engine.TickTask(rq.ctx(), rq.person, op.ID, task, true)
	case "reopen":
		note = "task-reopened"
		_, err = rq.engine.TickTask(rq.ctx(), rq.person, op.ID, task, false)
	default:
		err = fault.New(fault.Invalid, "Choose what to do with a task: use its buttons.")
	}
	return rq.afterForm(err, "/operations/"+op.ID+"/tasks?note="+note, func(wrong engine.Problems, status int) error {
		now, err := rq.engine.Visible(rq.ctx(), rq.person, op.ID)
		if err != nil {
			return err
		}
		return rq.showTasks(now, wrong, status)
	})
}
