package registry

import "strings"

// Patient is a patient's profile record, read with the field's names as methods.
type Patient struct{ Record }

func (p Patient) ID() string       { return p.Ref.Patient }
func (p Patient) Name() string     { return p.Get(Name) }
func (p Patient) Status() Status   { return Status(p.Get(StatusField)) }
func (p Patient) Facility() string { return p.Get(FacilityField) }
func (p Patient) Provider() string { return p.Get(ProviderField) }
func (p Patient) LockedBy() string { return p.Get(LockedBy) }
func (p Patient) TagList() []string {
	return strings.Fields(p.Get(Tags))
}

// Visits returns the references of the patient's scheduled visits, oldest
// first. The profile lists them so that one read of the profile is enough to
// plan, and so that a visit booked between preview and execution makes the
// profile differ from what was planned.
func (p Patient) Visits() []VisitRef { return ParseVisitRefs(p.Get(Upcoming)) }

// Status is where a patient stands in care.
type Status string

const (
	Active       Status = "Active"
	Pending      Status = "Pending"
	OnHold       Status = "On Hold"
	Hospitalized Status = "Hospitalized"
	Discharged   Status = "Discharged"
	Deceased     Status = "Deceased"
	Inactive     Status = "Inactive"
)

// Statuses lists every status in the order in which pages show them.
var Statuses = []Status{Active, Pending, OnHold, Hospitalized, Discharged, Deceased, Inactive}

// ValidStatus reports whether s is one of Statuses.
func ValidStatus(s Status) bool {
	for _, v := range Statuses {
		if v == s {
			return true
		}
	}
	return false
}

// NormalID is the form in which a patient id is compared and stored: without
// the spaces around it. Everything else, leading zeros too, is kept.
func NormalID(id string) string {
	return strings.TrimFunc(id, func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\r' || r == '\n' || r == '\u00a0' || r == '\ufeff'
	})
}
