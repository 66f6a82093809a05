package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// requestCommands has one command for each kind of operation.
type requestCommands struct {
	StatusChange         statusChangeCommand    `cmd:"" help:"Give patients a new status."`
	ProviderReassignment reassignmentCommand    `cmd:"" help:"Give patients another provider."`
	FacilityTransfer     transferCommand        `cmd:"" help:"Move patients to another facility."`
	Tags                 tagsCommand            `cmd:"" help:"Add tags to patients, and remove others."`
	InsuranceChange      insuranceChangeCommand `cmd:"" help:"Give patients another insurance plan."`
	DataCorrection       dataCorrectionCommand  `cmd:"" help:"Give each patient new values from a CSV file."`
	Export               exportCommand          `cmd:"" help:"Hand out patient data in an encrypted file."`
	Communication        communicationCommand   `cmd:"" help:"Write to the facilities, the providers or the staff of patients."`
	VisitScheduling      schedulingCommand      `cmd:"" help:"Book visits for patients."`
}

type statusChangeCommand struct {
	To           string    `required:"" help:"The new status: Active, On Hold, Hospitalized, Discharged, Deceased or Inactive."`
	HoldReason   string    `help:"For On Hold: Transfer in progress, Insurance lapse, Family request or Payment."`
	CancelVisits bool      `help:"For On Hold: cancel future visits too."`
	Patients     selection `embed:""`
}

type tagsCommand struct {
	Add      []string  `help:"Tag to add; repeat it for several."`
	Remove   []string  `help:"Tag to remove; repeat it for several."`
	Patients selection `embed:""`
}

type insuranceChangeCommand struct {
	Plan      string    `required:"" help:"Name of the new plan."`
	Effective string    `required:"" placeholder:"2026-01-31" help:"First day on which the plan holds."`
	MemberIDs string    `name:"member-ids" required:"" help:"What becomes of the member ids: keep, clear, or file (the column Member id of --csv)."`
	Ended     bool      `help:"The old plan has ended: also put the patients On Hold."`
	Patients  selection `embed:""`
}

type reassignmentCommand struct {
	To       []string  `xor:"to" required:"" placeholder:"ID" help:"Id of the new provider; repeat it to share the patients out among several."`
	Default  bool      `xor:"to" required:"" help:"To the default provider of each patient's facility, instead of --to."`
	By       string    `help:"How several share the patients: round-robin, load (who has the fewest; evens out their own patients, too) or capacity (by patients a day)."`
	Capacity []string  `placeholder:"ID=20" help:"For capacity: how many patients a provider sees a day, from 10 to 30; repeat it for each. Without it, as in the calendar."`
	Visits   string    `required:"" help:"Future visits: reassign, keep, reschedule (cancel and book anew) or cancel."`
	Patients selection `embed:""`
}

type transferCommand struct {
	To       string    `required:"" placeholder:"ID" help:"Id of the new facility."`
	With     string    `required:"" help:"Provider there: keep (the present one), default (of the new facility) or later (none for now)."`
	Visits   string    `required:"" help:"Future visits at the old facility: move, keep or cancel."`
	Patients selection `embed:""`
}

type communicationCommand struct {
	Type     string    `required:"" help:"facility-notification, provider-notification or internal-alert."`
	Role     string    `help:"Of an internal alert: staff, team-lead, manager, admin or everybody."`
	Heading  string    `required:"" help:"Subject of the mail. It may hold {recipient}, {patients}, {facility}, {provider}, {requester} and {date}."`
	Text     string    `xor:"text" required:"" help:"Text of the mail, with the same placeholders. It names no patients."`
	TextFile string    `xor:"text" required:"" type:"existingfile" help:"File with the text, instead of --text."`
	Patients selection `embed:""`
}

