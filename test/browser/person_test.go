package browser_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"bulkops/internal/sample"
)

// patience is how long one step of a person may take. Two processors are
// shared with whatever else runs on the machine.
const patience = time.Minute

// person is somebody with a browser of their own: one tab, own cookies. What a
// step needs is waited for; a step that cannot be done ends the test.
type person struct {
	t      *testing.T
	name   string
	ctx    context.Context
	tab    *tab
	status int64 // of the page that is shown

	scriptless bool // the browser runs no script of the pages
}

// option is how a browser is set.
type option func(*person)

// withoutScript is a browser that runs no script of the pages.
func withoutScript(p *person) {
	p.scriptless = true
	p.runsScript(false)
}

func (p *person) runsScript(yes bool) {
	p.t.Helper()
	call(p.t, p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !yes})
}

// newPerson opens a browser context. At the end of the test it is closed, and
// what the browser complained about fails the test.
func newPerson(t *testing.T, name string, options ...option) *person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &person{t: t, name: name, ctx: ctx, tab: &tab{}}
	if err := chromedp.Listen(ctx, p.tab.hear); err != nil {
		t.Fatalf("open a browser for %s: %v", name, err)
	}
	p.size(wide)
	// Several tabs are open, and each is to believe that it has the keyboard.
	call(t, ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	for _, o := range options {
		o(p)
	}
	t.Cleanup(func() {
		for _, complaint := range p.tab.complaints() {
			t.Errorf("%s: the browser complains: %s", name, complaint)
		}
	})
	return p
}

// signedIn is a person of the sample's staff, signed in, on the start page.
func signedIn(t *testing.T, name string, options ...option) *person {
	t.Helper()
	p := newPerson(t, name, options...)
	p.visit("/")
	p.signIn()
	return p
}

// signIn fills in Cognito's page, which is shown.
func (p *person) signIn() {
	p.t.Helper()
	p.write("#username", live.email(p.name))
	p.write("#password", sample.Password)
	p.press("button[type=submit]")
}

// step is a part of what a person does, with the time it may take.
func (p *person) step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

// visit opens an address of the portal, or a whole one.
func (p *person) visit(address string) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = live.PortalURL + address
	}
	p.arrive("open "+address, chromedp.Navigate(address))
}

// press presses what leads to another page, or to the same page again.
func (p *person) press(selector string) {
	p.t.Helper()
	p.arrive("press "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// reload loads the page again, as with F5.
func (p *person) reload() {
	p.t.Helper()
	p.arrive("reload", chromedp.Reload())
}

// back goes to the page before.
func (p *person) back() {
	p.t.Helper()
	p.arrive("go back", chromedp.NavigateBack())
}

// arrive does something that loads a page, and waits until it is there.
func (p *person) arrive(what string, step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil || response == nil {
		p.t.Fatalf("%s cannot %s: %v\nThe page is %s", p.name, what, err, p.describe())
	}
	p.status = response.Status
}

// click clicks what changes the page that is shown.
func (p *person) click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// choose clicks the label of a tick or a choice: its own box is drawn by the label.
func (p *person) choose(id string) {
	p.t.Helper()
	p.click(`label[for="` + id + `"]`)
}

// write replaces what is in a field by what the person types.
func (p *person) write(selector, text string) {
	p.t.Helper()
	p.set(selector, "")
	p.do("write into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

// set puts a value into a field at once. For a date there is no other way: how
// one is typed differs between languages.
func (p *person) set(selector, value string) {
	p.t.Helper()
	evaluate[string](p, `document.querySelector(`+quoted(selector)+`).value = `+quoted(value))
}

// upload chooses a file of the person's machine.
func (p *person) upload(selector, file string) {
	p.t.Helper()
	p.do("choose a file for "+selector, chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}))
}

func (p *person) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s cannot %s: %v\nThe page is %s", p.name, what, err, p.describe())
	}
}

// text is what is shown of an element, without the white space around it.
func (p *person) text(selector string) string {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector), chromedp.NodeReady))
	if err != nil {
		p.t.Fatalf("%s does not find %s: %v\nThe page is %s", p.name, selector, err, p.describe())
	}
	return strings.TrimSpace(text)
}

// value is what is in a field.
func (p *person) value(selector string) string {
	p.t.Helper()
	return evaluate[string](p, `document.querySelector(`+quoted(selector)+`).value`)
}

// count is how many elements there are.
func (p *person) count(selector string) int {
	p.t.Helper()
	return evaluate[int](p, `document.querySelectorAll(`+quoted(selector)+`).length`)
}

// heading fails the test unless the page has this heading.
func (p *person) heading(want string) {
	p.t.Helper()
	if got := p.text("h1"); got != want {
		p.t.Fatalf("%s sees %q, not %q\nThe page is %s", p.name, got, want, p.describe())
	}
}

// sees fails the test unless an element shows each of the texts.
func (p *person) sees(selector string, texts ...string) {
	p.t.Helper()
	shown := p.text(selector)
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			p.t.Errorf("%s does not see %q in %s, which says %q", p.name, text, selector, shown)
		}
	}
}

// waits until something has come true on the page that is shown. The page may
// load itself anew meanwhile.
func (p *person) waits(what, condition string) {
	p.t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		yes, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](condition))
		if err == nil && yes {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s waits in vain until %s: %v\nThe page is %s", p.name, what, err, p.describe())
		}
	}
}

// describe says which page is shown, for a test that fails.
func (p *person) describe() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`location.pathname + ": " + document.title + "\n" + (document.querySelector("main") || document.body).innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return text
}

// address is the path of the page that is shown.
func (p *person) address() string {
	p.t.Helper()
	return evaluate[string](p, `location.pathname`)
}

// cookies are those of the portal.
func (p *person) cookies() []*network.Cookie {
	p.t.Helper()
	return call(p.t, p.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{live.PortalURL}}).Cookies
}

// evaluate computes something about the page from outside; it works with the
// page's own scripts switched off too.
func evaluate[T any](p *person, expression string) T {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %s: %v\nThe page is %s", p.name, expression, err, p.describe())
	}
	return value
}
