package walk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Form is a form of a page while it is filled in. What goes wrong on the way
// is kept and returned by Press.
type Form struct {
	page   *Page
	form   *html.Node
	button *html.Node
	fields []*field
	err    error
}

// field is a control of the form.
type field struct {
	node    *html.Node
	kind    string // text, checkbox, radio, select, file, hidden
	name    string
	label   string
	value   string // of a select, the chosen option's
	checked bool
	file    string
	content []byte
}

// Form returns the form that the button with the words belongs to. With
// several such buttons the first counts.
func (p *Page) Form(button string) *Form {
	for _, exact := range []bool{true, false} {
		for n := range nodes(p.root) {
			if !isButton(n) || !same(buttonWords(n), button, exact) {
				continue
			}
			if _, disabled := attribute(n, "disabled"); disabled {
				return &Form{err: fmt.Errorf("the button %q on %s cannot be pressed", button, p.name())}
			}
			form := p.formOf(n)
			if form == nil {
				return &Form{err: fmt.Errorf("the button %q on %s does nothing without JavaScript", button, p.name())}
			}
			return &Form{page: p, form: form, button: n, fields: p.fields(form)}
		}
	}
	return &Form{err: fmt.Errorf("%s has no button %q; it has %s: %s", p.name(), button, strings.Join(p.buttons(), ", "), p.excerpt())}
}

// Press presses the first button with the words, without filling anything in.
func (p *Page) Press(ctx context.Context, button string) (*Page, error) {
	return p.Form(button).Press(ctx)
}

func isButton(n *html.Node) bool {
	kind, has := attribute(n, "type")
	return n.Data == "button" && (!has || kind == "submit") || n.Data == "input" && kind == "submit"
}

func buttonWords(n *html.Node) string {
	if value, ok := attribute(n, "value"); ok && n.Data == "input" {
		return value
	}
	if label, ok := attribute(n, "aria-label"); ok {
		return label
	}
	return words(n)
}

func (p *Page) buttons() []string {
	var texts []string
	for n := range nodes(p.root) {
		if isButton(n) {
			texts = append(texts, fmt.Sprintf("%q", buttonWords(n)))
		}
	}
	return texts
}

// formOf returns the form that a control belongs to.
func (p *Page) formOf(control *html.Node) *html.Node {
	if id, ok := attribute(control, "form"); ok {
		for n := range nodes(p.root) {
			if own, _ := attribute(n, "id"); n.Data == "form" && own == id {
				return n
			}
		}
		return nil
	}
	for n := range control.Ancestors() {
		if n.Type == html.ElementNode && n.Data == "form" {
			return n
		}
	}
	return nil
}

func (p *Page) fields(form *html.Node) []*field {
	var found []*field
	for n := range nodes(p.root) {
		name, named := attribute(n, "name")
		if _, disabled := attribute(n, "disabled"); !named || disabled || p.formOf(n) != form {
			continue
		}
		f := &field{node: n, name: name, kind: "text", label: p.label(n)}
		f.value, _ = attribute(n, "value")
		switch n.Data {
		case "textarea":
			if n.FirstChild != nil {
				f.value = strings.TrimPrefix(n.FirstChild.Data, "\n")
			}
		case "select":
			f.kind = "select"
			f.value = chosenOption(n)
		case "input":
			switch kind, _ := attribute(n, "type"); kind {
			case "checkbox", "radio":
				f.kind = kind
				_, f.checked = attribute(n, "checked")
				if _, has := attribute(n, "value"); !has {
					f.value = "on"
				}
			case "hidden", "file":
				f.kind = kind
			case "submit", "button", "reset", "image":
				continue
			}
		default:
			continue
		}
		found = append(found, f)
	}
	return found
}

func chosenOption(selectNode *html.Node) string {
	first, chosen := "", ""
	have, marked := false, false
	for o := range nodes(selectNode) {
		if o.Data != "option" {
			continue
		}
		if !have {
			first, have = optionValue(o), true
		}
		if _, ok := attribute(o, "selected"); ok && !marked {
			chosen, marked = optionValue(o), true
		}
	}
	if marked {
		return chosen
	}
	return first
}

func optionValue(o *html.Node) string {
	if v, ok := attribute(o, "value"); ok {
		return v
	}
	return words(o)
}

// label returns the words that a control is labelled with.
func (p *Page) label(control *html.Node) string {
	if id, ok := attribute(control, "id"); ok {
		for n := range nodes(p.root) {
			if to, _ := attribute(n, "for"); n.Data == "label" && to == id {
				return words(n)
			}
		}
	}
	for n := range control.Ancestors() {
		if n.Data == "label" {
			return words(n)
		}
	}
	if label, ok := attribute(control, "aria-label"); ok {
		return label
	}
	if id, ok := attribute(control, "aria-labelledby"); ok {
		for n := range nodes(p.root) {
			if own, _ := attribute(n, "id"); own == id {
				return words(n)
			}
		}
	}
	return ""
}

