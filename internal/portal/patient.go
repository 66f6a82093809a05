package portal

import (
	"slices"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
)

// patientData is one patient: profile, visits, clinical notes, and what
// operations and people did with the record.
type patientData struct {
	Patient       registry.Patient
	Facility      registry.Facility
	Profile       []planEdit // label and value (New)
	Coming, Past  []visitRow
	Notes         []noteGroup
	History       []changeRow
	Older         bool // there is more than History
	Stamp         registry.Stamp
	LockedBy, Why string
	ProviderName  string
	HoldReason    string
	Pending       []engine.Overlap // operations that are to change this patient
}

type visitRow struct {
	When, Type, State, Provider, Minutes, Why string
	at                                        time.Time
}

type noteGroup struct {
	Title string
	Notes []registry.Record
}

// changeRow is one audit record of a change or of an outcome, in words.
type changeRow struct {
	Record audit.Record
	What   string
	Edits  []planEdit
}

const (
	// shownHistory is how much of a patient's history the page lists.
	shownHistory = 50
	// readForHistory bounds how many audit records are read to find it: the views
	// of the page are among them.
	readForHistory = 2000
)

// profileFields are a profile's fields as the page lists them.
var profileFields = []string{registry.BirthDate, registry.Language, registry.Registered, registry.LastVisit, registry.Phone, registry.Email,
	registry.Address, registry.EmergencyName, registry.EmergencyPhone, registry.InsurancePlan, registry.InsuranceID, registry.InsuranceFrom, registry.NeedsSpecialty, registry.Tags}

// patientPage shows one patient. One who is unknown and one of another
// facility are the same.
func patientPage(rq *request) error {
	id := rq.r.PathValue("patient")
	unknown := fault.New(fault.NotFound, "There is no patient with this id, or the patient is not in your facilities.")
	parts, err := rq.engine.Registry.Parts(rq.ctx(), id)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(parts, func(r registry.Record) bool { return r.Ref.Part == registry.ProfilePart })
	if at < 0 {
		return unknown
	}
	p := registry.Patient{Record: parts[at]}
	if !rq.person.Holds(p.Facility()) {
		return unknown
	}
	note := journal.Note(rq.ctx())
	note.Patient, note.Facility, note.Target = id, p.Facility(), ""
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := patientData{Patient: p, ProviderName: d.Display(registry.ProviderField, p.Provider()), HoldReason: p.Get(registry.HoldReason),
		LockedBy: p.LockedBy(), Why: p.Get(registry.LockedWhy), Stamp: p.Stamp}
	data.Facility, _ = d.Facility(p.Facility())
	for _, f := range profileFields {
		value := d.Display(f, p.Get(f))
		switch f {
		case registry.BirthDate, registry.Registered, registry.LastVisit, registry.InsuranceFrom:
			value = english.Date(value)
		}
		if value == "" {
			value = "Not recorded"
		}
		data.Profile = append(data.Profile, planEdit{Label: registry.Label(f), New: value})
	}
	data.visits(parts, d, rq.Now())
	data.notes(parts)
	if data.Pending, err = rq.engine.PendingFor(rq.ctx(), rq.person, p); err != nil {
		return err
	}
	read := 0
	for r, err := range rq.Audit.ForPatient(rq.ctx(), id) {
		if err != nil {
			return err
		}
		if read++; len(data.History) == shownHistory || read > readForHistory {
			data.Older = true
			break
		}
		if r.Type == audit.Change || r.Type == audit.Outcome {
			data.History = append(data.History, changeWords(r, auditlog.Names{Directory: d}))
		}
	}
	// An id is no name, but it is about a patient: it stays out of the title.
	return rq.show(page{name: "patient", title: "Patient", heading: p.Name(), data: data, crumbs: []crumb{{"Patients", "/patients"}, {"Patient", ""}}})
}

func (data *patientData) visits(parts []registry.Record, d registry.Directory, now time.Time) {
	for _, r := range parts {
		if !r.Ref.IsVisit() {
			continue
		}
		at, err := time.Parse(registry.VisitTime, r.Get(registry.VisitStart))
		place := data.Facility
		if f, ok := d.Facility(r.Get(registry.FacilityField)); ok {
			place = f
		}
		row := visitRow{When: r.Get(registry.VisitStart), at: at, Type: r.Get(registry.VisitType), State: r.Get(registry.VisitState),
			Provider: d.Display(registry.ProviderField, r.Get(registry.ProviderField)), Minutes: r.Get(registry.VisitMinutes), Why: r.Get(registry.CancelledWhy)}
		if err == nil {
			row.When = place.LocalTime(at)
		}
		if at.After(now) {
			data.Coming = append(data.Coming, row)
		} else {
			data.Past = append(data.Past, row)
		}
	}
	slices.SortFunc(data.Coming, func(a, b visitRow) int { return a.at.Compare(b.at) })
	slices.SortFunc(data.Past, func(a, b visitRow) int { return b.at.Compare(a.at) })
}

func (data *patientData) notes(parts []registry.Record) {
	for _, g := range []struct{ kind, title string }{{"condition", "Diagnoses"}, {"medication", "Medications"}, {"allergy", "Allergies"}} {
		group := noteGroup{Title: g.title}
		for _, r := range parts {
			if r.Get(registry.ClinicalKind) == g.kind {
				group.Notes = append(group.Notes, r)
			}
		}
		if len(group.Notes) > 0 {
			data.Notes = append(data.Notes, group)
		}
	}
}

// changeWords puts an audit record of a change or of an outcome in words.
func changeWords(r audit.Record, n auditlog.Names) changeRow {
	if r.Type == audit.Outcome {
		return changeRow{Record: r, What: auditlog.Words(r)}
	}
	row := changeRow{Record: r, What: n.About(r)}
	if (registry.Ref{Patient: r.Patient, Part: r.Part}).IsSlot() {
		row.Edits = []planEdit{{"Held", heldWords(r.Old), heldWords(r.New)}}
		return row
	}
	for _, f := range fieldOrder(slices.Values(auditlog.Fields(r))) {
		row.Edits = append(row.Edits, planEdit{n.Label(r, f), shownValue(n.Value(r, f, r.Old[f])), shownValue(n.Value(r, f, r.New[f]))})
	}
	return row
}

// heldWords say whether a slot is held for a visit; whose that is, is not said
// to those who read of somebody else's.
func heldWords(f registry.Fields) string {
	if (registry.Record{Fields: f}).Empty() {
		return "no"
	}
	return "for a visit"
}
