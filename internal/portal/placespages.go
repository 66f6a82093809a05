package portal

import (
	"net/url"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
)

// placeRow is a facility or a provider as the directory lists them.
type placeRow struct {
	ID, Name, Where, When string
	Visits, Rules         string // most a day, of a provider; most patients
}

// placesPage lists facilities and providers with their calendars.
func placesPage(rq *request) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	var data struct{ Facilities, Providers []placeRow }
	for _, f := range d.Facilities {
		data.Facilities = append(data.Facilities, placeRow{ID: f.ID, Name: f.Name, Where: f.TimeZone, When: hoursWords(f.Hours, "no visits"), Rules: limitWords(f.Capacity, "patient", "patients")})
	}
	for _, p := range d.Providers {
		where := ""
		for i, id := range p.Facilities {
			if i > 0 {
				where += ", "
			}
			where += d.Display(registry.FacilityField, id)
		}
		when := hoursWords(p.Hours, "while the facility is open")
		if !p.Active {
			when = "no longer works"
		}
		data.Providers = append(data.Providers, placeRow{ID: p.ID, Name: p.Name, Where: where, When: when,
			Visits: limitWords(p.Daily, "visit a day", "visits a day"), Rules: limitWords(p.Limit, "patient", "patients")})
	}
	pg := page{name: "places", title: "Facilities", data: data, crumbs: []crumb{{"Facilities", ""}}}
	pg.banner = rq.note(bulk.Operation{})
	return rq.show(pg)
}

func hoursWords(w registry.Week, none string) string {
	if w.Empty() {
		return none
	}
	return w.String()
}

func limitWords(n int, one, many string) string {
	if n == 0 {
		return "no limit"
	}
	return "at most " + english.Count(n, one, many)
}

// facilityData is a facility with the choices for it.
type facilityData struct {
	Facility  registry.Facility
	Providers []registry.Provider // who work there
}

func facilityPage(rq *request) error {
	return rq.showFacility(nil, 0)
}

func (rq *request) showFacility(wrong engine.Problems, status int) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	f, known := d.Facility(rq.r.PathValue("facility"))
	if !known {
		return fault.New(fault.NotFound, "There is no such facility.")
	}
	journal.Note(rq.ctx()).Target = f.Name
	data := facilityData{Facility: f}
	for _, p := range d.Providers {
		if p.Active && p.WorksAt(f.ID) {
			data.Providers = append(data.Providers, p)
		}
	}
	a := engine.AnswersOf(f)
	return rq.show(page{name: "facility", title: f.Name, data: data, problems: wrong, status: status,
		values: url.Values{"time_zone": {a.TimeZone}, "provider": {a.Provider}, "hours": {a.Hours}, "lunch": {a.Lunch}, "prefers": {a.Prefers},
			"closed": {a.Closed}, "capacity": {a.Capacity}},
		crumbs: []crumb{{"Facilities", "/admin/facilities"}, {f.Name, ""}}})
}

// setFacility changes a facility.
func setFacility(rq *request) error {
	get := rq.form.Get
	err := rq.engine.SetFacility(rq.ctx(), rq.person, rq.r.PathValue("facility"), rq.version(), engine.FacilityAnswers{
		TimeZone: get("time_zone"), Provider: get("provider"), Hours: get("hours"), Lunch: get("lunch"), Prefers: get("prefers"),
		Closed: get("closed"), Capacity: get("capacity")})
	return rq.afterForm(err, "/admin/facilities?note=place", rq.showFacility)
}

func providerPage(rq *request) error { return rq.showProvider(nil, 0) }

func (rq *request) showProvider(wrong engine.Problems, status int) error {
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	p, known := d.Provider(rq.r.PathValue("provider"))
	if !known {
		return fault.New(fault.NotFound, "There is no such provider.")
	}
	journal.Note(rq.ctx()).Target = p.Name
	a := engine.ProviderAnswersOf(p)
	return rq.show(page{name: "provider", title: p.Name, data: p, problems: wrong, status: status,
		values: url.Values{"hours": {a.Hours}, "away": {a.Away}, "daily": {a.Daily}, "limit": {a.Limit}},
		crumbs: []crumb{{"Facilities", "/admin/facilities"}, {p.Name, ""}}})
}

// setProvider changes a provider.
func setProvider(rq *request) error {
	get := rq.form.Get
	err := rq.engine.SetProvider(rq.ctx(), rq.person, rq.r.PathValue("provider"), rq.version(), engine.ProviderAnswers{
		Hours: get("hours"), Away: get("away"), Daily: get("daily"), Limit: get("limit")})
	return rq.afterForm(err, "/admin/facilities?note=place", rq.showProvider)
}
