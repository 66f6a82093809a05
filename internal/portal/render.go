package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
	"bulkops/internal/journal"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

//go:embed templates
var templateFiles embed.FS

// pages are the parsed templates, by name.
type pages map[string]*template.Template

func parsePages(s *statics) (pages, error) {
	shared, err := template.New("").Funcs(template.FuncMap{
		"static": s.address, "number": english.Number, "time": showTime, "second": showSecond, "date": english.Date, "label": registry.Label,
		"plural": english.Count, "field": makeField, "options": makeOptions, "speak": bulk.Speak, "age": age, "changes": changesOf, "subjects": subjects, "asked": askedWords, "visits": visitFigure, "few": fewWords, "capital": english.Capital, "lower": strings.ToLower, "lowerFirst": english.Small,
		"batch":     func() int { return bulk.BatchSize },
		"fileBytes": func() int { return intake.MaxFile }, "fileLimit": func() string { return intake.MaxFileWords }, "fileTooLarge": func() string { return fault.Sentence(intake.TooBig(0)) },
	}).ParseFS(templateFiles, "templates/shared/*.html", "templates/help/*.html")
	if err != nil {
		return nil, fmt.Errorf("portal: templates: %w", err)
	}
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("portal: templates: %w", err)
	}
	all := pages{}
	for _, file := range names {
		if file.IsDir() {
			continue
		}
		one, err := template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+file.Name())
		if err != nil {
			return nil, fmt.Errorf("portal: templates: %w", err)
		}
		all[strings.TrimSuffix(file.Name(), path.Ext(file.Name()))] = one
	}
	return all, nil
}

// page is what a handler wants shown.
type page struct {
	name     string // of the template
	title    string // holds operation ids, never anything about patients: it lands in browsers' histories
	heading  string // the h1 where it says more than the title
	data     any
	status   int // 200 when 0
	crumbs   []crumb
	problems engine.Problems
	values   url.Values // what the form holds unless something was typed
	banner   *banner
}

type crumb struct{ Title, To string }

// banner is one message above the heading.
type banner struct{ Kind, Title, Text string }

var banners = map[string]banner{
	formSignedOut: {"warning", "You were signed out", "Nothing was sent. Check and send again."},
	formOutOfDate: {"warning", "This form was out of date", "Nothing was sent. What you typed is shown below. Check and send again."},
}

// view is what every template gets.
type view struct {
	Title, Heading string
	Crumbs         []crumb
	Banner         *banner
	Problems       engine.Problems
	Values         url.Values
	Path           string // where the page's own form goes
	Token          string
	Person         *staff.Person // nil when nobody is signed in
	Menu           []menuEntry
	IdleSeconds    int
	Now            time.Time
	Data           any
}

type menuEntry struct {
	Title, To string
	Current   bool
	Count     int
	Counted   bool
	Under     []menuEntry
}

// show renders a page into memory and then sends it: a mistake in a template
// is a clean error page and never half a page.
func (rq *request) show(pg page) error {
	v := view{
		Title: pg.title, Heading: pg.heading, Crumbs: pg.crumbs, Banner: pg.banner, Problems: pg.problems,
		Values: pg.values, Path: rq.r.URL.Path, Now: rq.Now(), Data: pg.data,
	}
	if v.Heading == "" {
		v.Heading = v.Title
	}
	switch {
	case rq.form != nil:
		v.Values = rq.form
	case rq.typed != nil:
		v.Values = rq.typed.Values
		if b, ok := banners[rq.typed.Why]; ok {
			v.Banner = &b
		}
	}
	if len(v.Problems) > 0 {
		v.Banner = nil
		v.Title = "Error: " + v.Title
		if pg.status == 0 {
			pg.status = http.StatusUnprocessableEntity
		}
	}
	if rq.session != nil {
		v.Token, v.IdleSeconds = rq.session.Token, int(rq.Idle/time.Second)
	}
	if rq.known {
		v.Person = &rq.person
		menu, err := rq.menu()
		if err != nil {
			return err
		}
		v.Menu = menu
	}
	var text bytes.Buffer
	if err := rq.pages[pg.name].ExecuteTemplate(&text, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", pg.name, err)
	}
	rq.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if pg.status != 0 {
		rq.w.WriteHeader(pg.status)
	}
	_, _ = rq.w.Write(text.Bytes())
	return nil
}

