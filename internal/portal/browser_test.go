package portal_test

import (
	"bytes"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is somebody's browser without JavaScript: it keeps cookies, follows
// redirects, and fills in the forms that it finds on pages.
type browser struct {
	t       testing.TB
	w       *world
	portal  http.Handler
	cookies map[string]string
	header  http.Header // sent with every request besides its own
	hosted  hosted      // the identity provider's session in it
}

func (w *world) browser() *browser {
	return &browser{t: w.t, w: w, portal: w.portal, cookies: map[string]string{}, header: http.Header{}}
}

// signedIn is a browser in which somebody has signed in.
func (w *world) signedIn(name string) *browser {
	w.t.Helper()
	b := w.browser()
	b.signIn(name, "/")
	return b
}

// signIn goes through the identity provider and returns where it ends.
func (b *browser) signIn(name, to string) *page {
	b.t.Helper()
	return b.back(b.get("/sign-in?to="+url.QueryEscape(to)), name)
}

// back signs somebody in at the identity provider, where p has led.
func (b *browser) back(p *page, name string) *page {
	b.t.Helper()
	if p.outside == "" {
		b.t.Fatalf("%s does not lead to the identity provider but says %d", p.path, p.status)
	}
	sub := "sub-" + name
	if person, ok := b.w.people[name]; ok {
		sub = person.Sub
	}
	b.hosted = hosted{sub, b.w.clock()}
	return b.get(b.w.provider.authorize(b.t.(*testing.T), p.outside, sub).RequestURI())
}

// page is an answer, with what it holds as HTML.
type page struct {
	b       *browser
	status  int
	header  http.Header
	body    string
	doc     *html.Node
	path    string // with its query
	outside string // where a redirect leads that leaves the portal
}

// do sends one request and follows no redirect.
func (b *browser) do(r *http.Request) *page {
	b.t.Helper()
	r.Host = "portal.example"
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	b.portal.ServeHTTP(rec, r)
	result := rec.Result()
	for _, c := range result.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	p := &page{b: b, status: rec.Code, header: result.Header, body: rec.Body.String(), path: r.URL.RequestURI()}
	if strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
		doc, err := html.Parse(strings.NewReader(p.body))
		if err != nil {
			b.t.Fatalf("%s: %v", p.path, err)
		}
		p.doc = doc
	}
	return p
}

func (b *browser) follow(p *page) *page {
	b.t.Helper()
	for range 10 {
		if p.status != http.StatusSeeOther {
			return p
		}
		to := p.header.Get("Location")
		if !strings.HasPrefix(to, "/") {
			back := b.w.provider.comesBack(b.t.(*testing.T), to, &b.hosted)
			if back == "" {
				p.outside = to
				return p
			}
			to = back
		}
		p = b.do(httptest.NewRequest(http.MethodGet, to, nil))
	}
	b.t.Fatalf("%s: redirects without an end", p.path)
	return nil
}

func (b *browser) get(target string) *page {
	b.t.Helper()
	return b.follow(b.do(httptest.NewRequest(http.MethodGet, target, nil)))
}

// post sends a form as the browser would that has the page open.
func (b *browser) post(target string, form url.Values) *page {
	b.t.Helper()
	return b.follow(b.do(b.formRequest(target, form)))
}

