package kind

import (
	"fmt"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of a facility transfer, besides FutureVisits, which it answers with
// ShiftVisits, KeepVisits or DropVisits.
const (
	TransferTo   = "to"       // a facility's id
	WithProvider = "provider" // KeepProvider, StandIn or AssignLater
)

// Who the provider is at the new facility.
const (
	KeepProvider = "keep"    // the present one, who has to work there
	StandIn      = "default" // the default provider of the new facility
	AssignLater  = "later"   // none for now
)

// FacilityTransfer moves patients to another facility.
var FacilityTransfer = Kind{
	Name:        "facility-transfer",
	Title:       "Facility Transfer",
	Approver:    staff.Manager,
	Undoable:    true,
	Tasks:       transferTasks,
	Summary:     summariseTransfer,
	Check:       checkTransfer,
	ReadsVisits: func(p bulk.Params) bool { return p[FutureVisits] != KeepVisits },
	Destinations: func(p bulk.Params, d registry.Directory) (providers, facilities []string) {
		return newDefault(p, d), []string{p[TransferTo]}
	},
	Books: func(p bulk.Params, d registry.Directory, at time.Time) (providers []string, from, to time.Time) {
		if p[FutureVisits] == ShiftVisits {
			providers = newDefault(p, d)
		}
		from, to = allAhead(at)
		return providers, from, to
	},
	New: func(p bulk.Params, w World) Planner {
		to, _ := w.Directory.Facility(p[TransferTo])
		return &transfer{roster: newRoster(w), diary: newDiary(w), to: to, with: p[WithProvider], visits: p[FutureVisits]}
	},
}

// newDefault is the default provider of the new facility, where patients go to them.
func newDefault(p bulk.Params, d registry.Directory) []string {
	if f, _ := d.Facility(p[TransferTo]); p[WithProvider] == StandIn && f.DefaultProvider != "" {
		return []string{f.DefaultProvider}
	}
	return nil
}

// transferTasks are what a transfer leaves to people.
var transferTasks = []Task{
	{Name: "provider", Title: "Every patient has a provider", How: "Give a provider to those who have none: the patients without a provider are listed under Patients.", See: Link{"/patients/without-provider", "Patients without a provider"}},
	{Name: "visits", Title: "Visits are handled", How: "Book new visits for those whose visits were cancelled, and see to those that stayed at the old facility."},
	{Name: "records", Title: "Pharmacies and records are told", How: "Tell the patients’ pharmacies and whoever keeps their paper records where they are now."},
	{Name: "facilities", Title: "Both facilities are notified", How: "Tell the facility that the patients left and the one that they came to, with the number of patients."},
	{Name: "failures", Title: "Those who were not changed are seen to", How: "Read on the operation’s page who was skipped or failed, and why. Run the operation again for them, or change them by hand."},
	{Name: "sample", Title: "A sample is checked", How: "Open five of the changed patients and compare facility, provider and visits with the plan."},
}

func summariseTransfer(p bulk.Params, d registry.Directory) string {
	return "Transfer to " + d.Display(registry.FacilityField, p[TransferTo]) + map[string]string{
		KeepProvider: ", with the present provider",
		StandIn:      ", to its default provider",
		AssignLater:  ", provider to be assigned later",
	}[p[WithProvider]] + map[string]string{
		ShiftVisits: "; future visits move along",
		KeepVisits:  "; future visits stay at the old facility",
		DropVisits:  "; future visits at the old facility are cancelled",
	}[p[FutureVisits]]
}

func checkTransfer(p bulk.Params, d registry.Directory) []Problem {
	c := checker{params: p, kind: "A facility transfer"}
	f, known := d.Facility(p[TransferTo])
	switch {
	case p[TransferTo] == "":
		c.add(TransferTo, "Choose the new facility.")
	case !known:
		c.add(TransferTo, "Choose one of the listed facilities.")
	}
	c.oneOf(WithProvider, "Choose who the provider is at the new facility.", KeepProvider, StandIn, AssignLater)
	if known && p[WithProvider] == StandIn {
		if q, _ := d.Provider(f.DefaultProvider); !q.Active || !q.WorksAt(f.ID) {
			c.add(WithProvider, f.Name+" has no default provider who works there. Choose another answer.")
		}
	}
	c.oneOf(FutureVisits, "Choose what happens to future visits.", ShiftVisits, KeepVisits, DropVisits)
	return c.done(TransferTo, WithProvider, FutureVisits)
}

// transfer is the planner; its state is how many patients the facility and its
// default provider have, and the diary.
type transfer struct {
	roster roster
	diary  *diary
	to     registry.Facility
	with   string
	visits string
}

func (m *transfer) Plan(s Subject) (bulk.Change, *bulk.Exclusion) {
	p := s.Patient
	if p.Facility() == m.to.ID {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo, Sentence: fmt.Sprintf("The facility is already %s.", m.to.Name)}
	}
	if exclusion := m.roster.crowded(m.to.ID); exclusion != nil {
		return bulk.Change{}, exclusion
	}
	provider, exclusion := m.provider(p)
	if exclusion != nil {
		return bulk.Change{}, exclusion
	}
	profile := profileEdit(p, registry.Fields{registry.FacilityField: m.to.ID, registry.ProviderField: provider})
	if provider != "" {
		profile.Reads[registry.NeedsSpecialty] = p.Get(registry.NeedsSpecialty)
	}
	edits := []bulk.Edit{profile}
	if m.visits != KeepVisits {
		visits, exclusion := bookings(s, m.diary.at, registry.FacilityField)
		if exclusion != nil {
			return bulk.Change{}, exclusion
		}
		if m.visits == DropVisits {
			edits = append(edits, cancelBookings(profile, p, visits, "Patient moved to another facility")...)
		} else {
			if exclusion := m.inTheWay(p, visits, provider); exclusion != nil {
				return bulk.Change{}, exclusion
			}
			edits = append(edits, editBookings(profile, p, visits, func(b booked) registry.Fields {
				fields := registry.Fields{registry.FacilityField: m.to.ID}
				if m.goesTo(p, b, provider) {
					fields[registry.ProviderField] = provider
				}
				return fields
			})...)
			for _, b := range visits {
				if provider != "" && m.goesTo(p, b, provider) {
					edits = append(edits, m.diary.hold(b.with(provider, m.to.ID), b.record.Ref)...)
				}
			}
		}
	}
	return changeOf(p, edits...), nil
}

