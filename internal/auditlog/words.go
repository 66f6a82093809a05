package auditlog

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bulkops/internal/audit"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Names are what ids in the audit stand for: facilities, providers, and members
// of staff by their sub.
type Names struct {
	registry.Directory
	Staff map[string]string
}

// place is where records are kept that are no patient's: by what their part
// begins with, as both keys with # between (registry.Ref).
type place struct {
	prefix, suffix string
	about          string            // what an entry is called, before its name
	changed        string            // what happened when it changed
	labels         map[string]string // of its fields, where they are not those of a patient
}

var places = []place{
	{"STAFF#", "#STAFF", "Staff", "Entry of the staff directory", map[string]string{
		"role": "Role", "facilities": "Facilities", "disabled": "Access taken away", "away_from": "Away from", "away_until": "Away until", "delegate": "Delegate"}},
	{"FACILITY#", "", "Facility", "Facility", map[string]string{
		"time_zone": "Time zone", "default_provider": "Default provider", "capacity": "Most patients", "hours": "Days and hours of visits", "lunch": "Lunch break",
		"prefers": "Preferred part of the day for visits", "closed": "Days without visits", "version": "Times changed"}},
	{"PROVIDER#", "", "Provider", "Provider", map[string]string{
		"specialty": "Specialty", "facilities": "Facilities", "active": "Works here", "limit": "Most patients", "hours": "Days and hours of work", "away": "Time off",
		"daily": "Most visits a day", "version": "Times changed"}},
}

// placeOf is where the changed record is kept, and its id there; ok is false
// for a patient's and for a slot.
func placeOf(r audit.Record) (p place, id string, ok bool) {
	i := slices.IndexFunc(places, func(p place) bool {
		return r.Type == audit.Change && r.Patient == "" && strings.HasPrefix(r.Part, p.prefix) && strings.HasSuffix(r.Part, p.suffix)
	})
	if i < 0 {
		return place{}, "", false
	}
	return places[i], strings.TrimSuffix(strings.TrimPrefix(r.Part, places[i].prefix), places[i].suffix), true
}

// names returns the names of the members of staff whom the records are about or
// mention. Who is not in the directory has none.
func (l Log) names(ctx context.Context, d registry.Directory, records []audit.Record) (Names, error) {
	n := Names{d, map[string]string{}}
	for _, r := range records {
		p, sub, ok := placeOf(r)
		if !ok || p.about != "Staff" {
			continue
		}
		for _, sub := range []string{sub, r.Old["delegate"], r.New["delegate"]} {
			if _, asked := n.Staff[sub]; asked || sub == "" {
				continue
			}
			person, err := l.Engine.Staff.Person(ctx, sub)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return n, err
			}
			n.Staff[sub] = person.Name
		}
	}
	return n, nil
}

// Names returns what stands in the records as ids.
func (l Log) Names(ctx context.Context, records []audit.Record) (Names, error) {
	d, err := l.Engine.Registry.Directory(ctx)
	if err != nil {
		return Names{}, err
	}
	return l.names(ctx, d, records)
}

// About says in words which record a change is of; nothing for what is no change.
func (n Names) About(r audit.Record) string {
	if r.Type != audit.Change {
		return ""
	}
	ref := registry.Ref{Patient: r.Patient, Part: r.Part}
	if p, id, ok := placeOf(r); ok {
		return p.about + " " + cmp.Or(r.New[registry.Name], r.Old[registry.Name], n.name(p, id), id)
	}
	switch provider, at, slot := ref.Slot(); {
	case slot:
		return "Time of " + n.Display(registry.ProviderField, provider) + ", " + english.Minute(at)
	case ref.IsVisit():
		if at, ok := ref.VisitStart(); ok {
			return "Visit on " + english.Minute(at)
		}
		return "Visit"
	case ref.IsClinical():
		return "Clinical note"
	case r.Part == registry.ProfilePart:
		return "Profile"
	}
	return r.Part
}

func (n Names) name(p place, id string) string {
	switch p.about {
	case "Staff":
		return n.Staff[id]
	case "Facility":
		return n.Display(registry.FacilityField, id)
	}
	return n.Display(registry.ProviderField, id)
}

// Fields are the names of the fields that a change changed, sorted. That the
// entry of a facility or a provider counts its changes is not said beside them.
func Fields(r audit.Record) []string {
	both := maps.Clone(r.Old)
	if both == nil {
		both = registry.Fields{}
	}
	maps.Copy(both, r.New)
	if _, _, ok := placeOf(r); ok && len(both) > 1 {
		delete(both, "version")
	}
	return slices.Sorted(maps.Keys(both))
}

// Label is the words for a field of the changed record.
func (n Names) Label(r audit.Record, field string) string {
	p, _, _ := placeOf(r)
	return cmp.Or(p.labels[field], registry.Label(field))
}

// twoDays is where one entry of a list of days ends and the next begins.
var twoDays = regexp.MustCompile(`(\d) (\d{4}-)`)

// Value is what a person should read for a value of a field of the changed
// record; nothing for none.
func (n Names) Value(r audit.Record, field, value string) string {
	p, _, ok := placeOf(r)
	if !ok || value == "" {
		return n.Display(field, value)
	}
	switch field {
	case "role":
		return cmp.Or(staff.Role(value).Title(), value)
	case "disabled", "active":
		return cmp.Or(map[string]string{"true": "yes", "false": "no"}[value], value)
	case "delegate":
		return cmp.Or(n.Staff[value], value)
	case "default_provider":
		return n.Display(registry.ProviderField, value)
	case "capacity", "limit", "daily":
		if value == "0" {
			return "no limit"
		}
	case "closed", "away":
		return twoDays.ReplaceAllString(value, "$1, $2")
	case "facilities":
		var held []string
		for _, id := range strings.Fields(value) {
			if id == staff.AllFacilities && p.about == "Staff" {
				return "every facility"
			}
			held = append(held, n.Display(registry.FacilityField, id))
		}
		return strings.Join(held, ", ")
	}
	return value
}

// titles are what accesses are called; every other event is its own word.
var titles = map[string]string{
	audit.SignIn: "Sign-in", audit.SignOut: "Sign-out", audit.PatientsListed: "List of patients opened", audit.PatientsSearched: "Patients searched",
	audit.PatientViewed: "Patient opened", audit.OperationViewed: "Operation opened", audit.FileUploaded: "File uploaded", audit.FileDownloaded: "File downloaded",
	audit.AuditViewed: "Audit opened", audit.AuditExported: "Audit downloaded", audit.PassphraseShown: "Passphrase of a file shown", audit.Unreadable: "Change that cannot be read", audit.Viewed: "Page opened", audit.Sent: "Form sent", audit.Tampered: "Changed by hand",
}

// outcomes are what the outcomes of patients are called.
var outcomes = map[string]string{
	audit.PatientExported: "Put into the file of an export", audit.PatientSkipped: "Skipped by the operation", audit.PatientFailed: "Failed in the operation",
}

// Words say what happened.
func Words(r audit.Record) string {
	if p, _, ok := placeOf(r); ok {
		switch was, is := r.Old[registry.Name], r.New[registry.Name]; {
		case was == "" && is != "":
			return p.changed + " added"
		case was != "" && is == "":
			return p.changed + " removed"
		}
		return p.changed + " changed"
	}
	if r.Type == audit.Change {
		if r.ByHand {
			return "Record changed by hand"
		}
		return "Record changed"
	}
	if title, ok := outcomes[r.What]; ok && r.Type == audit.Outcome {
		return title
	}
	if title, ok := titles[r.What]; ok {
		return title
	}
	return "Operation: " + r.What
}
