package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"bulkops/internal/api"
	"bulkops/internal/fault"
)

type awayCommand struct {
	From     string `help:"First day that you are away (2006-01-02)."`
	Until    string `help:"Last day."`
	Delegate string `help:"E-mail address of who decides in your place; without days, those who could are listed."`
	Back     bool   `help:"You are back, or not going away."`
}

func (a awayCommand) Run(t *terminal) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	if a.Back {
		if err := c.call(http.MethodDelete, "/me/away", nil, "", &struct{}{}); err != nil {
			return err
		}
		t.say("You are not away.")
		return nil
	}
	var list struct{ Delegates []api.DelegateView }
	if err := c.get("/me/delegates", &list); err != nil {
		return err
	}
	if a.From == "" && a.Until == "" {
		table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
		for _, d := range list.Delegates {
			away := ""
			if d.Away != nil {
				away = "away from " + d.Away.From + " until " + d.Away.Until
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", oneLine(d.Email), oneLine(d.Name), d.Role.Title(), away)
		}
		return table.Flush()
	}
	body, whom := api.AwayView{From: a.From, Until: a.Until}, "nobody"
	if a.Delegate != "" {
		i := slices.IndexFunc(list.Delegates, func(d api.DelegateView) bool { return strings.EqualFold(d.Email, a.Delegate) })
		if i < 0 {
			return fault.New(fault.Invalid, "Nobody with the address %s could decide in your place. bulkops away lists those who could.", a.Delegate)
		}
		body.Delegate, whom = list.Delegates[i].ID, list.Delegates[i].Name
	}
	if err := c.call(http.MethodPut, "/me/away", body, "", &struct{}{}); err != nil {
		return err
	}
	t.say("You are away from %s until %s; %s decides in your place.", a.From, a.Until, visible(whom))
	return nil
}