func (b *browser) formRequest(target string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// upload is a file that is put into a form.
type upload struct{ name, content string }

// press fills in the form that the button with the id belongs to, and presses
// it. given replaces what the page has for a field; nil values leave it out.
func (p *page) press(button string, given url.Values) *page {
	p.b.t.Helper()
	return p.pressWith(button, given, nil)
}

func (p *page) pressWith(button string, given url.Values, file *upload) *page {
	p.b.t.Helper()
	return p.b.follow(p.b.do(p.pressed(button, given, file)))
}

// pressed is the request that press sends.
func (p *page) pressed(button string, given url.Values, file *upload) *http.Request {
	p.b.t.Helper()
	b := p.id(button)
	if b == nil {
		p.b.t.Fatalf("%s (%d) has no button %q:\n%s", p.path, p.status, button, p.text())
	}
	form := formOf(p, b)
	if form == nil {
		p.b.t.Fatalf("%s: the button %q belongs to no form", p.path, button)
	}
	values := controls(form)
	if name := attr(b, "name"); name != "" {
		values.Set(name, attr(b, "value"))
	}
	for name, v := range given {
		values[name] = v
		if v == nil {
			delete(values, name)
		}
	}
	target := attr(form, "action")
	if attr(form, "method") != "post" {
		return httptest.NewRequest(http.MethodGet, target+"?"+values.Encode(), nil)
	}
	if attr(form, "enctype") != "multipart/form-data" {
		return p.b.formRequest(target, values)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, v := range values[name] {
			_ = w.WriteField(name, v)
		}
	}
	if file != nil {
		part, err := w.CreateFormFile("file", file.name)
		must(p.b.t, err)
		_, _ = io.WriteString(part, file.content)
	} else if find(form, func(n *html.Node) bool { return attr(n, "type") == "file" }) != nil {
		// Browsers send an empty part where no file was chosen.
		part, err := w.CreatePart(map[string][]string{"Content-Disposition": {`form-data; name="file"; filename=""`}, "Content-Type": {"application/octet-stream"}})
		must(p.b.t, err)
		_, _ = io.WriteString(part, "")
	}
	must(p.b.t, w.Close())
	r := httptest.NewRequest(http.MethodPost, target, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// controls are a form's fields as a browser sends them.
func controls(form *html.Node) url.Values {
	values := url.Values{}
	for _, n := range all(form, func(*html.Node) bool { return true }) {
		name := attr(n, "name")
		if name == "" {
			continue
		}
		switch n.Data {
		case "input":
			switch attr(n, "type") {
			case "checkbox", "radio":
				if has(n, "checked") {
					values.Add(name, attr(n, "value"))
				}
			case "file":
			default:
				values.Add(name, attr(n, "value"))
			}
		case "textarea":
			values.Add(name, strings.TrimPrefix(text(n), "\n"))
		case "select":
			for _, o := range all(n, func(o *html.Node) bool { return o.Data == "option" && has(o, "selected") }) {
				values.Add(name, attr(o, "value"))
			}
		}
	}
	return values
}

func formOf(p *page, n *html.Node) *html.Node {
	if other := attr(n, "form"); other != "" {
		return p.id(other)
	}
	for ; n != nil; n = n.Parent {
		if n.Data == "form" {
			return n
		}
	}
	return nil
}

// id returns the element with the id.
func (p *page) id(id string) *html.Node {
	if p.doc == nil {
		return nil
	}
	return find(p.doc, func(n *html.Node) bool { return attr(n, "id") == id })
}

// says returns the text of the element with the id.
func (p *page) says(id string) string {
	if n := p.id(id); n != nil {
		return squeeze(text(n))
	}
	return ""
}

// text is what somebody reads in the page's main part.
func (p *page) text() string {
	if p.doc == nil {
		return p.body
	}
	main := find(p.doc, func(n *html.Node) bool { return n.Data == "main" })
	if main == nil {
		return p.body
	}
	return squeeze(text(main))
}

func (p *page) heading() string {
	if n := find(p.doc, func(n *html.Node) bool { return n.Data == "h1" }); n != nil {
		return squeeze(text(n))
	}
	return ""
}

func (p *page) title() string {
	return squeeze(text(find(p.doc, func(n *html.Node) bool { return n.Data == "title" })))
}

// value is what the field with the id holds.
func (p *page) value(id string) string {
	n := p.id(id)
	switch {
	case n == nil:
		return ""
	case n.Data == "textarea":
		return strings.TrimPrefix(text(n), "\n")
	}
	return attr(n, "value")
}

// want fails unless the page has the status and says all of the texts.
func (p *page) want(status int, texts ...string) *page {
	p.b.t.Helper()
	if p.status != status {
		p.b.t.Fatalf("%s answers %d, want %d:\n%.2000s", p.path, p.status, status, p.text())
	}
	for _, wanted := range texts {
		if !strings.Contains(p.text(), wanted) {
			p.b.t.Fatalf("%s does not say %q:\n%.2000s", p.path, wanted, p.text())
		}
	}
	return p
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func find(n *html.Node, is func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && is(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := find(c, is); found != nil {
			return found
		}
	}
	return nil
}

func all(n *html.Node, is func(*html.Node) bool) (found []*html.Node) {
	if n.Type == html.ElementNode && is(n) {
		found = append(found, n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		found = append(found, all(c, is)...)
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func text(n *html.Node) string {
	if n == nil {
		return ""
	}
	if n.Type == html.TextNode {
		return n.Data
	}
	if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style") {
		return ""
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(text(c))
		if c.Type == html.ElementNode {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// click follows the link with the words.
func (p *page) click(words string) *page {
	p.b.t.Helper()
	a := find(p.doc, func(n *html.Node) bool { return n.Data == "a" && strings.Contains(squeeze(text(n)), words) })
	if a == nil {
		p.b.t.Fatalf("%s has no link %q:\n%s", p.path, words, p.text())
	}
	to, _, _ := strings.Cut(attr(a, "href"), "#")
	if strings.HasPrefix(to, "?") {
		path, _, _ := strings.Cut(p.path, "?")
		to = path + to
	}
	return p.b.get(to)
}
