package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"bulkops/internal/api"
	"bulkops/internal/fault"
)

type reassignCommand struct {
	named
	To string `help:"E-mail address of the approver; without it those who may decide are listed."`
}

func (r reassignCommand) Run(t *terminal) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	var list struct{ Approvers []api.ApproverView }
	if err := c.get(r.path()+"/approvers", &list); err != nil {
		return err
	}
	i := slices.IndexFunc(list.Approvers, func(a api.ApproverView) bool { return strings.EqualFold(a.Email, r.To) })
	if i < 0 {
		table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
		for _, a := range list.Approvers {
			asked := ""
			if a.Asked {
				asked = "asked"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", oneLine(a.Email), oneLine(a.Name), a.Role.Title(), asked)
		}
		if err := table.Flush(); err != nil || r.To == "" {
			return err
		}
		return fault.New(fault.Invalid, "Nobody with the address %s may decide on this operation; the list has those who may.", r.To)
	}
	var op api.Operation
	if err := c.post(r.path()+"/reassign", map[string]any{"to": list.Approvers[i].ID}, &op); err != nil {
		return err
	}
	t.say("%s now waits for %s, who gets a mail.", op.ID, visible(strings.Join(op.Approval.Asked, ", ")))
	return nil
}
