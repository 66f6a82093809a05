package e2e_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/sample"
	"bulkops/test/walk"
)

// person is somebody at the portal, with a browser of their own and no
// JavaScript. What does not work for them ends the test.
type person struct {
	*testing.T
	browser *walk.Visitor
	page    *walk.Page
}

// addresses are all those that persons have asked for.
var addresses struct {
	sync.Mutex
	all []string
}

// signIn opens an address of the portal in a new browser, and signs in at the
// hosted page that it leads to.
func signIn(t *testing.T, email, address string) *person {
	t.Helper()
	p := &person{T: t, browser: walk.New(live.Transport())}
	t.Cleanup(func() {
		addresses.Lock()
		defer addresses.Unlock()
		addresses.all = append(addresses.all, p.browser.Visited()...)
	})
	p.open(address)
	if !strings.HasPrefix(p.page.URL.Path, "/oauth2/") {
		t.Fatalf("%s was shown to a stranger", p.page.URL)
	}
	p.signInAgain(email)
	return p
}

// signInAgain fills in the hosted sign-in page that the person is on.
func (p *person) signInAgain(email string) {
	p.Helper()
	p.send(p.page.Form("Sign in").Fill("Username", email).Fill("Password", sample.Password))
	if !strings.HasPrefix(p.page.URL.String(), live.PortalURL+"/") {
		p.Fatalf("%s could not sign in: %s", email, p.page.Text())
	}
}

// open opens an address; one without a host is the portal's.
func (p *person) open(address string) {
	p.Helper()
	if strings.HasPrefix(address, "/") {
		address = live.PortalURL + address
	}
	page, err := p.browser.Open(p.Context(), address)
	p.see(page, err)
}

func (p *person) follow(words string) {
	p.Helper()
	page, err := p.page.Follow(p.Context(), words)
	p.see(page, err)
}

func (p *person) press(button string) {
	p.Helper()
	page, err := p.page.Press(p.Context(), button)
	p.see(page, err)
}

func (p *person) send(form *walk.Form) {
	p.Helper()
	page, err := form.Press(p.Context())
	p.see(page, err)
}

func (p *person) see(page *walk.Page, err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
	p.page = page
}

// reads fails the test for each of the texts that the page does not say.
func (p *person) reads(texts ...string) {
	p.Helper()
	for _, text := range texts {
		if _, err := p.page.Need(text); err != nil {
			p.Error(err)
		}
	}
}

// find returns what the pattern's group matches on the page.
func (p *person) find(pattern string) string {
	p.Helper()
	found, err := p.page.Find(pattern)
	if err != nil {
		p.Fatal(err)
	}
	return found
}

// until loads the page again until it says one of the texts.
func (p *person) until(texts ...string) {
	p.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(150 * time.Millisecond) {
		for _, text := range texts {
			if p.page.Says(text) {
				return
			}
		}
		if time.Now().After(deadline) {
			_, err := p.page.Need(strings.Join(texts, " or "))
			p.Fatal(err)
		}
		page, err := p.page.Reload(p.Context())
		p.see(page, err)
	}
}

// isStatus fails the test when the page has another status.
func (p *person) isStatus(want int) {
	p.Helper()
	if p.page.Status != want {
		p.Errorf("%s answers %d %s, want %d: %.300s", p.page.URL.Path, p.page.Status, http.StatusText(p.page.Status), want, p.page.Text())
	}
}

// hidden returns the value of a hidden field of the page.
func (p *person) hidden(name string) string {
	p.Helper()
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindSubmatch(p.page.Content)
	if found == nil {
		p.Fatalf("%s has no hidden field %s", p.page.URL.Path, name)
	}
	return string(found[1])
}
