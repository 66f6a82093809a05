package fhir

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bulkops/internal/registry"
)

// organization becomes a facility when something refers to it.
type organization struct {
	name  string
	email string
	it    item // where it stands; the zero item for one of the stored directory
	used  bool
}

type practitioner struct {
	name        string
	email       string
	it          item
	inactive    bool
	specialty   string
	specialtyOf string              // id of the role it came from: the lowest counts, since order means nothing
	facilities  map[string]struct{} // from roles
	seenAt      map[string]struct{} // from encounters, for those whose roles name none
	roles       int                 // counted as what becomes of the provider
	ended       int                 // those that are not active
}

// role is a PractitionerRole until all practitioners are known.
type role struct {
	Practitioner reference `json:"practitioner"`
	Organization reference `json:"organization"`
	Active       flag      `json:"active"`
	Specialty    []concept `json:"specialty"`
	Code         []concept `json:"code"`
	it           item
}

// readDirectory reads organizations, practitioners and their roles, and notes
// which patients the files hold.
func (im *importer) readDirectory() error {
	var roles []role
	err := im.each([]string{kindOrganization, kindPractitioner, kindRole}, []string{kindPatient}, func(it item) error {
		if it.kind == kindPatient {
			im.notePatient(it)
			return nil
		}
		if why := it.checkID(); why != "" {
			im.refuse(it, why)
			return nil
		}
		if !im.first(it) {
			im.add(it, nil) // a Bundle can give the same resource another address
			return nil
		}
		why := ""
		switch it.kind {
		case kindOrganization:
			why = im.organization(it)
		case kindPractitioner:
			why = im.newPractitioner(it)
		default:
			r := role{it: it}
			r.it.raw = nil
			if why = it.decode(&r); why == "" {
				roles = append(roles, r)
				im.roles[it.id] = r.Practitioner
				im.add(it, nil)
			}
		}
		if why != "" {
			im.refuse(it, why)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range roles {
		im.role(r)
	}
	for _, p := range im.patients {
		p.home, _ = im.facility(p.homeRef)
		p.homeRef = reference{}
	}
	return nil
}

func (im *importer) organization(it item) (why string) {
	var r struct {
		Name       string         `json:"name"`
		Alias      []string       `json:"alias"`
		Identifier []identifier   `json:"identifier"`
		Telecom    []contactPoint `json:"telecom"`
	}
	if why := it.decode(&r); why != "" {
		return why
	}
	name := r.Name
	if name == "" {
		name = strings.Join(r.Alias, ", ")
	}
	o := &organization{name: im.name(it, cmp.Or(name, it.id)), email: im.text(it, contact(r.Telecom, "email", atWork)), it: it}
	o.it.raw = nil
	if old := im.organizations[it.id]; old != nil {
		o.used = old.used
	}
	im.organizations[it.id] = o
	im.add(it, r.Identifier)
	return ""
}

func (im *importer) newPractitioner(it item) (why string) {
	var r struct {
		Name       []humanName    `json:"name"`
		Active     flag           `json:"active"`
		Identifier []identifier   `json:"identifier"`
		Telecom    []contactPoint `json:"telecom"`
	}
	if why := it.decode(&r); why != "" {
		return why
	}
	p := &practitioner{it: it, inactive: r.Active.no, facilities: map[string]struct{}{}, seenAt: map[string]struct{}{}}
	p.it.raw = nil
	p.name = im.name(it, cmp.Or(bestName(r.Name, true), it.id))
	p.email = im.text(it, contact(r.Telecom, "email", atWork))
	im.practitioners[it.id] = p
	im.add(it, r.Identifier)
	return ""
}

// role gives a practitioner specialty and facility.
func (im *importer) role(r role) {
	id, ok := im.id(kindPractitioner, r.Practitioner)
	p := im.practitioners[id]
	if !ok || p.it.id == "" {
		im.refuse(r.it, "Its practitioner is not in the files.")
		return
	}
	p.roles++
	if r.Active.no {
		p.ended++
		return
	}
	if r.Organization.given() {
		if o, ok := im.facility(r.Organization); ok {
			p.facilities[o] = struct{}{}
		} else {
			im.report.problem(r.it, "Its organization is not in the files; the role was read without it.")
		}
	}
	for _, c := range slices.Concat(r.Specialty, r.Code) {
		if words := c.words(); words != "" && (p.specialtyOf == "" || r.it.id < p.specialtyOf) {
			p.specialty, p.specialtyOf = im.text(r.it, words), r.it.id
			break
		}
	}
}

// facility resolves a reference to an organization and notes that it is used.
func (im *importer) facility(r reference) (string, bool) {
	id, ok := im.id(kindOrganization, r)
	if ok {
		im.organizations[id].used = true
	}
	return id, ok
}

// writeDirectory adds facilities and providers, and fills what is empty in
// those that exist. What they already say stays: an administrator may have
// said it.
func (im *importer) writeDirectory() error {
	for _, id := range slices.Sorted(maps.Keys(im.organizations)) {
		o, n := im.organizations[id], im.report.count(kindOrganization)
		old, exists := im.before.Facility(id)
		switch {
		case o.it.id == "":
		case exists && old.Email == "" && o.email != "":
			n.Changed++
			old.Email = o.email
			if err := im.store.PutFacility(im.ctx, old); err != nil {
				return fmt.Errorf("write a facility: %w", err)
			}
		case exists && old.Name == o.name && (o.email == "" || old.Email == o.email):
			n.Unchanged++
		case exists:
			n.Kept++
		case !o.used:
			n.Ignored++
		default:
			n.New++
			if err := im.store.PutFacility(im.ctx, registry.Facility{ID: id, Name: o.name, TimeZone: im.zone, Email: o.email,
				Hours: registry.DefaultHours, Lunch: registry.DefaultLunch}); err != nil {
				return fmt.Errorf("write a facility: %w", err)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(im.practitioners)) {
		if p := im.practitioners[id]; p.it.id != "" {
			if err := im.writeProvider(id, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (im *importer) writeProvider(id string, p *practitioner) error {
	works := p.facilities
	if len(works) == 0 {
		works = p.seenAt
	}
	want := registry.Provider{
		ID: id, Name: p.name, Specialty: p.specialty, Facilities: slices.Sorted(maps.Keys(works)),
		Active: !p.inactive && (p.roles == 0 || p.ended < p.roles), Email: p.email,
	}
	n, roles := im.report.count(kindPractitioner), im.report.count(kindRole)
	old, exists := im.before.Provider(id)
	filled := old
	if exists {
		filled.Specialty, filled.Email = cmp.Or(old.Specialty, want.Specialty), cmp.Or(old.Email, want.Email)
		want.Email = cmp.Or(want.Email, old.Email) // without one the files say nothing about it
		if len(old.Facilities) == 0 {
			filled.Facilities = want.Facilities
		}
	}
	switch {
	case !exists:
		n.New++
		roles.New += p.roles
		filled = want
	case !sameProvider(old, filled):
		n.Changed++
		roles.Changed += p.roles
	case sameProvider(old, want):
		n.Unchanged++
		roles.Unchanged += p.roles
		return nil
	default:
		n.Kept++
		roles.Kept += p.roles
		return nil
	}
	if err := im.store.PutProvider(im.ctx, filled); err != nil {
		return fmt.Errorf("write a provider: %w", err)
	}
	return nil
}

func sameProvider(a, b registry.Provider) bool {
	return a.Name == b.Name && a.Specialty == b.Specialty && a.Active == b.Active && a.Email == b.Email &&
		slices.Equal(slices.Sorted(slices.Values(a.Facilities)), slices.Sorted(slices.Values(b.Facilities)))
}

// text and name tidy a text, and report when it had to be cut.
func (im *importer) text(it item, text string) string { return im.tidied(it, text, maxText) }
func (im *importer) name(it item, text string) string { return im.tidied(it, text, maxName) }

func (im *importer) tidied(it item, text string, limit int) string {
	tidied, cut := tidy(text, limit)
	if cut {
		im.report.problem(it, fmt.Sprintf("A text of it is longer than %d characters and was cut.", limit))
	}
	return tidied
}