type dataCorrectionCommand struct {
	CSV   string `name:"csv" type:"existingfile" help:"CSV file with a column of patient ids and columns such as Phone or Birth date. An empty cell changes nothing; <clear> empties the field."`
	Edits string `placeholder:"OP-…" help:"Your operation that this one takes the place of; it is taken back unless it has ended. Without --csv, with its values."`
}

type schedulingCommand struct {
	Type     string    `required:"" help:"Type of the visits: Routine, Follow-up, Medication Review, Assessment, Wellness, Urgent or Other."`
	From     string    `required:"" placeholder:"2026-01-31" help:"First day on which a first visit may be."`
	To       string    `required:"" placeholder:"2026-02-28" help:"And the last."`
	Minutes  string    `default:"30" help:"How long a visit takes."`
	With     string    `default:"own" help:"With whom: own (each patient's own provider), one (with --by) or any (of the patient's facility)."`
	By       string    `placeholder:"ID" help:"Id of the provider, for --with=one."`
	At       string    `default:"preferred" help:"Part of the day: preferred (by the facility), any, morning, afternoon or between (with --earliest and --latest)."`
	Earliest string    `placeholder:"09:00" help:"For --at=between: no visit begins before."`
	Latest   string    `placeholder:"16:00" help:"For --at=between: no visit ends after."`
	PerDay   string    `placeholder:"8" help:"Most visits a day of one provider; the provider's own maximum if not given."`
	Weeks    string    `placeholder:"4" help:"For a series: weeks between two visits."`
	Times    string    `placeholder:"6" help:"For a series: visits of each patient."`
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
	Edits          string   `placeholder:"OP-…" help:"Your operation that this one takes the place of; it is taken back unless it has ended. Without a choice of patients, for the same ones." group:"Which patients"`
}

func (c statusChangeCommand) Run(t *terminal) error {
	return ask(t, kind.StatusChange, map[string]string{
		kind.StatusTo: c.To, kind.HoldReason: c.HoldReason, kind.CancelVisits: yes(c.CancelVisits)}, c.Patients)
}

func (c reassignmentCommand) Run(t *terminal) error {
	params := map[string]string{kind.FutureVisits: c.Visits, kind.ShareBy: c.By, kind.Capacity: strings.Join(c.Capacity, " ")}
	switch {
	case c.Default:
		params[kind.ReassignTo] = kind.ToDefault
	case len(c.To) == 1:
		params[kind.ReassignTo], params[kind.NewProvider] = kind.ToOne, c.To[0]
	default:
		params[kind.ReassignTo], params[kind.NewProviders] = kind.ToSeveral, strings.Join(c.To, " ")
	}
	return ask(t, kind.ProviderReassignment, params, c.Patients)
}

func (c schedulingCommand) Run(t *terminal) error {
	return ask(t, kind.VisitScheduling, map[string]string{
		kind.VisitsOf: c.Type, kind.VisitsFrom: c.From, kind.VisitsTo: c.To, kind.VisitsLast: c.Minutes, kind.VisitsWith: c.With,
		kind.VisitsProvider: c.By, kind.VisitsAt: c.At, kind.VisitsEarliest: c.Earliest, kind.VisitsLatest: c.Latest,
		kind.VisitsADay: c.PerDay, kind.VisitsEvery: c.Weeks, kind.VisitsTimes: c.Times}, c.Patients)
}

func (c tagsCommand) Run(t *terminal) error {
	return ask(t, kind.Tags, map[string]string{
		kind.AddTags: strings.Join(c.Add, ","), kind.RemoveTags: strings.Join(c.Remove, ",")}, c.Patients)
}

func (c insuranceChangeCommand) Run(t *terminal) error {
	return ask(t, kind.InsuranceChange, map[string]string{
		kind.InsurancePlan: c.Plan, kind.EffectiveDate: c.Effective, kind.MemberIDs: c.MemberIDs, kind.PlanEnded: yes(c.Ended)}, c.Patients)
}