// find returns the field of one of the kinds whose label has the words.
func (f *Form) find(label string, kinds ...string) *field {
	if f.err != nil {
		return nil
	}
	for _, exact := range []bool{true, false} {
		for _, one := range f.fields {
			if slices.Contains(kinds, one.kind) && same(one.label, label, exact) {
				return one
			}
		}
	}
	var labels []string
	for _, one := range f.fields {
		if one.kind != "hidden" {
			labels = append(labels, fmt.Sprintf("%q (%s)", one.label, one.kind))
		}
	}
	f.err = fmt.Errorf("the form on %s has no field %q; it has %s", f.page.name(), label, strings.Join(labels, ", "))
	return nil
}

// Fill types a text into the field with the label.
func (f *Form) Fill(label, text string) *Form {
	if one := f.find(label, "text"); one != nil {
		one.value = text
	}
	return f
}

// Tick ticks the checkbox, or chooses the radio button, with the label.
func (f *Form) Tick(label string) *Form {
	if one := f.find(label, "checkbox", "radio"); one != nil {
		for _, other := range f.fields {
			if one.kind == "radio" && other.kind == "radio" && other.name == one.name {
				other.checked = false
			}
		}
		one.checked = true
	}
	return f
}

// TickAll ticks every checkbox.
func (f *Form) TickAll() *Form {
	for _, one := range f.fields {
		if one.kind == "checkbox" {
			one.checked = true
		}
	}
	return f
}

// Untick takes the tick away from the checkbox with the label.
func (f *Form) Untick(label string) *Form {
	if one := f.find(label, "checkbox"); one != nil {
		one.checked = false
	}
	return f
}

// Choose chooses, in the list with the label, the option with the words.
func (f *Form) Choose(label, option string) *Form {
	one := f.find(label, "select")
	if one == nil {
		return f
	}
	var offered []string
	for _, exact := range []bool{true, false} {
		for o := range nodes(one.node) {
			if o.Data == "option" {
				if same(words(o), option, exact) {
					one.value = optionValue(o)
					return f
				}
				offered = append(offered, words(o))
			}
		}
	}
	f.err = fmt.Errorf("the list %q on %s does not offer %q; it offers %q", label, f.page.name(), option, offered[:len(offered)/2])
	return f
}

// Attach puts a file into the field with the label.
func (f *Form) Attach(label, name string, content []byte) *Form {
	if one := f.find(label, "file"); one != nil {
		one.file, one.content = name, content
	}
	return f
}

// Value returns what the field with the label holds.
func (f *Form) Value(label string) (string, error) {
	one := f.find(label, "text", "select")
	if one == nil {
		return "", f.err
	}
	return one.value, nil
}

// Set sets a field by its name, also a hidden one: what only somebody who
// tampers with a form does.
func (f *Form) Set(name, value string) *Form {
	for _, one := range f.fields {
		if one.name == name {
			one.value = value
			return f
		}
	}
	if f.err == nil {
		f.err = fmt.Errorf("the form on %s has no field named %q", f.page.name(), name)
	}
	return f
}

// Press sends the form with its button and returns the page that follows.
func (f *Form) Press(ctx context.Context) (*Page, error) {
	if f.err != nil {
		return nil, f.err
	}
	action := f.attribute("formaction", "action")
	to, err := f.page.URL.Parse(action)
	if err != nil {
		return nil, fmt.Errorf("the form's address %q cannot be opened: %w", action, err)
	}
	values := f.values()
	if !strings.EqualFold(f.attribute("formmethod", "method"), "post") {
		to.RawQuery = values.Encode()
		return f.page.visitor.send(ctx, http.MethodGet, to.String(), nil, "", f.page.URL)
	}
	body, contentType := []byte(values.Encode()), "application/x-www-form-urlencoded"
	if f.attribute("formenctype", "enctype") == "multipart/form-data" {
		if body, contentType, err = f.multipart(); err != nil {
			return nil, err
		}
	}
	return f.page.visitor.send(ctx, http.MethodPost, to.String(), body, contentType, f.page.URL)
}

// attribute returns the button's own attribute or else the form's.
func (f *Form) attribute(onButton, onForm string) string {
	if v, ok := attribute(f.button, onButton); ok {
		return v
	}
	v, _ := attribute(f.form, onForm)
	return v
}

// sent yields the fields that a browser sends, in the order of the page.
func (f *Form) sent(use func(*field)) {
	for _, one := range f.fields {
		if one.checked || one.kind != "checkbox" && one.kind != "radio" {
			use(one)
		}
	}
	if name, ok := attribute(f.button, "name"); ok {
		value, _ := attribute(f.button, "value")
		use(&field{name: name, value: value, kind: "hidden"})
	}
}

func (f *Form) values() url.Values {
	values := url.Values{}
	f.sent(func(one *field) {
		value := one.value
		if one.kind == "file" {
			value = one.file
		}
		values.Add(one.name, strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n"))
	})
	return values
}

func (f *Form) multipart() ([]byte, string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	var errs []error
	f.sent(func(one *field) {
		if one.kind != "file" {
			errs = append(errs, w.WriteField(one.name, one.value))
			return
		}
		part, err := w.CreateFormFile(one.name, one.file)
		if err == nil {
			_, err = part.Write(one.content)
		}
		errs = append(errs, err)
	})
	errs = append(errs, w.Close())
	return body.Bytes(), w.FormDataContentType(), errors.Join(errs...)
}
