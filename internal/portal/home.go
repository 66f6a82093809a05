package portal

import (
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/staff"
)

// home shows what waits for the person, what runs, and what they did last.
func home(rq *request) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := struct {
		Decide                          []operationRow
		Tasks, Read, Look, Last, Active []operationRow
		MayAsk, MayApprove              bool
		Nothing                         bool
	}{MayAsk: rq.person.MayRequest(), MayApprove: rq.person.Role.AtLeast(staff.TeamLead)}
	waiting, err := rq.decisions()
	if err != nil {
		return err
	}
	data.Decide = operationRows(waiting, d)
	tasks, err := rq.engine.MyTasks(rq.ctx(), rq.person)
	if err != nil {
		return err
	}
	data.Tasks = operationRows(tasks, d)
	mine, err := rq.engine.Mine(rq.ctx(), rq.person, 50)
	if err != nil {
		return err
	}
	recent, err := rq.engine.Recent(rq.ctx(), rq.person, 8, 200)
	if err != nil {
		return err
	}
	var read, look, running []bulk.Operation
	for _, op := range mine {
		switch {
		case op.State == bulk.Ready:
			read = append(read, op)
		case groupOf(op.State) == "look" && rq.Now().Sub(op.Ended) < 7*24*time.Hour:
			look = append(look, op)
		}
	}
	for _, op := range recent {
		if groupOf(op.State) == "running" {
			running = append(running, op)
		}
	}
	data.Read, data.Look, data.Active = operationRows(read, d), operationRows(look, d), operationRows(running, d)
	data.Last = operationRows(mine[:min(10, len(mine))], d)
	data.Nothing = len(data.Decide)+len(data.Tasks)+len(data.Read)+len(data.Look) == 0
	return rq.show(page{name: "home", title: "Home", heading: "Hello, " + rq.person.Name, data: data})
}
