package fhir

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/registry"
)

// encounterResource is an Encounter. https://hl7.org/fhir/R4/encounter.html
type encounterResource struct {
	Status      string    `json:"status"`
	Class       coding    `json:"class"`
	Type        []concept `json:"type"`
	Subject     reference `json:"subject"`
	Participant []struct {
		Type       []concept `json:"type"`
		Individual reference `json:"individual"`
	} `json:"participant"`
	Period          period    `json:"period"`
	ServiceProvider reference `json:"serviceProvider"`
}

// visit is an encounter as the registry keeps it.
type visit struct {
	it      item
	patient string
	ref     registry.VisitRef
	start   time.Time
	day     string // as it was written there, not in UTC
	fields  registry.Fields
	inError bool     // the source takes it back
	without []string // problems to report if it is imported
}

func (v visit) state() string { return v.fields[registry.VisitState] }

// readEncounters writes visits, and notes in im.patients what they say of
// their patients.
func (im *importer) readEncounters() error {
	var batch []visit
	flush := func() error {
		defer func() { batch = batch[:0] }()
		return im.writeVisits(batch)
	}
	err := im.each([]string{kindEncounter}, nil, func(it item) error {
		if why := it.checkID(); why != "" {
			im.refuse(it, why)
			return nil
		}
		if !im.first(it) {
			return nil
		}
		v, why := im.visit(it)
		if why != "" {
			im.refuse(it, why)
			return nil
		}
		if batch = append(batch, v); len(batch) < chunk {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// maxPlanned is how many planned visits a patient can have: one transaction
// must be able to cancel all of them together with the change to the profile.
const maxPlanned = 90

// Reasons that several types share.
const (
	noPatient      = "Its patient is neither in the files nor in the registry."
	patientChanged = "The patient's record was changed here since an earlier import, so the list of upcoming visits cannot follow; the visit was not imported."
)

func (im *importer) visit(it item) (v visit, why string) {
	var r encounterResource
	if why := it.decode(&r); why != "" {
		return visit{}, why
	}
	start, ok := moment(r.Period.Start)
	day := date(r.Period.Start)
	if !ok || day == "" {
		return visit{}, "Its period has no start, or one that is less than a day."
	}
	state, ok := visitState(r.Status, start.After(im.at))
	if !ok {
		return visit{}, "Its status is not one of FHIR R4."
	}
	id, ok := im.id(kindPatient, r.Subject)
	if !ok {
		return visit{}, noPatient
	}
	what, words := visitType(r)
	v = visit{it: it, patient: id, start: start, day: day, inError: r.Status == "entered-in-error"}
	v.it.raw = nil
	v.ref = registry.VisitRef{Start: start.UTC().Truncate(time.Minute), ID: it.id}
	v.fields = registry.Fields{
		registry.VisitStart: v.ref.Start.Format(registry.VisitTime),
		registry.VisitState: state,
		registry.VisitType:  what,
	}
	if what == "Other" {
		v.fields[registry.VisitNote] = im.text(it, words)
	}
	if v.inError {
		v.fields[registry.CancelledWhy] = "Entered in error"
	}
	if end, ok := moment(r.Period.End); ok && end.After(start) {
		v.fields[registry.VisitMinutes] = strconv.Itoa(int(end.Sub(start).Round(time.Minute) / time.Minute))
	}
	im.place(&v, r)
	return v, ""
}

// place sets facility and provider.
func (im *importer) place(v *visit, r encounterResource) {
	if r.ServiceProvider.given() {
		id, ok := im.facility(r.ServiceProvider)
		if !ok {
			v.without = append(v.without, "Its organization is not in the files; the visit was imported without a facility.")
		}
		v.fields[registry.FacilityField] = id
	}
	var others, performers []reference
	for _, p := range r.Participant {
		if leads := slices.ContainsFunc(p.Type, func(c concept) bool {
			return slices.ContainsFunc(c.Coding, func(k coding) bool { return k.Code == "PPRF" || k.Code == "ATND" })
		}); leads {
			performers = append(performers, p.Individual)
		} else if p.Individual.given() && !strings.Contains(p.Individual.Reference, "RelatedPerson") {
			others = append(others, p.Individual)
		}
	}
	named := append(performers, others...)
	for _, reference := range named {
		if id, ok := im.practitioner(reference); ok {
			v.fields[registry.ProviderField] = id
			if p := im.practitioners[id]; p.seenAt != nil && v.fields[registry.FacilityField] != "" {
				p.seenAt[v.fields[registry.FacilityField]] = struct{}{}
			}
			return
		}
	}
	if len(named) > 0 {
		v.without = append(v.without, "Its practitioner is not in the files; the visit was imported without a provider.")
	}
}

// visitState maps EncounterStatus of R4, and the words that R5 has for the
// same. A visit that was planned for a time that has passed did not take place
// as far as the source knows.
func visitState(status string, future bool) (state string, ok bool) {
	switch status {
	case "finished", "completed", "discharged":
		return registry.VisitCompleted, true
	case "cancelled", "discontinued", "entered-in-error":
		return registry.VisitCancelled, true
	case "planned", "arrived", "triaged", "in-progress", "onleave", "on-hold", "unknown":
		switch {
		case future:
			return registry.VisitScheduled, true
		case status == "planned":
			return registry.VisitMissed, true
		}
		return registry.VisitCompleted, true
	}
	return "", false
}

// typeWords say by which words in an encounter's type a visit type is known.
// The first that fits counts.
var typeWords = []struct{ word, visitType string }{
	{"follow-up", "Follow-up"}, {"follow up", "Follow-up"}, {"followup", "Follow-up"}, {"postoperative", "Follow-up"},
	{"medication", "Medication Review"}, {"prescription", "Medication Review"},
	{"urgent", "Urgent"}, {"emergency", "Urgent"},
	{"well child", "Wellness"}, {"wellness", "Wellness"}, {"preventive", "Wellness"}, {"healthy", "Wellness"},
	{"assessment", "Assessment"}, {"consultation", "Assessment"}, {"evaluation", "Assessment"}, {"screening", "Assessment"},
	{"routine", "Routine"}, {"check up", "Routine"}, {"checkup", "Routine"}, {"check-up", "Routine"},
	{"general examination", "Routine"}, {"prenatal", "Routine"}, {"postnatal", "Routine"},
}

// visitType is one of registry.VisitTypes, and the words it was found in.
func visitType(r encounterResource) (what, words string) {
	var texts []string
	for _, t := range r.Type {
		if w := t.words(); w != "" {
			texts = append(texts, w)
		}
	}
	words = strings.Join(texts, "; ")
	lower := strings.ToLower(words)
	for _, t := range typeWords {
		if strings.Contains(lower, t.word) {
			return t.visitType, words
		}
	}
	if r.Class.Code == "EMER" {
		return "Urgent", words
	}
	return "Other", words
}

// writeVisits compares a chunk of visits with what is stored.
func (im *importer) writeVisits(batch []visit) error {
	asked := map[registry.Ref]struct{}{}
	var refs []registry.Ref
	ask := func(r registry.Ref) {
		if _, ok := asked[r]; !ok {
			asked[r] = struct{}{}
			refs = append(refs, r)
		}
	}
	for _, v := range batch {
		ask(v.ref.Ref(v.patient))
		ask(registry.ProfileRef(v.patient))
	}
	stored, err := im.stored(refs)
	if err != nil {
		return err
	}
	var puts []registry.Record
	moved := map[registry.Ref]struct{}{}
	for _, v := range batch {
		profile, inStore := stored[registry.ProfileRef(v.patient)]
		p := im.patients[v.patient]
		switch {
		case p == nil && !inStore:
			im.refuse(v.it, noPatient)
			continue
		case p == nil:
			p = &patient{}
			im.patients[v.patient] = p
		}
		before, listed := listedVisit(profile, v.it.id)
		ref := v.ref.Ref(v.patient)
		old, exists := stored[ref]
		if v.inError && !exists && !listed {
			im.report.count(kindEncounter).Ignored++
			continue
		}
		if v.state() == registry.VisitScheduled && len(p.scheduled) == maxPlanned {
			im.refuse(v.it, fmt.Sprintf("Its patient already has %d planned visits.", maxPlanned))
			continue
		}
		follows := !inStore || ours(profile)
		if want := im.record(ref, v.fields); !follows && !sameFields(old.Fields, want.Fields) && (listed || v.state() == registry.VisitScheduled) {
			// The profile, which is kept, must go on naming the scheduled visits.
			im.report.count(kindEncounter).Kept++
			if !exists {
				im.report.problem(v.it, patientChanged)
			}
		} else {
			for _, reason := range v.without {
				im.report.problem(v.it, reason)
			}
			im.settle(kindEncounter, stored, want, &puts)
			if listed && before != v.ref {
				moved[before.Ref(v.patient)] = struct{}{}
			}
		}
		if exists && !ours(old) {
			v.fields = old.Fields // what somebody made of it here counts
		}
		p.see(v, listed, im.at)
	}
	if err := im.retire(moved, &puts); err != nil {
		return err
	}
	return im.put(puts)
}

// listedVisit finds the encounter among the upcoming visits of a profile.
func listedVisit(profile registry.Record, id string) (registry.VisitRef, bool) {
	for _, ref := range registry.ParseVisitRefs(profile.Get(registry.Upcoming)) {
		if ref.ID == id {
			return ref, true
		}
	}
	return registry.VisitRef{}, false
}

// retire cancels visits that the source has moved: the start is part of a
// visit's key, so the moved one is another record.
func (im *importer) retire(moved map[registry.Ref]struct{}, puts *[]registry.Record) error {
	var refs []registry.Ref
	for ref := range moved {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b registry.Ref) int {
		return cmp.Or(cmp.Compare(a.Patient, b.Patient), cmp.Compare(a.Part, b.Part))
	})
	stored, err := im.stored(refs)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if old, ok := stored[ref]; ok && ours(old) && old.Get(registry.VisitState) == registry.VisitScheduled {
			fields := old.Clone().Fields
			fields[registry.VisitState] = registry.VisitCancelled
			fields[registry.CancelledWhy] = "Moved to another time"
			*puts = append(*puts, im.record(ref, fields))
		}
	}
	return nil
}

// see notes what the visit says of its patient.
func (p *patient) see(v visit, listed bool, at time.Time) {
	if listed {
		if p.spokenOf == nil {
			p.spokenOf = map[string]struct{}{}
		}
		p.spokenOf[v.it.id] = struct{}{}
	}
	if v.state() == registry.VisitCancelled {
		return
	}
	if v.state() == registry.VisitScheduled {
		if p.scheduled == nil {
			p.scheduled = map[string]registry.VisitRef{}
		}
		p.scheduled[v.it.id] = v.ref
	}
	if v.state() == registry.VisitCompleted {
		p.last = max(p.last, v.day)
	}
	if !v.start.After(at) && (p.first == "" || v.day < p.first) {
		p.first = v.day
	}
	p.facility.see(v, v.fields[registry.FacilityField])
	p.provider.see(v, v.fields[registry.ProviderField])
}
