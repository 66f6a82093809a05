package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"bulkops/internal/api"
	"bulkops/internal/fault"
)

type tasksCommand struct {
	named
	Task   string `arg:"" optional:"" help:"Name of one task; without it all are listed."`
	Give   string `xor:"what" placeholder:"E-MAIL" help:"Give the task to the person with this e-mail address; nobody takes it from whose it is."`
	Done   bool   `xor:"what" help:"Tick it."`
	Reopen bool   `xor:"what" help:"Take the tick away."`
}

// taskList is what the API says of an operation's tasks.
type taskList struct {
	Tasks  []api.TaskView
	People []api.TaskPerson
}

func (s tasksCommand) Run(t *terminal) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	var list taskList
	if err := c.get(s.path()+"/tasks", &list); err != nil {
		return err
	}
	act := s.Give != "" || s.Done || s.Reopen
	if act && s.Task == "" {
		return fault.New(fault.Invalid, "Say which task: bulkops tasks %s lists their names.", s.ID)
	}
	if act {
		body, err := s.body(list)
		if err != nil {
			return err
		}
		list = taskList{}
		if err := c.post(s.path()+"/tasks/"+s.Task, body, &list); err != nil {
			return err
		}
	}
	if len(list.Tasks) == 0 {
		t.say("It leaves no tasks to people.")
		return nil
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for _, task := range list.Tasks {
		if s.Task != "" && task.Name != s.Task {
			continue
		}
		far := "open"
		if task.DoneAt != nil {
			far = "done by " + task.DoneBy + " at " + clock(*task.DoneAt)
		}
		if task.GivenTo != "" {
			far += "; given to " + task.GivenTo
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", task.Name, oneLine(task.Title), oneLine(far))
	}
	return table.Flush()
}

// body is what the command asks for.
func (s tasksCommand) body(list taskList) (map[string]any, error) {
	switch {
	case s.Done, s.Reopen:
		return map[string]any{"done": s.Done}, nil
	case s.Give == "nobody":
		return map[string]any{"give_to": ""}, nil
	}
	i := slices.IndexFunc(list.People, func(p api.TaskPerson) bool { return strings.EqualFold(p.Email, s.Give) })
	if i < 0 {
		var may []string
		for _, p := range list.People {
			may = append(may, p.Email)
		}
		return nil, fault.New(fault.Invalid, "Nobody with the address %s may be given a task of this operation. These may: %s.", s.Give, strings.Join(may, ", "))
	}
	return map[string]any{"give_to": list.People[i].ID}, nil
}
