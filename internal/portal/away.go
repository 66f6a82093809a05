package portal

import (
	"net/url"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// awayData is when the person is away, and who could decide in their place.
type awayData struct {
	Away      staff.Absence // zero when there is none, or it is over
	Delegate  string        // name; empty for nobody
	Delegates []delegateRow
}

// delegateRow is somebody who could decide in the person's place.
type delegateRow struct {
	staff.Person
	Missing []string // names of the person's facilities that they do not hold
}

// MissingWords are the facilities whose requests do not go to the delegate.
func (r delegateRow) MissingWords() string { return strings.Join(r.Missing, ", ") }

func awayPage(rq *request) error { return rq.showAway(nil, 0) }

func (rq *request) showAway(wrong engine.Problems, status int) error {
	delegates, err := rq.engine.Delegates(rq.ctx(), rq.person)
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	var data awayData
	if !rq.person.Away.Past(rq.Now()) {
		data.Away = rq.person.Away
	}
	for _, p := range delegates {
		row := delegateRow{Person: p}
		for _, f := range d.Facilities {
			if rq.person.Holds(f.ID) && !p.Holds(f.ID) {
				row.Missing = append(row.Missing, d.Display(registry.FacilityField, f.ID))
			}
		}
		if p.Sub == data.Away.Delegate {
			data.Delegate = p.Name
		}
		data.Delegates = append(data.Delegates, row)
	}
	pg := page{name: "away", title: "When you are away", data: data, problems: wrong, status: status,
		crumbs: []crumb{{"Approvals", "/approvals"}, {"When you are away", ""}},
		values: url.Values{"from": {data.Away.From}, "until": {data.Away.Until}, "delegate": {data.Away.Delegate}}}
	pg.banner = rq.note(bulk.Operation{})
	return rq.show(pg)
}

// takeAway records that the person is away, or is back.
func takeAway(rq *request) error {
	var err error
	note := "away"
	if rq.form.Get("back") != "" {
		note = "back"
		_, err = rq.engine.Back(rq.ctx(), rq.person)
	} else {
		_, err = rq.engine.SetAway(rq.ctx(), rq.person, staff.Absence{From: rq.form.Get("from"), Until: rq.form.Get("until"), Delegate: rq.form.Get("delegate")})
	}
	return rq.afterForm(err, "/away?note="+note, rq.showAway)
}
