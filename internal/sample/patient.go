package sample

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

var statusShares = []share[registry.Status]{
	{registry.Active, 62}, {registry.OnHold, 10}, {registry.Discharged, 9}, {registry.Pending, 8},
	{registry.Hospitalized, 4}, {registry.Inactive, 4}, {registry.Deceased, 3},
}

// tagNames are what the sample's patients are tagged with, sorted.
var tagNames = []string{
	"diabetes", "fall-risk", "high-risk", "hypertension", "interpreter", "needs-transport",
	"telehealth", "vaccination-due", "wound-care",
}

var insurancePlans = []share[string]{
	{"Medicare", 34}, {"Medicaid", 18}, {"Blue Cross PPO", 16}, {"United Choice HMO", 12}, {"Aetna Silver", 9},
	{"Tricare", 3}, {"", 8},
}

var languages = []share[string]{
	{"English", 74}, {"Spanish", 15}, {"Chinese", 3}, {"Vietnamese", 2}, {"Arabic", 2}, {"French", 2}, {"Tagalog", 2},
}

var lockReasons = []string{"Chart review", "Legal hold", "Duplicate record being merged", "Billing dispute"}

var lockers = []string{"Rita Chen", "Billing office", "Medical records", "Compliance"}

// patient is one patient while being made up.
type patient struct {
	dice
	id       string
	at       time.Time
	dir      registry.Directory
	facility registry.Facility
	fields   registry.Fields
	parts    []registry.Record // visits and clinical notes
}

func newPatient(n int, at time.Time, dir registry.Directory) *patient {
	p := &patient{dice: roll(n), id: PatientID(n), at: at, dir: dir, fields: registry.Fields{}}
	p.facility, _ = dir.Facility(draw(p.dice, patientShares))
	status := draw(p.dice, statusShares)
	name := pick(p.dice, firstNames) + " " + pick(p.dice, lastNames)
	locked := p.percent(2)
	switch {
	case n == 1:
		// The canary takes part in whatever a test does with Riverside's active patients.
		p.facility, _ = dir.Facility(Riverside)
		name, status, locked = Canary, registry.Active, false
	case n-2 < len(HostileNames):
		name, locked = HostileNames[n-2], false
	}
	p.fields[registry.Name] = name
	p.fields[registry.StatusField] = string(status)
	p.fields[registry.FacilityField] = p.facility.ID
	if p.percent(97) {
		p.fields[registry.ProviderField] = p.provider()
	}
	if status == registry.OnHold {
		p.fields[registry.HoldReason] = pick(p.dice, kind.HoldReasons)
	}
	if locked {
		p.fields[registry.LockedBy] = pick(p.dice, lockers)
		p.fields[registry.LockedWhy] = pick(p.dice, lockReasons)
	}
	p.person(name)
	p.insurance()
	p.tags()
	p.visits(status)
	p.clinical()
	p.specialty()
	return p
}

// records are the profile and then the rest. An empty value is left out.
func (p *patient) records() []registry.Record {
	stamp := registry.Stamp{By: By, At: p.at}
	records := []registry.Record{{Ref: registry.ProfileRef(p.id), Fields: p.fields}}
	records = append(records, p.parts...)
	for i := range records {
		records[i].Stamp = stamp
		for name, value := range records[i].Fields {
			if value == "" {
				delete(records[i].Fields, name)
			}
		}
	}
	return records
}

// provider draws one who works at the patient's facility.
func (p *patient) provider() string {
	var here []string
	for _, q := range p.dir.Providers {
		if q.Active && slices.Contains(q.Facilities, p.facility.ID) {
			here = append(here, q.ID)
		}
	}
	return pick(p.dice, here)
}

// specialty makes some patients of specialists need just that specialty.
func (p *patient) specialty() {
	provider, _ := p.dir.Provider(p.fields[registry.ProviderField])
	if general := strings.HasSuffix(provider.Specialty, "Medicine"); !general && p.percent(20) {
		p.fields[registry.NeedsSpecialty] = provider.Specialty
	}
}

func (p *patient) person(name string) {
	age := max(p.between(0, 95), p.between(0, 95)) // twice, because older people come more often
	p.fields[registry.BirthDate] = p.day(-365*age - p.between(0, 364))
	registered := p.between(40, 6*365)
	if p.fields[registry.StatusField] == string(registry.Pending) {
		registered = p.between(0, 30)
	}
	p.fields[registry.Registered] = p.day(-min(registered, 365*age+1))
	p.fields[registry.Language] = draw(p.dice, languages)
	if p.percent(96) {
		p.fields[registry.Phone] = p.phone()
	}
	if p.percent(80) {
		p.fields[registry.Email] = mailbox(name) + "." + p.id + "@example.org"
	}
	if p.percent(98) {
		p.fields[registry.Address] = fmt.Sprintf("%d %s, %s", p.between(1, 980), pick(p.dice, streets), pick(p.dice, towns[p.facility.ID]))
	}
	if p.percent(85) {
		p.fields[registry.EmergencyName] = pick(p.dice, firstNames) + " " + pick(p.dice, lastNames)
		p.fields[registry.EmergencyPhone] = p.phone()
	}
}

// mailbox is the part of a name that an e-mail address can have.
func mailbox(name string) string {
	letters := strings.Map(func(r rune) rune {
		if r == ' ' {
			return '.'
		}
		if r > unicode.MaxASCII || !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	parts := strings.FieldsFunc(letters, func(r rune) bool { return r == '.' })
	if len(parts) == 0 {
		return "patient"
	}
	return strings.Join(parts[:min(len(parts), 2)], ".")
}

func (p *patient) phone() string {
	return fmt.Sprintf("+1%s55501%02d", areaCodes[p.facility.ID], p.IntN(100))
}

func (p *patient) insurance() {
	plan := draw(p.dice, insurancePlans)
	if plan == "" {
		return
	}
	p.fields[registry.InsurancePlan] = plan
	p.fields[registry.InsuranceID] = fmt.Sprintf("%s%08d", strings.ToUpper(plan[:2]), p.IntN(100_000_000))
	p.fields[registry.InsuranceFrom] = p.day(-p.between(10, 1500))
}

func (p *patient) tags() {
	var tags []string
	for _, t := range tagNames {
		if p.percent(12) {
			tags = append(tags, t)
		}
	}
	p.fields[registry.Tags] = strings.Join(tags, " ")
}

// day is the date so many days from the moment of the sample, in UTC.
func (p *patient) day(days int) string { return p.at.AddDate(0, 0, days).Format(time.DateOnly) }