// menu lists what the person may use, and nothing else.
func (rq *request) menu() ([]menuEntry, error) {
	waiting, err := rq.decisions()
	if err != nil {
		return nil, err
	}
	here := rq.r.URL.Path
	deciding := strings.HasPrefix(here, "/approvals") || here == "/away" || strings.HasSuffix(here, "/decision")
	under := []menuEntry{{Title: "Bulk Operations", To: "/operations", Current: here == "/operations"}}
	if rq.person.MayRequest() {
		under = append(under, menuEntry{Title: "Start a bulk operation", To: "/operations/new", Current: strings.HasPrefix(here, "/operations/new")})
	}
	under = append(under, menuEntry{Title: "Exports", To: "/exports", Current: here == "/exports"})
	menu := []menuEntry{
		{Title: "Home", To: "/", Current: here == "/"},
		{Title: "Patients", To: "/patients", Current: strings.HasPrefix(here, "/patients")},
		{Title: "Patient Operations", Under: under, Current: (strings.HasPrefix(here, "/operations") || here == "/exports") && !deciding},
	}
	if rq.person.Role.AtLeast(staff.TeamLead) {
		menu = append(menu, menuEntry{Title: "Approvals", To: "/approvals", Current: deciding, Count: len(waiting), Counted: true})
	}
	menu = append(menu, menuEntry{Title: "Audit", To: "/audit", Current: strings.HasPrefix(here, "/audit")})
	if rq.person.Role.AtLeast(staff.Admin) {
		menu = append(menu, menuEntry{Title: "Staff", To: "/admin/staff", Current: strings.HasPrefix(here, "/admin/staff")},
			menuEntry{Title: "Facilities", To: "/admin/facilities", Current: strings.HasPrefix(here, "/admin/facilities") || strings.HasPrefix(here, "/admin/providers")})
	}
	return append(menu, menuEntry{Title: "Help", To: "/help", Current: strings.HasPrefix(here, "/help")}), nil
}

// showProblem answers with a page that says what is the matter and what to do.
// It must work when anything else does not: what it cannot find out, it leaves
// out. From what is about an operation that the person may see, a way leads back.
func (rq *request) showProblem(status int, title, sentence string) {
	pg := page{name: "problem", title: title, status: status, data: sentence}
	if id := journal.Note(rq.r.Context()).Operation; id != "" {
		pg.crumbs = operationCrumbs(bulk.Operation{ID: id}, title)
	}
	if err := rq.show(pg); err == nil {
		return
	}
	rq.known, rq.session = false, nil // the menu may be what cannot be found out
	if err := rq.show(pg); err == nil {
		return
	}
	rq.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rq.w.WriteHeader(status)
	_, _ = fmt.Fprintf(rq.w, "%s\n\n%s\n", title, sentence)
}

// showNoAccess answers somebody whom the identity provider knows and the staff
// directory does not, or no longer. It never returns nil: nothing may follow.
func (rq *request) showNoAccess() error {
	if err := rq.show(page{name: "no-access", title: "You have no access", status: http.StatusForbidden,
		data: struct {
			Ended bool
			Sub   string
		}{rq.person.Disabled, rq.session.Sub}}); err != nil {
		return err
	}
	return errDone
}

// field is one question of a form with what was answered and what is wrong.
type field struct {
	Name, Label, Hint string
	Value             string
	Chosen            []string
	Problem           string
}

func makeField(v view, name, label, hint string) field {
	f := field{Name: name, Label: label, Hint: hint, Value: v.Values.Get(name), Chosen: v.Values[name]}
	for _, p := range v.Problems {
		if p.Field == name {
			f.Problem = p.Sentence
			break
		}
	}
	return f
}

// options is a question with its answers, of which one (a radio) or several (a
// checkbox) can be chosen.
type options struct {
	field
	Type    string
	Answers []option
}

type option struct {
	Value, Title string
	Note         string // a line below the title
}

func makeOptions(v view, kindOf, name, label, hint string, answers []option) options {
	return options{makeField(v, name, label, hint), kindOf, answers}
}

// Has reports whether the value was chosen.
func (f field) Has(value string) bool { return slices.Contains(f.Chosen, value) }
