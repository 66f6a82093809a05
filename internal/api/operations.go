package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// OperationID is the operation that an address names.
type OperationID struct {
	ID string `path:"id" maxLength:"40" example:"OP-0SX4K2-7QFM"`
}

// Resolve reads an id as people write it down, in whatever case.
func (o *OperationID) Resolve(huma.Context) []error {
	o.ID = strings.ToUpper(o.ID)
	return nil
}

// Asked is a request for an operation.
type Asked struct {
	Key  string `header:"Idempotency-Key" required:"true" minLength:"16" maxLength:"64" doc:"Made anew for each request. The same key again gives the same operation."`
	Body struct {
		Kind      string            `json:"kind" maxLength:"40" example:"status-change"`
		Params    map[string]string `json:"params" doc:"The answers to the kind's own questions. status-change: to, hold_reason (for On Hold), cancel_visits (yes, for On Hold). provider-reassignment: to (one, several or default), provider (for one), providers (for several: ids with a space between), by (for several: round-robin, load or capacity), capacity (for capacity: patients a day, such as P001=20 P002=15), visits (reassign, keep, reschedule or cancel). facility-transfer: to, provider (keep, default or later), visits (move, keep or cancel). tags: add, remove (names with commas between them). insurance-change: plan, effective (2006-01-02), member_ids (keep, clear, or file: each as insurance_member_id in selection.given), ended (yes also puts the patients On Hold). communication: type (facility-notification, provider-notification or internal-alert), role (of an alert: staff, team-lead, manager, admin or everybody), heading, text. visit-scheduling: type (for example Wellness), from and to (2006-01-02, the days of the first visit), minutes, with (own, one or any), provider (an id, for one), at (preferred, any, morning, afternoon or between), earliest and latest (15:04, for between), per_day (most visits a day of one provider), weeks and times (for a series: every so many weeks, so many visits). export: type (patient-list, clinical-summary, visit-history or full-record), format (csv or excel), columns (their names with spaces between them; /v1/kinds has those of each type)." example:"{\"to\":\"Active\"}"`
		Selection Selection         `json:"selection,omitempty"`
		Edits     string            `json:"edits,omitempty" maxLength:"40" doc:"Your own operation that this one takes the place of: it is taken back unless it has ended. Without a selection, for the same patients."`
	}
}

// Selection is a filter or a list of ids.
type Selection struct {
	Filter *Filter  `json:"filter,omitempty" doc:"Everybody it chooses in your facilities, except those left out."`
	Except []string `json:"except,omitempty" doc:"Ids to leave out of what the filter chooses."`
	IDs    []string `json:"ids,omitempty" maxItems:"200000" doc:"Patient ids, instead of a filter."`
	Rows   []int    `json:"rows,omitempty" maxItems:"200000" doc:"For each id the row of the file it stood in."`
	File   string   `json:"file,omitempty" pattern:"^[0-9a-f]{64}$" doc:"SHA-256 of the file that the ids come from."`
	Sheet  *Sheet   `json:"sheet,omitempty" doc:"The file's rows, to be given back where a patient cannot be changed."`
	Given  []Given  `json:"given,omitempty" maxItems:"200000" doc:"For each id the values that a kind takes for each patient. data-correction: name, birth_date, phone, email, address, emergency_name, emergency_phone, language. An empty or missing value changes nothing; <clear> empties the field."`
}

// Sheet is a file as its sender wrote it.
type Sheet struct {
	Header []string   `json:"header" maxItems:"16384"`
	Rows   [][]string `json:"rows" maxItems:"200000" doc:"For each id the cells of its row."`
}

// Given is what is given for one patient, by field.
type Given map[string]string

// Told is one operation.
type Told struct {
	Location string `header:"Location"`
	Body     Operation
}

// Listed is a list of operations.
type Listed struct {
	Body struct {
		Operations []Operation `json:"operations" doc:"Newest first; those waiting for you, longest wait first."`
	}
}

func (a *api) operationRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "ask", Method: http.MethodPost, Path: "/v1/operations", Tags: []string{"operations"},
		Summary: "Ask for an operation", Description: "It is planned at once; nothing is changed before somebody else has approved it.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: largeBody}, a.ask)
	use(a, h, huma.Operation{OperationID: "list", Method: http.MethodGet, Path: "/v1/operations", Tags: []string{"operations"},
		Summary: "List operations"}, a.list)
	use(a, h, huma.Operation{OperationID: "get", Method: http.MethodGet, Path: "/v1/operations/{id}", Tags: []string{"operations"},
		Summary: "Read an operation", Description: "State, plan in numbers, decision and progress."}, a.get)
}

