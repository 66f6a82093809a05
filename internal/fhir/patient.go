package fhir

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkops/internal/registry"
)

// patient is what other resources say of a patient.
type patient struct {
	inFiles   bool
	homeRef   reference // managing organization, until the organizations are known
	home      string
	first     string // date of the first encounter, future ones aside
	last      string // date of the last completed one
	facility  latest
	provider  latest
	scheduled map[string]registry.VisitRef // by encounter id
	spokenOf  map[string]struct{}          // encounters of the files that the stored profile lists
}

// latest is what the latest encounter that says anything says.
type latest struct {
	start     time.Time
	encounter string // breaks a tie, since the order of files means nothing
	day, id   string
}

func (l *latest) see(v visit, id string) {
	if c := v.start.Compare(l.start); id != "" && (l.id == "" || c > 0 || c == 0 && v.it.id > l.encounter) {
		*l = latest{v.start, v.it.id, v.day, id}
	}
}

// patientResource is a Patient. https://hl7.org/fhir/R4/patient.html
type patientResource struct {
	Identifier       []identifier   `json:"identifier"`
	Active           flag           `json:"active"`
	Name             []humanName    `json:"name"`
	Telecom          []contactPoint `json:"telecom"`
	BirthDate        string         `json:"birthDate"`
	DeceasedBoolean  bool           `json:"deceasedBoolean"`
	DeceasedDateTime string         `json:"deceasedDateTime"`
	Address          []address      `json:"address"`
	Communication    []struct {
		Language  concept `json:"language"`
		Preferred bool    `json:"preferred"`
	} `json:"communication"`
	Contact []struct {
		Relationship []concept      `json:"relationship"`
		Name         humanName      `json:"name"`
		Telecom      []contactPoint `json:"telecom"`
	} `json:"contact"`
	GeneralPractitioner  []reference `json:"generalPractitioner"`
	ManagingOrganization reference   `json:"managingOrganization"`
}

// notePatient makes a patient known to what refers to it, if readPatients is
// going to import it.
func (im *importer) notePatient(it item) {
	var r patientResource
	if it.checkID() != "" || it.decode(&r) != "" {
		return
	}
	im.add(it, r.Identifier)
	if im.patients[it.id] == nil {
		im.patients[it.id] = &patient{inFiles: true, homeRef: r.ManagingOrganization}
	}
}

