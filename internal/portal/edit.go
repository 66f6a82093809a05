package portal

import (
	"net/url"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/registry"
)

// editPage asks whether a new request is to take the place of this one.
func editPage(rq *request) error {
	op, _, err := rq.theOperation()
	if err != nil {
		return err
	}
	if err := rq.engine.MayNotEdit(rq.person, op); err != nil {
		return rq.afterStep(op, err, "")
	}
	data := confirmData{Op: op, Button: "Edit", Sentences: []string{
		"A new request begins with the same patients and the same answers. You can change both, and then make its plan."}}
	if !op.State.Ended() {
		data.Button, data.Sentences = "Take back and edit", append([]string{op.ID + " is taken back: no patient has been changed by it, and none will be."}, data.Sentences...)
	}
	return rq.show(page{name: "confirm", title: op.ID + ": edit", heading: "Edit this request?", crumbs: operationCrumbs(op, "Edit"), data: data})
}

// edit takes the operation back, where it is still open, and begins a request
// that has its patients and its answers.
func edit(rq *request) error {
	op, k, err := rq.theOperation()
	if err != nil {
		return err
	}
	_, selection, err := rq.engine.EditedSelection(rq.ctx(), rq.person, op.ID)
	if err == nil && !op.State.Ended() {
		_, err = rq.engine.Cancel(rq.ctx(), rq.person, op.ID)
	}
	if err != nil {
		return rq.afterStep(op, err, "")
	}
	directory, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	id, d := rq.newDraft("")
	d.Edits, d.Selection, d.Merged, d.What = op.ID, &selection, op.Selected.Duplicates, answered(kindForms[k.Name], op.Params)
	d.chosenBefore(directory)
	if err := rq.saveDraft(id, d); err != nil {
		return err
	}
	return rq.redirect("/operations/new/" + k.Name + "/" + id + "/what")
}

// answered is a kind's form as it was filled in for the parameters.
func answered(f kindForm, p bulk.Params) url.Values {
	if f.Values != nil {
		return f.Values(p)
	}
	form := url.Values{}
	for name, answer := range p {
		form.Set(name, answer)
	}
	return form
}

// chosenBefore fills in, for a selection of an earlier request, how it was made.
func (d *draft) chosenBefore(directory registry.Directory) {
	s := d.Selection
	if s.Source == bulk.ByFilter {
		d.Way, d.Who = wayFilter, filterValues(*s.Filter)
		d.Words = append([]string{"All that match the filter"}, filterWords(*s.Filter, directory)...)
		if n := len(s.Except); n > 0 {
			d.Words = append(d.Words, english.Number(n)+" left out")
		}
		return
	}
	d.Way, d.Who = wayPaste, url.Values{"ids": {strings.Join(s.IDs, "\n")}}
	how := map[bulk.Source]string{bulk.Pasted: "pasted", bulk.Picked: "ticked one by one", bulk.Uploaded: "from the file uploaded before"}[s.Source]
	d.Words = []string{english.Count(len(s.IDs), "patient id", "patient ids") + " " + how}
}