func (a *api) ask(ctx context.Context, person staff.Person, in *Asked) (*Told, error) {
	request := engine.Request{Kind: in.Body.Kind, Params: in.Body.Params, Edits: in.Body.Edits, Key: in.Key}
	var err error
	if request.Selection, request.Duplicate, err = a.selection(in.Body.Selection); err != nil {
		return nil, err
	}
	op, err := a.engine.Request(ctx, person, request)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

// selection reads ids as the portal reads pasted ones.
func (a *api) selection(s Selection) (bulk.Selection, int, error) {
	switch {
	case s.Filter != nil && (len(s.IDs) > 0 || len(s.Rows) > 0 || len(s.Given) > 0 || s.File != "" || s.Sheet != nil):
		return bulk.Selection{}, 0, fault.New(fault.Invalid, "Give a filter or ids, not both.")
	case s.Filter != nil:
		filter := s.Filter.registry()
		return bulk.Selection{Source: bulk.ByFilter, Filter: &filter, Except: s.Except}, 0, nil
	case len(s.Except) > 0:
		return bulk.Selection{}, 0, fault.New(fault.Invalid, "Ids can be left out only of a filter.")
	case len(s.IDs) == 0:
		return bulk.Selection{}, 0, nil // the engine says what is missing
	}
	read, err := intake.Paste(strings.Join(s.IDs, "\n"), a.engine.Limits.MaxSubjects)
	if err != nil {
		return bulk.Selection{}, 0, err
	}
	selection := read.Selection()
	if len(s.Given) > 0 {
		if len(read.IDs) != len(s.IDs) {
			return selection, 0, fault.New(fault.Invalid, "Ids with values are given once each. %s", repeated(s))
		}
		for _, values := range s.Given {
			selection.Given = append(selection.Given, registry.Fields(values))
		}
	}
	if s.File == "" && len(s.Rows) == 0 && s.Sheet == nil {
		return selection, read.Duplicates, nil
	}
	if s.File == "" || len(s.Rows) != len(s.IDs) || len(read.IDs) != len(s.IDs) {
		return bulk.Selection{}, 0, fault.New(fault.Invalid, "Ids from a file go with the file's SHA-256 and one row number for each, and each is given once.")
	}
	selection.Source, selection.Rows, selection.File = bulk.Uploaded, s.Rows, s.File
	if s.Sheet != nil {
		selection.Sheet = &bulk.Sheet{Header: s.Sheet.Header, Rows: s.Sheet.Rows}
	}
	return selection, 0, nil
}

// repeated names the first two places of a list that hold the same id.
func repeated(s Selection) string {
	first := map[string]int{}
	for i, id := range s.IDs {
		id = registry.NormalID(id)
		if before, twice := first[id]; twice {
			if len(s.Rows) == len(s.IDs) {
				return fmt.Sprintf("Rows %d and %d hold the same id.", s.Rows[before], s.Rows[i])
			}
			return fmt.Sprintf("Ids %d and %d of the list are the same.", before+1, i+1)
		}
		first[id] = i
	}
	return "Some are empty, or hold more than one id."
}

type listQuery struct {
	Which string `query:"which" enum:"mine,recent,waiting,exports" default:"mine" doc:"Your own; those of the last 31 days that you may see; those that wait for your decision; exports that were approved, of the last 31 days or with a file that is still there."`
	Most  int    `query:"most" minimum:"1" maximum:"200" default:"50"`
}

// recentDays is how far the list of recent operations goes back.
const recentDays = 31

func (a *api) list(ctx context.Context, person staff.Person, in *listQuery) (*Listed, error) {
	var operations []bulk.Operation
	var err error
	switch in.Which {
	case "recent":
		operations, err = a.engine.Recent(ctx, person, recentDays, in.Most)
	case "waiting":
		operations, err = a.engine.Approvals(ctx, person)
	case "exports":
		operations, err = a.engine.Exports(ctx, person, recentDays, in.Most)
	default:
		operations, err = a.engine.Mine(ctx, person, in.Most)
	}
	if err != nil {
		return nil, err
	}
	out := &Listed{}
	out.Body.Operations = []Operation{}
	for _, op := range operations[:min(len(operations), in.Most)] {
		var final *bulk.Tally
		if op.State.Ended() && !op.Started.IsZero() {
			final = &op.Final
		}
		out.Body.Operations = append(out.Body.Operations, a.operationView(ctx, op, person, final))
	}
	return out, nil
}

func (a *api) get(ctx context.Context, person staff.Person, in *OperationID) (*Told, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	return a.tell(ctx, person, op)
}

// tell is the answer of every address that returns one operation.
func (a *api) tell(ctx context.Context, person staff.Person, op bulk.Operation) (*Told, error) {
	noteOperation(ctx, op)
	var progress *bulk.Tally
	if !op.Started.IsZero() {
		tally, err := a.engine.Progress(ctx, op)
		if err != nil {
			return nil, err
		}
		progress = &tally
	}
	told := &Told{Location: "/v1/operations/" + op.ID, Body: a.operationView(ctx, op, person, progress)}
	left, err := a.engine.Left(ctx, op)
	for _, l := range left {
		told.Body.Left = append(told.Body.Left, LeftView{l.Code, bulk.OutcomeTitles[l.Code], l.Count, l.Retryable, l.AgainAs})
	}
	return told, err
}

// Filter chooses patients; empty parts choose everybody.
type Filter struct {
	Statuses       []registry.Status `json:"statuses,omitempty" enum:"Active,Pending,On Hold,Hospitalized,Discharged,Deceased,Inactive"`
	Facilities     []string          `json:"facilities,omitempty" doc:"Ids; without any, all of your facilities."`
	Provider       string            `json:"provider,omitempty" doc:"Id; - for those who have none."`
	Tag            string            `json:"tag,omitempty"`
	Insurance      string            `json:"insurance,omitempty" doc:"Name of the plan."`
	RegisteredFrom string            `json:"registered_from,omitempty" format:"date"`
	RegisteredTo   string            `json:"registered_to,omitempty" format:"date" doc:"This day included."`
	LastVisitFrom  string            `json:"last_visit_from,omitempty" format:"date"`
	LastVisitTo    string            `json:"last_visit_to,omitempty" format:"date"`
	NextVisitFrom  string            `json:"next_visit_from,omitempty" format:"date" doc:"A visit to come on this day at the facility, or later."`
	NextVisitTo    string            `json:"next_visit_to,omitempty" format:"date" doc:"This day included."`
	Text           string            `json:"text,omitempty" maxLength:"200" doc:"Part of the name, or the whole id."`
}

func (f Filter) registry() registry.Filter { return registry.Filter(f) }
