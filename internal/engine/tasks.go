package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/staff"
)

// Task is something that people have to do once an operation has run, and how
// far they are with it.
type Task struct {
	kind.Task
	Now bulk.Task
}

// Tasks are what people have to do after the operation; none while it has not
// ended, and where it changed nobody.
func (e *Engine) Tasks(op bulk.Operation) []Task {
	k, err := mustKind(op.Kind)
	if err != nil || !op.State.Ended() || op.Final.Done == 0 {
		return nil
	}
	var tasks []Task
	for _, t := range k.After(op.Params) {
		tasks = append(tasks, Task{t, op.Task(t.Name)})
	}
	return tasks
}

// MayDoTasks reports whether the person may give and tick the tasks of an
// operation that they may see.
func (e *Engine) MayDoTasks(actor staff.Person, op bulk.Operation) bool {
	return actor.MayRequest() && sees(actor, op)
}

// ForTasks returns everybody who may be given a task of the operation, by name:
// its requester, and who else may see it and act.
func (e *Engine) ForTasks(ctx context.Context, op bulk.Operation) ([]staff.Person, error) {
	may, err := e.people(ctx, func(p staff.Person) bool { return e.MayDoTasks(p, op) }, staff.TeamLead, staff.Manager, staff.Admin, staff.Staff)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(may, func(a, b staff.Person) int { return cmp.Compare(a.Name, b.Name) })
	return may, nil
}

// MyTasks returns the ended operations in which the person has a task that is
// open, the oldest first.
func (e *Engine) MyTasks(ctx context.Context, actor staff.Person) ([]bulk.Operation, error) {
	return e.pick(ctx, e.Operations.Open(ctx, bulk.WaitsForTasks), 100, func(op bulk.Operation) bool {
		return e.MayDoTasks(actor, op) && slices.ContainsFunc(op.Tasks, func(t bulk.Task) bool { return t.Given.Sub == actor.Sub && !t.Done() })
	})
}

// GiveTask gives a task to somebody, who is mailed, or with an empty to takes
// it from whose it is. The same again changes nothing.
func (e *Engine) GiveTask(ctx context.Context, actor staff.Person, id, name, to string) (bulk.Operation, error) {
	var given bulk.Person
	op, task, err := e.task(ctx, actor, id, name)
	if err != nil {
		return op, err
	}
	if to != "" {
		people, err := e.ForTasks(ctx, op)
		if err != nil {
			return op, err
		}
		i := slices.IndexFunc(people, func(p staff.Person) bool { return p.Sub == to })
		if i < 0 {
			return op, fault.New(fault.Invalid, "This task cannot be given to that person: choose one of those who may see this operation.")
		}
		given = person(people[i])
	}
	op, err = e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		t := op.Task(name)
		switch {
		case t.Given == given:
			return bulk.Event{}, errNothingNew
		case t.Done():
			return bulk.Event{}, errTicked(task, t)
		}
		t.Given, t.Giver = given, bulk.Person{}
		detail := task.Title + ": nobody’s any more"
		if to != "" {
			t.Giver, detail = person(actor), task.Title+": to "+given.Name
		}
		op.Set(t)
		return bulk.Event{Actor: person(actor), What: "task given", Detail: detail}, nil
	})
	if err == nil {
		e.post(ctx, op)
	}
	return op, err
}

// TickTask records that a task is done, or with done false that it is not.
// The same again changes nothing; who comes second is told who came first.
func (e *Engine) TickTask(ctx context.Context, actor staff.Person, id, name string, done bool) (bulk.Operation, error) {
	_, task, err := e.task(ctx, actor, id, name)
	if err != nil {
		return bulk.Operation{}, err
	}
	return e.update(ctx, id, func(op *bulk.Operation) (bulk.Event, error) {
		t := op.Task(name)
		switch {
		case t.Done() && done && t.By.Sub != actor.Sub:
			return bulk.Event{}, errTicked(task, t)
		case t.Done() == done:
			return bulk.Event{}, errNothingNew
		}
		what := "task reopened"
		t.By, t.At = bulk.Person{}, time.Time{}
		if done {
			t.By, t.At, what = person(actor), e.Now(), "task done"
		}
		op.Set(t)
		return bulk.Event{Actor: person(actor), What: what, Detail: task.Title}, nil
	})
}

// task returns an operation that the person may see, and one of its tasks.
func (e *Engine) task(ctx context.Context, actor staff.Person, id, name string) (bulk.Operation, kind.Task, error) {
	op, err := e.Visible(ctx, actor, id)
	if err != nil {
		return op, kind.Task{}, err
	}
	if !e.MayDoTasks(actor, op) {
		return op, kind.Task{}, fault.New(fault.Forbidden, "You may read this operation, but not see to its tasks: that takes the right Staff or higher.")
	}
	for _, t := range e.Tasks(op) {
		if t.Name == name {
			return op, t.Task, nil
		}
	}
	return op, kind.Task{}, fault.New(fault.NotFound, "%s has no such task. Tasks are there once an operation has run and changed somebody.", op.ID)
}

func errTicked(t kind.Task, now bulk.Task) error {
	return fault.New(fault.Conflict, "%s ticked “%s” at %s. Nothing new was recorded.", now.By.Name, t.Title, english.At(now.At))
}