// provider is who the patient's provider is at the new facility; "" is nobody.
func (m *transfer) provider(p registry.Patient) (string, *bulk.Exclusion) {
	switch {
	case m.with == AssignLater, m.with == KeepProvider && p.Provider() == "":
		return "", nil
	case m.with == KeepProvider, m.to.DefaultProvider == p.Provider():
		return p.Provider(), m.roster.suits(p.Provider(), p, m.to.ID)
	}
	id, exclusion := standIn(m.roster.directory, m.to.ID)
	if exclusion == nil {
		exclusion = m.roster.takes(id, p, m.to.ID)
	}
	return id, exclusion
}

// follows reports whether a visit that moves goes to the patient's provider at
// the new facility: it is with the present one, or with nobody.
func (m *transfer) follows(p registry.Patient, b booked) bool {
	with := b.record.Get(registry.ProviderField)
	return with == "" || with == p.Provider()
}

// goesTo reports whether a visit that moves goes from somebody else to the
// patient's provider at the new facility.
func (m *transfer) goesTo(p registry.Patient, b booked, provider string) bool {
	return provider != p.Provider() && m.follows(p, b)
}

// inTheWay says why the visits cannot take place at the new facility at their
// times, with the new provider or those they are with; nil when they can.
func (m *transfer) inTheWay(p registry.Patient, visits []booked, provider string) *bulk.Exclusion {
	var taken []booked // over by the provider
	old, _ := m.roster.directory.Facility(p.Facility())
	for _, b := range visits {
		if old.TimeZone != m.to.TimeZone {
			return &bulk.Exclusion{Code: bulk.VisitInTheWay,
				Sentence: fmt.Sprintf("%s has another time zone than %s, so visits cannot keep their times.", m.to.Name, m.roster.facility(p.Facility()))}
		}
		if v := b.with("", m.to.ID); !m.diary.calendar.Opens(v) {
			return &bulk.Exclusion{Code: bulk.VisitInTheWay,
				Sentence: fmt.Sprintf("%s is closed at the time of one of the patient’s visits, %s.", m.to.Name, m.to.LocalTime(v.Start))}
		}
		with, _ := m.roster.directory.Provider(b.record.Get(registry.ProviderField))
		if !m.follows(p, b) && !with.WorksAt(m.to.ID) {
			return &bulk.Exclusion{Code: bulk.VisitInTheWay,
				Sentence: fmt.Sprintf("A visit is with %s, who does not work at %s.", m.roster.provider(b.record.Get(registry.ProviderField)), m.to.Name)}
		}
		if provider != "" && m.goesTo(p, b, provider) {
			taken = append(taken, b)
		}
	}
	return m.diary.inTheWay(provider, 0, taken, m.to.ID)
}

// Planned counts the patient for the new facility and its provider.
func (m *transfer) Planned(c bulk.Change) {
	m.roster.residents[m.to.ID]++
	m.diary.Planned(c)
	if id := c.Edits[0].After[registry.ProviderField]; id != "" {
		m.roster.patients[id]++
	}
}
