package main

import (
	"cmp"
	"fmt"
	"os"
	"text/tabwriter"

	"bulkops/internal/api"
)

type changesCommand struct {
	named
	Sample bool `help:"Only the few changes that everybody who reads the plan is asked to check."`
}

func (l changesCommand) Run(t *terminal) error {
	c, op, err := l.read(t)
	if err != nil {
		return err
	}
	if op.Plan == nil {
		t.say("There is no plan: the operation is %s.", op.State)
		return errUnfinished
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	list := func(path string) error {
		var answer struct{ Changes []api.ChangeView }
		err := c.get(l.path()+path, &answer)
		for _, change := range answer.Changes {
			fmt.Fprintf(table, "%s\t%s\t%s\n", oneLine(change.Patient), oneLine(change.Name), oneLine(change.Words))
		}
		return err
	}
	if l.Sample {
		return cmp.Or(list("/sample"), table.Flush())
	}
	for page := 1; page <= op.Plan.ChangePages; page++ {
		if err := list(fmt.Sprintf("/changes?page=%d", page)); err != nil {
			return err
		}
	}
	for page := 1; page <= op.Plan.ExclusionPages; page++ {
		var answer struct{ Exclusions []api.ExclusionView }
		if err := c.get(fmt.Sprintf("%s/exclusions?page=%d", l.path(), page), &answer); err != nil {
			return err
		}
		for _, x := range answer.Exclusions {
			fmt.Fprintf(table, "%s\t%s\tleft out: %s\n", oneLine(x.Patient), oneLine(x.Name), oneLine(x.Reason))
		}
	}
	return table.Flush()
}

type outcomesCommand struct {
	named
	CSV    bool   `name:"csv" help:"As a CSV file, for a spreadsheet."`
	Only   string `enum:"outcomes,not-changed,left-out" default:"outcomes" help:"What the CSV file holds: the outcomes of everybody, or only who was not-changed by the run or left-out of the plan, in the columns of the file that was uploaded; corrected, that file can be uploaded again."`
	Output string `short:"o" help:"Write the CSV file here instead of to the terminal."`
}

func (o outcomesCommand) Run(t *terminal) error {
	c, op, err := o.read(t)
	if err != nil {
		return err
	}
	if o.CSV || o.Output != "" || o.Only != "outcomes" {
		var file []byte
		if err := c.get(o.path()+"/"+o.Only+".csv", &file); err != nil {
			return err
		}
		if o.Output == "" {
			_, err = t.out.Write(file)
			return err
		}
		// It holds patient data: for its owner only.
		if err := os.WriteFile(o.Output, file, 0o600); err != nil {
			return fmt.Errorf("write the outcomes: %w", err)
		}
		t.say("Written to %s.", o.Output)
		return nil
	}
	if op.Plan == nil {
		t.say("There are no outcomes: the operation is %s.", op.State)
		return errUnfinished
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for page := 1; page <= op.Plan.ChangePages; page++ {
		var answer struct{ Outcomes []api.OutcomeView }
		if err := c.get(fmt.Sprintf("%s/outcomes?page=%d", o.path(), page), &answer); err != nil {
			return err
		}
		for _, one := range answer.Outcomes {
			words := one.Reason
			if words == "" {
				words = one.Words
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", oneLine(one.Patient), oneLine(one.Name), one.Outcome, oneLine(words))
		}
	}
	return table.Flush()
}
