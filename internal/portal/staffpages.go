package portal

import (
	"net/url"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// staffRow is somebody as the directory lists them.
type staffRow struct {
	staff.Person
	Rights   string // in words
	Delegate string // name; empty where there is none
}

// staffPage lists the staff directory.
func staffPage(rq *request) error {
	people, err := rq.engine.Everybody(rq.ctx(), rq.person)
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := struct {
		Roles  []staff.Role
		Chosen staff.Role
		Rows   []staffRow
	}{Roles: staff.Roles, Chosen: staff.Role(rq.r.URL.Query().Get("role"))}
	for _, p := range people {
		if data.Chosen.Valid() && p.Role != data.Chosen {
			continue
		}
		data.Rows = append(data.Rows, rq.staffRow(p, people, d))
	}
	pg := page{name: "staff", title: "Staff", data: data, crumbs: []crumb{{"Staff", ""}}}
	pg.banner = rq.note(bulk.Operation{})
	return rq.show(pg)
}

func (rq *request) staffRow(p staff.Person, people []staff.Person, d registry.Directory) staffRow {
	row := staffRow{Person: p, Rights: engine.RightsWords(p, d)}
	if i := slices.IndexFunc(people, func(q staff.Person) bool { return q.Sub == p.Away.Delegate }); i >= 0 {
		row.Delegate = people[i].Name
	}
	return row
}

// rightsData is somebody's rights with the choices for new ones.
type rightsData struct {
	Entry      staff.Person
	Rights     string
	Hindrance  string // why the administrator cannot change them; empty when they can
	Roles      []option
	Facilities []option
	Access     []option
}

// roleHints say what each role may do.
var roleHints = map[staff.Role]string{
	staff.Admin:    "May do everything a manager may, reads every operation, and keeps this directory",
	staff.Manager:  "Also decides on every kind of operation in their facilities",
	staff.TeamLead: "Also decides on tags and exports in their facilities",
	staff.Staff:    "Asks for operations in their facilities",
	staff.Auditor:  "Reads every operation and the audit, and changes nothing",
}

func roleChoices() []option {
	choices := make([]option, len(staff.Roles))
	for i, r := range staff.Roles {
		choices[i] = option{string(r), r.Title(), roleHints[r]}
	}
	return choices
}

func facilityChoices(d registry.Directory) []option {
	choices := []option{{Value: staff.AllFacilities, Title: "Every facility, also those to come"}}
	for _, f := range d.Facilities {
		choices = append(choices, option{Value: f.ID, Title: f.Name})
	}
	return choices
}

var accessChoices = []option{{"yes", "Take the access away", "For somebody who left. They see nothing from their next click on; what they did stays in the audit."}}

func rightsPage(rq *request) error { return rq.showRights(nil, 0) }

func (rq *request) showRights(wrong engine.Problems, status int) error {
	p, err := rq.engine.Entry(rq.ctx(), rq.person, rq.r.PathValue("person"))
	if err != nil {
		return err
	}
	journal.Note(rq.ctx()).Target = p.Sub
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := rightsData{Entry: p, Rights: engine.RightsWords(p, d), Roles: roleChoices(), Facilities: facilityChoices(d), Access: accessChoices}
	if err := rq.engine.MayNotSetRights(rq.person, p.Sub); err != nil {
		data.Hindrance = fault.Sentence(err)
	}
	values := url.Values{"role": {string(p.Role)}, "facility": p.Facilities}
	if p.Disabled {
		values.Set("disabled", "yes")
	}
	return rq.show(page{name: "rights", title: "Rights: " + p.Name, data: data, values: values, problems: wrong, status: status,
		crumbs: []crumb{{"Staff", "/admin/staff"}, {p.Name, ""}}})
}

// setRights changes what somebody may do.
func setRights(rq *request) error {
	sub := rq.r.PathValue("person")
	journal.Note(rq.ctx()).Target = sub
	_, err := rq.engine.SetRights(rq.ctx(), rq.person, sub, rq.version(), engine.Rights{
		Role: staff.Role(rq.form.Get("role")), Facilities: rq.form["facility"], Disabled: rq.form.Get("disabled") != "",
	})
	return rq.afterForm(err, "/admin/staff?note=rights", rq.showRights)
}
