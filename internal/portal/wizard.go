package portal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/kind"
)

// changesOf is a number of changes in words: "1,234 status changes".
func changesOf(kindName string, n int) string {
	f := kindForms[kindName]
	if f.Whole != "" {
		return fmt.Sprintf(f.Whole, english.Count(n, "patient", "patients"))
	}
	return english.Count(n, f.One, f.Many)
}

// subjects is a number of an operation's subjects in words.
func subjects(op bulk.Operation, n int) string {
	if op.Plan.Notices > 0 {
		return english.Count(n, "recipient", "recipients")
	}
	return english.Count(n, "patient", "patients")
}

func newCrumbs(k kind.Kind) []crumb {
	return []crumb{{"Bulk Operations", "/operations"}, {"Start a bulk operation", "/operations/new"}, {k.Title, ""}}
}

// chooseKind offers the kinds that the person may ask for. A selection made on
// the list of patients comes along by its draft.
func chooseKind(rq *request) error {
	type offer struct {
		Title, Purpose, Approver, To string
		Anew                         bool // it takes its patients from a file, not those who were chosen
	}
	data := struct {
		Offers []offer
		Words  []string
	}{}
	draft := rq.r.URL.Query().Get("selection")
	if draft != "" {
		d, err := rq.draftOf(draft)
		if err != nil {
			return err
		}
		data.Words = d.Words
	}
	for _, k := range kind.All {
		if k.Follows {
			continue
		}
		to := "/operations/new/" + k.Name
		if draft != "" && !k.ByFile {
			to += "/" + draft + "/what"
		}
		data.Offers = append(data.Offers, offer{k.Title, kindForms[k.Name].Purpose, k.Approver.Title(), to, draft != "" && k.ByFile})
	}
	return rq.show(page{name: "kinds", title: "Start a bulk operation", heading: "What do you want to do?", data: data,
		crumbs: []crumb{{"Bulk Operations", "/operations"}, {"Start a bulk operation", ""}}})
}

// chooseWay asks how the patients are to be chosen; a kind that is asked only by
// file asks for the file.
func chooseWay(rq *request) error {
	if rq.route.kind.ByFile {
		_, d := rq.newDraft(wayUpload)
		return rq.showWho(d, nil)
	}
	return rq.showWay(nil)
}

func (rq *request) showWay(wrong engine.Problems) error {
	k := rq.route.kind
	return rq.show(page{name: "way", title: k.Title + ": how to choose patients", heading: "How do you want to choose the patients?",
		data: struct {
			Kind   kind.Kind
			Filter string
		}{k, cmp.Or(kindForms[k.Name].Filter, "Status, facility, provider, tag, insurance or dates")}, crumbs: newCrumbs(k), problems: wrong})
}

func takeWay(rq *request) error {
	k := rq.route.kind
	if k.ByFile {
		id, d := rq.newDraft(wayUpload)
		return rq.takeChoice(id, d)
	}
	switch way := rq.form.Get("way"); way {
	case wayFilter, wayPaste, wayUpload:
		id, d := rq.newDraft(way)
		if err := rq.saveDraft(id, d); err != nil {
			return err
		}
		return rq.redirect("/operations/new/" + k.Name + "/" + id + "/who")
	case wayPick:
		return rq.redirect("/patients")
	}
	return rq.showWay(engine.Problems{{Field: "way", Sentence: "Choose how you want to choose the patients."}})
}

type whoData struct {
	Kind    kind.Kind
	Way     string
	Choices choices
	Limit   int // most ids
	Draft   draft
}

// chooseWho asks for the patients, in the way chosen before.
func chooseWho(rq *request) error {
	d, err := rq.draftOf(rq.r.PathValue("draft"))
	if err != nil {
		return err
	}
	return rq.showWho(d, nil)
}

func (rq *request) showWho(d draft, wrong engine.Problems) error {
	k := rq.route.kind
	if k.ByFile {
		d.Way = wayUpload
	}
	if d.Way == wayPick {
		return rq.redirect("/patients/lists/" + d.List)
	}
	data := whoData{Kind: k, Way: d.Way, Limit: rq.engine.Limits.MaxSubjects, Draft: d}
	for _, typed := range []string{rq.form.Get("way"), rq.typedValue("way")} {
		if typed == wayFilter || typed == wayPaste || typed == wayUpload {
			data.Way = typed // a file that could not be kept comes back as a pasted list
		}
	}
	directory, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	data.Choices = rq.choices(directory)
	heading := map[string]string{wayFilter: "Which patients?", wayPaste: "Paste the patient ids", wayUpload: "Upload a CSV file with patient ids"}[data.Way]
	if k.ByFile {
		heading += " and new values"
	}
	return rq.show(page{name: "who", title: k.Title + ": which patients", heading: heading, data: data, crumbs: newCrumbs(k), problems: wrong, values: d.Who})
}

func (rq *request) typedValue(name string) string {
	if rq.typed == nil {
		return ""
	}
	return rq.typed.Values.Get(name)
}

func takeWho(rq *request) error {
	id := rq.r.PathValue("draft")
	d, err := rq.draftOf(id)
	if err != nil {
		return err
	}
	return rq.takeChoice(id, d)
}

// takeChoice keeps in the draft which patients were chosen, and goes on.
func (rq *request) takeChoice(id string, d draft) error {
	k := rq.route.kind
	if way := rq.form.Get("way"); way == wayFilter || way == wayPaste || way == wayUpload {
		d.Way = way
	}
	if k.ByFile {
		d.Way = wayUpload
	}
	d.Who = rq.form
	wrong, err := rq.choose(&d)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return rq.showWho(d, wrong)
	}
	if err := rq.saveDraft(id, d); err != nil {
		return err
	}
	return rq.redirect("/operations/new/" + k.Name + "/" + id + "/what")
}