func (c dataCorrectionCommand) Run(t *terminal) error {
	if c.CSV == "" && c.Edits == "" {
		return fault.New(fault.Invalid, "Give the file with the new values: --csv.")
	}
	return ask(t, kind.DataCorrection, map[string]string{}, selection{CSV: c.CSV, Edits: c.Edits})
}

func (c communicationCommand) Run(t *terminal) error {
	if c.TextFile != "" {
		text, err := os.ReadFile(c.TextFile)
		if err != nil {
			return fmt.Errorf("read the text: %w", err)
		}
		c.Text = string(text)
	}
	return ask(t, kind.Communication, map[string]string{
		kind.MessageType: c.Type, kind.AlertRole: c.Role, kind.MessageHeading: c.Heading, kind.MessageText: c.Text}, c.Patients)
}

// yes is the answer to a question that is answered with yes or not at all.
func yes(flag bool) string {
	if flag {
		return "yes"
	}
	return ""
}

func (c transferCommand) Run(t *terminal) error {
	return ask(t, kind.FacilityTransfer, map[string]string{
		kind.TransferTo: c.To, kind.WithProvider: c.With, kind.FutureVisits: c.Visits}, c.Patients)
}

// ask sends a request without the answers that are empty, waits for its plan,
// and shows it.
func ask(t *terminal, k kind.Kind, params map[string]string, who selection) error {
	chosen, err := who.choose(t, k)
	if err != nil {
		return err
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	maps.DeleteFunc(params, func(_, answer string) bool { return answer == "" })
	body := map[string]any{"kind": k.Name, "params": params, "selection": chosen, "edits": strings.ToUpper(who.Edits)}
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
func (s selection) choose(t *terminal, k kind.Kind) (api.Selection, error) {
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
	case ways == 0 && s.Edits != "":
		return api.Selection{}, nil
	case ways == 0:
		return api.Selection{}, fault.New(fault.Invalid, "Say which patients: with a filter such as --status Active, with --id, with --csv, or with --all.")
	case ways > 1:
		return api.Selection{}, fault.New(fault.Invalid, "Choose patients in one way: with a filter, with --id, or with --csv.")
	case s.CSV != "":
		return fromFile(t, s.CSV, k)
	case len(s.ID) > 0:
		return api.Selection{IDs: s.ID, Except: s.Except}, nil
	}
	return api.Selection{Filter: &filter, Except: s.Except}, nil
}

// fromFile reads the ids, and the values that the kind takes, here, so that what is wrong with the file is said
// before anything is sent. The server checks how many there may be.
func fromFile(t *terminal, path string, k kind.Kind) (api.Selection, error) {
	file, err := os.Open(path)
	if err != nil {
		return api.Selection{}, fmt.Errorf("read the list of patients: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return api.Selection{}, fmt.Errorf("read the list of patients: %w", err)
	}
	read, err := intake.CSV(file, info.Size(), engine.DefaultLimits.MaxSubjects, k, time.Now())
	if err != nil {
		return api.Selection{}, err
	}
	if read.Duplicates > 0 {
		t.say("%s listed more than once and merged.", english.Count(read.Duplicates, "id is", "ids are"))
	}
	if len(read.Ignored) > 0 {
		t.say("Columns that are not used: %s.", strings.Join(read.Ignored, ", "))
	}
	chosen := api.Selection{IDs: read.IDs, Rows: read.Rows, File: read.File}
	for _, given := range read.Given {
		chosen.Given = append(chosen.Given, api.Given(given))
	}
	if read.Sheet != nil {
		chosen.Sheet = &api.Sheet{Header: read.Sheet.Header, Rows: read.Sheet.Rows}
	}
	if body, err := json.Marshal(chosen); err != nil || len(body) > mostSent {
		chosen.Sheet = nil
		t.say("The file is too large for its rows to be sent too: those who cannot be changed will be listed by their ids.")
	}
	return chosen, nil
}

// mostSent is how large a choice of patients may be in bytes: the API takes
// 6 MB with everything.
const mostSent = 5_500_000
