package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"bulkops/internal/dynamo"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/staff"
)

type staffCommands struct {
	List    staffListCommand    `cmd:"" help:"List the staff directory."`
	Add     staffAddCommand     `cmd:"" help:"Add somebody: make the account, send the invitation, enter the rights. Administrators are not mailed."`
	Set     staffSetCommand     `cmd:"" help:"Change somebody's name, role or facilities; it counts at their next click. Nobody is mailed."`
	Disable staffDisableCommand `cmd:"" help:"Take somebody's access away at once. Nobody is mailed."`
	Enable  staffEnableCommand  `cmd:"" help:"Give somebody's access back. Nobody is mailed."`
}

// operator is in whose name these commands write the staff directory.
var operator = staff.Person{Name: "an operator at a terminal"}

type staffListCommand struct{}

func (staffListCommand) Run(t *terminal) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	people, err := everybody(t.ctx, s)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	for _, p := range people {
		state := ""
		if p.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", visible(p.Email), visible(p.Name), p.Role.Title(), facilityWords(p), state)
	}
	return table.Flush()
}

func everybody(ctx context.Context, s *stack) ([]staff.Person, error) {
	directory, err := s.staff()
	if err != nil {
		return nil, err
	}
	var people []staff.Person
	for _, role := range staff.Roles {
		more, err := directory.People(ctx, role)
		if err != nil {
			return nil, err
		}
		people = append(people, more...)
	}
	return people, nil
}

type staffAddCommand struct {
	Email    string     `arg:"" help:"E-mail address, with which the person signs in."`
	Name     string     `required:"" help:"Name, as others read it."`
	Role     staff.Role `required:"" enum:"staff,team-lead,manager,admin,auditor" help:"What the person may do: ${enum}."`
	Facility []string   `required:"" help:"Facility id; repeat it for several, * for all."`
}

func (c staffAddCommand) Run(t *terminal) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	p := staff.Person{Name: c.Name, Email: c.Email, Role: c.Role, Facilities: c.Facility}
	if wrong := staff.CheckName(p.Name); wrong != "" {
		return fault.New(fault.Invalid, "%s", wrong)
	}
	if !kind.IsMail(p.Email) {
		return fault.New(fault.Invalid, "%q is no e-mail address.", p.Email)
	}
	if err := checkRights(t.ctx, s, p); err != nil {
		return err
	}
	accounts, err := s.accounts()
	if err != nil {
		return err
	}
	sub, isNew, err := accounts.invite(t.ctx, p)
	if err != nil {
		return err
	}
	directory, err := s.staff()
	if err != nil {
		return err
	}
	if _, err := directory.Person(t.ctx, sub); err == nil {
		return fault.New(fault.Conflict, "%s is in the staff directory already. Change the entry with: bulkops staff set %s", c.Email, c.Email)
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	p.Sub = sub
	if err := directory.WritePerson(t.ctx, p, operator); err != nil {
		return err
	}
	invited := "The account existed already and keeps its password."
	if isNew {
		invited = "An invitation was sent by mail."
	}
	t.say("%s is now %s in %s. %s", p.Name, p.Role.Title(), facilityWords(p), invited)
	return nil
}

type staffSetCommand struct {
	Email    string     `arg:"" help:"E-mail address in the staff directory."`
	Name     string     `help:"New name."`
	Role     staff.Role `enum:",staff,team-lead,manager,admin,auditor" default:"" help:"New role: staff, team-lead, manager, admin or auditor."`
	Facility []string   `help:"The facilities from now on, instead of the present ones; * for all."`
}

func (c staffSetCommand) Run(t *terminal) error {
	if c.Name == "" && c.Role == "" && len(c.Facility) == 0 {
		return fault.New(fault.Invalid, "Say what to change: --name, --role or --facility.")
	}
	if wrong := staff.CheckName(c.Name); c.Name != "" && wrong != "" {
		return fault.New(fault.Invalid, "%s", wrong)
	}
	return changePerson(t, c.Email, func(s *stack, p *staff.Person) error {
		if c.Name != "" {
			p.Name = c.Name
		}
		if c.Role != "" {
			p.Role = c.Role
		}
		if len(c.Facility) > 0 {
			p.Facilities = c.Facility
			return checkRights(t.ctx, s, *p)
		}
		return nil
	})
}

type staffDisableCommand struct {
	Email string `arg:"" help:"E-mail address in the staff directory."`
}

func (c staffDisableCommand) Run(t *terminal) error { return setAccess(t, c.Email, false) }

type staffEnableCommand struct {
	Email string `arg:"" help:"E-mail address in the staff directory."`
}

func (c staffEnableCommand) Run(t *terminal) error { return setAccess(t, c.Email, true) }

// setAccess changes the directory first: it is what every request asks.
func setAccess(t *terminal, email string, may bool) error {
	err := changePerson(t, email, func(_ *stack, p *staff.Person) error {
		p.Disabled = !may
		return nil
	})
	if err != nil {
		return err
	}
	s, err := t.openStack()
	if err != nil {
		return err
	}
	accounts, err := s.accounts()
	if err != nil {
		return err
	}
	return accounts.able(t.ctx, email, may)
}

func changePerson(t *terminal, email string, change func(*stack, *staff.Person) error) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	people, err := everybody(t.ctx, s)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(people, func(p staff.Person) bool { return strings.EqualFold(p.Email, email) })
	if i < 0 {
		return fault.New(fault.NotFound, "Nobody in the staff directory has the address %s. bulkops staff list shows everybody.", email)
	}
	p := people[i]
	if err := change(s, &p); err != nil {
		return err
	}
	if !slices.ContainsFunc(people, func(q staff.Person) bool { return administers(q) && q.Sub != p.Sub }) && administers(people[i]) && !administers(p) {
		return fault.New(fault.Invalid, "%s is the only administrator. Make somebody else one first: bulkops staff set <address> --role admin", p.Name)
	}
	var directory *dynamo.Staff
	if directory, err = s.staff(); err != nil {
		return err
	}
	if err := directory.WritePerson(t.ctx, p, operator); err != nil {
		return err
	}
	state := ""
	if p.Disabled {
		state = ", without access"
	}
	t.say("%s is now %s in %s%s. Nobody was mailed: tell them.", p.Name, p.Role.Title(), facilityWords(p), state)
	return nil
}

func administers(p staff.Person) bool { return p.Role == staff.Admin && !p.Disabled }

// checkRights refuses rights that nobody can have.
func checkRights(ctx context.Context, s *stack, p staff.Person) error {
	registry, err := s.registry()
	if err != nil {
		return err
	}
	directory, err := registry.Directory(ctx)
	if err != nil {
		return err
	}
	if problems := engine.CheckRights(engine.Rights{Role: p.Role, Facilities: p.Facilities}, directory); len(problems) > 0 {
		return fault.New(fault.Invalid, "%s", problems.Error())
	}
	return nil
}