// choose turns what was typed or uploaded into the draft's selection. Of what was
// too large to be read nothing is chosen, whichever the way.
func (rq *request) choose(d *draft) (engine.Problems, error) {
	if rq.tooBig {
		switch d.Way {
		case wayPaste:
			return d.take(intake.Result{}, intake.PastedTooMuch(), "ids", "")
		case wayUpload:
			return d.take(intake.Result{}, intake.TooBig(rq.r.ContentLength), fileField, "")
		}
		return engine.Problems{{Sentence: sentTooMuch}}, nil
	}
	limit := rq.engine.Limits.MaxSubjects
	switch d.Way {
	case wayPaste:
		read, err := intake.Paste(rq.form.Get("ids"), limit)
		return d.take(read, err, "ids", "pasted")
	case wayUpload:
		if rq.file == nil {
			return engine.Problems{{Field: fileField, Sentence: "Choose a CSV file with patient ids."}}, nil
		}
		file, err := rq.file.Open()
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		read, err := intake.CSV(file, rq.file.Size, limit, rq.route.kind, rq.Now())
		return d.take(read, err, fileField, "from the uploaded file")
	}
	directory, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return nil, err
	}
	f, wrong := rq.filterOf(rq.form, directory)
	if len(wrong) > 0 {
		return wrong, nil
	}
	l := patientList{Filter: f}
	l.Found, l.More, err = rq.engine.Find(rq.ctx(), rq.person, f, listCap)
	if err != nil {
		return nil, err
	}
	if len(l.Found) == 0 {
		return engine.Problems{{Field: "status", Sentence: "No patient of your facilities matches this filter. Change it or leave a part of it empty."}}, nil
	}
	d.Selection = &bulk.Selection{Source: bulk.ByFilter, Filter: &f}
	d.Words, d.Merged = append([]string{allThat(l)}, filterWords(f, directory)...), 0
	return nil, nil
}

type whatData struct {
	Kind      kind.Kind
	DraftID   string
	Draft     draft
	Choices   any              // what the kind's form offers to choose from
	UsedToday []bulk.Operation // made from the same file
}

// chooseWhat asks the kind's own questions.
func chooseWhat(rq *request) error { return rq.showWhat(nil) }

func (rq *request) showWhat(wrong engine.Problems) error {
	k := rq.route.kind
	id := rq.r.PathValue("draft")
	d, err := rq.draftOf(id)
	if err != nil {
		return err
	}
	if d.Selection == nil || k.ByFile && len(d.Selection.Given) == 0 {
		return rq.redirect("/operations/new/" + k.Name + "/" + id + "/who")
	}
	data := whatData{Kind: k, DraftID: id, Draft: d}
	if ask := kindForms[k.Name].Choices; ask != nil {
		directory, err := rq.engine.Registry.Directory(rq.ctx())
		if err != nil {
			return err
		}
		data.Choices = ask(rq.choices(directory).of(*d.Selection))
	}
	if d.Selection.File != "" {
		if data.UsedToday, err = rq.sameFile(d.Selection.File, d.Operation, d.Edits); err != nil {
			return err
		}
	}
	if first := kindForms[k.Name].Answers; d.What == nil && first != nil {
		d.What = first(rq.Now())
	}
	heading := kindForms[k.Name].Heading
	if heading == "" {
		heading = "What should be changed?"
	}
	return rq.show(page{name: "what-" + k.Name, title: k.Title + ": what to change", heading: heading, data: data,
		crumbs: newCrumbs(k), problems: wrong, values: d.What})
}

// sameFile returns the operations of today and yesterday that were made from
// the same uploaded file, but for those that this draft knows of.
func (rq *request) sameFile(file string, known ...string) ([]bulk.Operation, error) {
	recent, err := rq.engine.Recent(rq.ctx(), rq.person, 2, 200)
	if err != nil {
		return nil, err
	}
	var same []bulk.Operation
	for _, op := range recent {
		if op.Selected.File == file && !slices.Contains(known, op.ID) && op.State != bulk.Cancelled {
			same = append(same, op)
		}
	}
	return same, nil
}

// answers are the parameters that a kind's form sends.
func (rq *request) answers(f kindForm) bulk.Params {
	if f.Params != nil {
		return f.Params(rq.form)
	}
	params := bulk.Params{}
	for _, name := range f.Fields {
		// Several answers to one question are one text, parted by a space.
		given := slices.DeleteFunc(slices.Clone(rq.form[name]), func(v string) bool { return v == "" })
		if value := strings.Join(given, " "); value != "" {
			params[name] = value
		}
	}
	return params
}

// takeWhat asks the engine for the operation, which plans it.
func takeWhat(rq *request) error {
	k := rq.route.kind
	id := rq.r.PathValue("draft")
	d, err := rq.draftOf(id)
	if err != nil {
		return err
	}
	if d.Selection == nil {
		rq.notTaken("no patients were chosen yet")
		return rq.redirect("/operations/new/" + k.Name + "/" + id + "/who")
	}
	params := rq.answers(kindForms[k.Name])
	op, err := rq.engine.Request(rq.ctx(), rq.person, engine.Request{
		Kind: k.Name, Params: params, Selection: *d.Selection, Duplicate: d.Merged, Edits: d.Edits, Key: requestKey(d, k.Name, params),
	})
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
		return rq.showWhat(problems(err))
	}
	if err != nil {
		return err
	}
	d.What, d.Operation = rq.form, op.ID
	if err := rq.saveDraft(id, d); err != nil {
		return err
	}
	rq.noteOperation(op)
	return rq.redirect("/operations/" + op.ID)
}
