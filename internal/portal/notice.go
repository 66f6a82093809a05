package portal

import (
	"fmt"
	"strings"

	"bulkops/internal/engine"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
)

// noticeData is a message and a page of the patients whom it is about.
type noticeData struct {
	engine.Concerned
	Rows  []patientRow
	Pages pager
}

// notice is the page to which the link of a mail leads.
func notice(rq *request) error {
	number := max(1, atoi(rq.r.URL.Query().Get("page")))
	c, err := rq.engine.Concerned(rq.ctx(), rq.person, strings.ToUpper(rq.r.PathValue("operation")), rq.r.PathValue("notice"), number)
	if err != nil {
		return err
	}
	rq.noteOperation(c.Operation)
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data := noticeData{Concerned: c, Pages: pagesOf(c.Pages, 1, fmt.Sprint(number))}
	shown := make([]string, len(c.Patients))
	for i, p := range c.Patients {
		shown[i] = p.ID()
		data.Rows = append(data.Rows, patientRow{Patient: p,
			FacilityName: d.Display(registry.FacilityField, p.Facility()), ProviderName: d.Display(registry.ProviderField, p.Provider())})
	}
	journal.Note(rq.ctx()).Target = "Message " + rq.r.PathValue("notice") + ". Shown: " + strings.Join(shown, " ")
	title := c.Operation.ID + ": patients whom a message is about"
	if c.Pages > 1 {
		title += fmt.Sprintf(", page %d of %d", number, c.Pages)
	}
	return rq.show(page{name: "notice", title: title, heading: "Patients whom the message is about", data: data,
		crumbs: []crumb{{c.Operation.ID + ": message", ""}}})
}
