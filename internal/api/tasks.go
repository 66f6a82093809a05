package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/staff"
)

// TaskView is something that people have to do once an operation has run.
type TaskView struct {
	Name    string     `json:"name" example:"records"`
	Title   string     `json:"title" doc:"What is so when it is done." example:"Pharmacies and records are told"`
	How     string     `json:"how"`
	GivenTo string     `json:"given_to,omitempty" doc:"Name of the person whose task it is."`
	DoneBy  string     `json:"done_by,omitempty" doc:"Name of the person who ticked it; empty while it is open."`
	DoneAt  *time.Time `json:"done_at,omitempty"`
}

// TaskPerson is somebody to whom a task can be given.
type TaskPerson struct {
	ID    string     `json:"id"`
	Name  string     `json:"name" example:"Maria Duarte"`
	Email string     `json:"email"`
	Role  staff.Role `json:"role" enum:"staff,team-lead,manager,admin"`
}

type tasksOut struct {
	Body struct {
		Tasks  []TaskView   `json:"tasks" doc:"None before the operation has run and changed somebody, and for kinds that leave nothing to people."`
		People []TaskPerson `json:"people" doc:"To whom they can be given, by name; none for who may only read."`
	}
}

// TaskSeenTo says what becomes of a task.
type TaskSeenTo struct {
	OperationID
	Task string `path:"task" maxLength:"40" example:"records"`
	Body struct {
		GiveTo *string `json:"give_to,omitempty" maxLength:"100" doc:"The id of one of people, who gets a mail; an empty one takes the task from whose it is."`
		Done   *bool   `json:"done,omitempty" doc:"Whether it is done."`
	}
}

func (a *api) taskRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "tasks", Method: http.MethodGet, Path: "/v1/operations/{id}/tasks", Tags: []string{"operations"},
		Summary: "List what people have to do after the run", Description: "With whose task each is, and who ticked it when."}, a.tasks)
	use(a, h, huma.Operation{OperationID: "see-to-task", Method: http.MethodPost, Path: "/v1/operations/{id}/tasks/{task}", Tags: []string{"operations"},
		Summary: "Give or tick a task", Description: "Of several who tick one is recorded; the others are told who (409). The same again changes nothing."}, a.seeToTask)
}

func (a *api) tasks(ctx context.Context, person staff.Person, in *OperationID) (*tasksOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	return a.tellTasks(ctx, person, op)
}

func (a *api) seeToTask(ctx context.Context, person staff.Person, in *TaskSeenTo) (*tasksOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err == nil && in.Body.GiveTo == nil && in.Body.Done == nil {
		err = fault.New(fault.Invalid, "Say to whom the task is given (give_to), whether it is done (done), or both.")
	}
	if err == nil && in.Body.GiveTo != nil {
		op, err = a.engine.GiveTask(ctx, person, in.ID, in.Task, *in.Body.GiveTo)
	}
	if err == nil && in.Body.Done != nil {
		op, err = a.engine.TickTask(ctx, person, in.ID, in.Task, *in.Body.Done)
	}
	if err != nil {
		return nil, err
	}
	return a.tellTasks(ctx, person, op)
}

func (a *api) tellTasks(ctx context.Context, person staff.Person, op bulk.Operation) (*tasksOut, error) {
	out := &tasksOut{}
	out.Body.Tasks, out.Body.People = []TaskView{}, []TaskPerson{}
	for _, t := range a.engine.Tasks(op) {
		out.Body.Tasks = append(out.Body.Tasks, TaskView{t.Name, t.Title, t.How, t.Now.Given.Name, t.Now.By.Name, moment(t.Now.At)})
	}
	if len(out.Body.Tasks) == 0 || !a.engine.MayDoTasks(person, op) {
		return out, nil
	}
	people, err := a.engine.ForTasks(ctx, op)
	for _, p := range people {
		out.Body.People = append(out.Body.People, TaskPerson{p.Sub, p.Name, p.Email, p.Role})
	}
	return out, err
}