// readPatients writes profiles: those of the files' patients, then those of
// other patients whose encounters the files hold.
func (im *importer) readPatients() error {
	type waiting struct {
		it item
		r  patientResource
	}
	var batch []waiting
	flush := func() error {
		var refs []registry.Ref
		for _, w := range batch {
			refs = append(refs, registry.ProfileRef(w.it.id))
		}
		stored, err := im.stored(refs)
		if err != nil {
			return err
		}
		var puts []registry.Record
		for _, w := range batch {
			ref := registry.ProfileRef(w.it.id)
			fields := maps.Clone(stored[ref].Fields)
			if fields == nil {
				fields = registry.Fields{}
			}
			im.describe(fields, w.it, w.r)
			im.schedule(fields, im.patients[w.it.id])
			if fields[registry.FacilityField] == "" {
				im.report.problem(w.it, "Nothing names a facility of this patient, so no facility's list shows it.")
			}
			im.settle(kindPatient, stored, im.record(ref, fields), &puts)
		}
		batch = batch[:0]
		return im.put(puts)
	}
	err := im.each([]string{kindPatient}, nil, func(it item) error {
		var r patientResource
		if why := cmp.Or(it.checkID(), it.decode(&r)); why != "" {
			im.refuse(it, why)
			return nil
		}
		if !im.first(it) {
			return nil
		}
		it.raw = nil
		if batch = append(batch, waiting{it, r}); len(batch) < chunk {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return im.updateOthers()
}

// updateOthers keeps the profiles of patients right who are in the registry
// but not in the files. They are not counted: no resource of theirs was read.
func (im *importer) updateOthers() error {
	var ids []string
	for id, p := range im.patients {
		if !p.inFiles {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for ids := range slices.Chunk(ids, chunk) {
		var refs []registry.Ref
		for _, id := range ids {
			refs = append(refs, registry.ProfileRef(id))
		}
		stored, err := im.stored(refs)
		if err != nil {
			return err
		}
		var puts []registry.Record
		for _, ref := range refs {
			old, exists := stored[ref]
			if !exists || !ours(old) {
				continue
			}
			fields := maps.Clone(old.Fields)
			im.schedule(fields, im.patients[ref.Patient])
			if !sameFields(old.Fields, fields) {
				puts = append(puts, im.record(ref, fields))
			}
		}
		if err := im.put(puts); err != nil {
			return err
		}
	}
	return nil
}

// describe sets what a Patient says; fields that FHIR has no word for (tags,
// insurance) stay.
func (im *importer) describe(fields registry.Fields, it item, r patientResource) {
	set := func(field, value string) { fields[field] = im.text(it, value) }
	name := bestName(r.Name, false)
	if strings.TrimSpace(name) == "" {
		im.report.problem(it, "It has no name; it was imported as (no name).")
		name = "(no name)"
	}
	fields[registry.Name] = im.name(it, name)
	fields[registry.BirthDate] = date(r.BirthDate)
	if r.BirthDate != "" && fields[registry.BirthDate] == "" {
		im.report.problem(it, "Its birth date is not a whole date; it was imported without.")
	}
	status := registry.Active
	switch {
	case r.DeceasedBoolean || r.DeceasedDateTime != "":
		status = registry.Deceased
	case r.Active.no:
		status = registry.Inactive
	}
	fields[registry.StatusField] = string(status)
	set(registry.Phone, contact(r.Telecom, "phone", inPrivate))
	set(registry.Email, contact(r.Telecom, "email", inPrivate))
	set(registry.Address, postal(r.Address))
	language := ""
	for i, c := range r.Communication {
		if i == 0 || c.Preferred {
			language = c.Language.words()
		}
		if c.Preferred {
			break
		}
	}
	set(registry.Language, language)
	delete(fields, registry.EmergencyName)
	delete(fields, registry.EmergencyPhone)
	for _, wanted := range []string{"C", "N"} { // emergency contact, else next of kin
		for _, c := range r.Contact {
			if fields[registry.EmergencyName] == "" && related(c.Relationship, wanted) {
				fields[registry.EmergencyName] = im.name(it, bestName([]humanName{c.Name}, false))
				set(registry.EmergencyPhone, contact(c.Telecom, "phone", inPrivate))
			}
		}
	}
	im.assign(fields, it, r)
}

// related reports whether a contact has the relationship of HL7 table 0131.
func related(relationship []concept, code string) bool {
	return slices.ContainsFunc(relationship, func(c concept) bool {
		return slices.ContainsFunc(c.Coding, func(k coding) bool { return k.Code == code }) ||
			code == "C" && strings.Contains(strings.ToLower(c.words()), "emergency")
	})
}

// assign gives a patient the facility and provider that the Patient names,
// where there are none; encounters say more and are asked later.
func (im *importer) assign(fields registry.Fields, it item, r patientResource) {
	if r.ManagingOrganization.given() {
		home := im.patients[it.id].home
		if home == "" {
			im.report.problem(it, "Its managing organization is not in the files; it was imported without.")
		}
		fields[registry.FacilityField] = cmp.Or(fields[registry.FacilityField], home)
	}
	for _, reference := range r.GeneralPractitioner {
		if id, ok := im.practitioner(reference); ok {
			fields[registry.ProviderField] = cmp.Or(fields[registry.ProviderField], id)
			break
		}
	}
}

// schedule sets what encounters say. It only adds to what earlier imports
// found: files may hold no more than the latest encounters.
func (im *importer) schedule(fields registry.Fields, p *patient) {
	known := fields[registry.LastVisit]
	if p.facility.id != "" && p.facility.day >= known {
		fields[registry.FacilityField] = p.facility.id
	}
	if p.provider.id != "" && p.provider.day >= known {
		fields[registry.ProviderField] = p.provider.id
	}
	switch registered := fields[registry.Registered]; {
	case p.first != "" && (registered == "" || p.first < registered):
		fields[registry.Registered] = p.first
	case registered == "":
		fields[registry.Registered] = im.at.Format(time.DateOnly)
	}
	fields[registry.LastVisit] = max(known, p.last)

	upcoming := slices.Collect(maps.Values(p.scheduled))
	for _, v := range registry.ParseVisitRefs(fields[registry.Upcoming]) {
		if _, ok := p.spokenOf[v.ID]; !ok {
			upcoming = append(upcoming, v)
		}
	}
	slices.SortFunc(upcoming, func(a, b registry.VisitRef) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	fields[registry.Upcoming] = registry.FormatVisitRefs(upcoming)
}
