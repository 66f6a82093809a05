package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// requestCommands has one command for each kind of operation.
type requestCommands struct {
	StatusChange         statusChangeCommand `cmd:"" help:"Give patients a new status."`
	ProviderReassignment reassignmentCommand `cmd:"" help:"Give patients another provider."`
	FacilityTransfer     transferCommand     `cmd:"" help:"Move patients to another facility."`
}

type statusChangeCommand struct {
	To           string    `required:"" help:"The new status: Active, On Hold, Hospitalized, Discharged, Deceased or Inactive."`
	HoldReason   string    `help:"For On Hold: Transfer in progress, Insurance lapse, Family request or Payment."`
	CancelVisits bool      `help:"For On Hold: cancel future visits too."`
	Patients     selection `embed:""`
}

type reassignmentCommand struct {
	To       []string  `xor:"to" required:"" placeholder:"ID" help:"Id of the new provider; repeat it to share the patients out among several."`
	Default  bool      `xor:"to" required:"" help:"To the default provider of each patient's facility, instead of --to."`
	By       string    `help:"How several share the patients: round-robin, load (who has the fewest) or capacity (who has the most room left)."`
	Visits   string    `required:"" help:"Future visits: reassign, keep or cancel."`
	Patients selection `embed:""`
}

type transferCommand struct {
	To       string    `required:"" placeholder:"ID" help:"Id of the new facility."`
	With     string    `required:"" help:"Provider there: keep (the present one), default (of the new facility) or later (none for now)."`
	Visits   string    `required:"" help:"Future visits at the old facility: move, keep or cancel."`
	Patients selection `embed:""`
}

// selection says which patients: by filter, by ids, or by a file.
type selection struct {
	All            bool     `help:"Everybody in your facilities." group:"Which patients"`
	Status         []string `help:"Present status; repeat it for several." group:"Which patients"`
	Facility       []string `help:"Facility id; repeat it for several." group:"Which patients"`
	Provider       string   `help:"Provider id; - for those who have none." group:"Which patients"`
	Tag            string   `help:"A tag they have." group:"Which patients"`
	Insurance      string   `help:"Insurance plan." group:"Which patients"`
	RegisteredFrom string   `placeholder:"2026-01-31" help:"Registered on this day or later." group:"Which patients"`
	RegisteredTo   string   `placeholder:"2026-01-31" help:"Registered on this day or earlier." group:"Which patients"`
	LastVisitFrom  string   `placeholder:"2026-01-31" help:"Last visit on this day or later." group:"Which patients"`
	LastVisitTo    string   `placeholder:"2026-01-31" help:"Last visit on this day or earlier." group:"Which patients"`
	NextVisitFrom  string   `placeholder:"2026-01-31" help:"A visit to come on this day or later." group:"Which patients"`
	NextVisitTo    string   `placeholder:"2026-01-31" help:"A visit to come on this day or earlier." group:"Which patients"`
	Except         []string `help:"Patient id to leave out of what the filter finds; repeat it for several." group:"Which patients"`
	ID             []string `name:"id" help:"Patient id, instead of a filter; repeat it for several." group:"Which patients"`
	CSV            string   `name:"csv" type:"existingfile" help:"CSV file with a column of patient ids, instead of a filter." group:"Which patients"`
}

func (c statusChangeCommand) Run(t *terminal) error {
	params := map[string]string{kind.StatusTo: c.To}
	if c.HoldReason != "" {
		params[kind.HoldReason] = c.HoldReason
	}
	if c.CancelVisits {
		params[kind.CancelVisits] = "yes"
	}
	return ask(t, kind.StatusChange.Name, params, c.Patients)
}

func (c reassignmentCommand) Run(t *terminal) error {
	params := map[string]string{kind.FutureVisits: c.Visits}
	switch {
	case c.Default:
		params[kind.ReassignTo] = kind.ToDefault
	case len(c.To) == 1:
		params[kind.ReassignTo], params[kind.NewProvider] = kind.ToOne, c.To[0]
	default:
		params[kind.ReassignTo], params[kind.NewProviders] = kind.ToSeveral, strings.Join(c.To, " ")
	}
	if c.By != "" {
		params[kind.ShareBy] = c.By
	}
	return ask(t, kind.ProviderReassignment.Name, params, c.Patients)
}

func (c transferCommand) Run(t *terminal) error {
	params := map[string]string{kind.TransferTo: c.To, kind.WithProvider: c.With, kind.FutureVisits: c.Visits}
	return ask(t, kind.FacilityTransfer.Name, params, c.Patients)
}

// ask sends a request, waits for its plan, and shows it.
func ask(t *terminal, kind string, params map[string]string, who selection) error {
	chosen, err := who.choose(t)
	if err != nil {
		return err
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	body := map[string]any{"kind": kind, "params": params, "selection": chosen}
	var op api.Operation
	if err := c.call("POST", "/operations", body, rand.Text(), &op); err != nil {
		return err
	}
	t.say("%s is being planned.", op.ID)
	for op.State == bulk.Planning {
		if err := t.wait(500 * time.Millisecond); err != nil {
			return err
		}
		if err := c.get("/operations/"+op.ID, &op); err != nil {
			return err
		}
	}
	show(t, op)
	if op.State != bulk.Ready {
		return errUnfinished
	}
	return nil
}

// wait pauses, or returns the reason why the command ends early.
func (t *terminal) wait(d time.Duration) error {
	engine.Pause(t.ctx, d)
	return t.ctx.Err()
}

// choose reads the flags into what the API takes.
func (s selection) choose(t *terminal) (api.Selection, error) {
	filter := api.Filter{
		Facilities: s.Facility, Provider: s.Provider, Tag: s.Tag, Insurance: s.Insurance,
		RegisteredFrom: s.RegisteredFrom, RegisteredTo: s.RegisteredTo, LastVisitFrom: s.LastVisitFrom, LastVisitTo: s.LastVisitTo,
		NextVisitFrom: s.NextVisitFrom, NextVisitTo: s.NextVisitTo,
	}
	for _, status := range s.Status {
		filter.Statuses = append(filter.Statuses, registry.Status(status))
	}
	ways := 0
	for _, given := range []bool{len(s.ID) > 0, s.CSV != "", s.All || !registry.Filter(filter).Empty()} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return api.Selection{}, fault.New(fault.Invalid, "Say which patients: with a filter such as --status Active, with --id, with --csv, or with --all.")
	case ways > 1:
		return api.Selection{}, fault.New(fault.Invalid, "Choose patients in one way: with a filter, with --id, or with --csv.")
	case s.CSV != "":
		return fromFile(t, s.CSV)
	case len(s.ID) > 0:
		return api.Selection{IDs: s.ID, Except: s.Except}, nil
	}
	return api.Selection{Filter: &filter, Except: s.Except}, nil
}

// fromFile reads the ids here, so that what is wrong with the file is said
// before anything is sent. The server checks how many there may be.
func fromFile(t *terminal, path string) (api.Selection, error) {
	file, err := os.Open(path)
	if err != nil {
		return api.Selection{}, fmt.Errorf("read the list of patients: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return api.Selection{}, fmt.Errorf("read the list of patients: %w", err)
	}
	read, err := intake.CSV(file, info.Size(), engine.DefaultLimits.MaxSubjects)
	if err != nil {
		return api.Selection{}, err
	}
	if read.Duplicates > 0 {
		t.say("%s listed more than once and merged.", plural(read.Duplicates, "id is", "ids are"))
	}
	return api.Selection{IDs: read.IDs, Rows: read.Rows, File: read.File}, nil
}
