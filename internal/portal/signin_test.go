package portal_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/memory"
	"bulkops/internal/portal"
)

func TestASessionCookieIsOpaqueAndOnlyForThisHost(t *testing.T) {
	w := newWorld(t, 5)
	b := w.browser()
	p := b.get("/patients")
	back := w.provider.authorize(t, p.outside, w.people["sam"].Sub)
	answer := b.do(httptest.NewRequest(http.MethodGet, back.RequestURI(), nil))
	cookie := answer.header.Get("Set-Cookie")
	for _, want := range []string{"__Host-bulkops=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie has no %q: %s", want, cookie)
		}
	}
	for _, secret := range []string{"sub-sam", "sam.staff", "Max-Age", "Domain"} {
		if strings.Contains(cookie, secret) {
			t.Errorf("the cookie says %q", secret)
		}
	}
	if id := b.cookies["__Host-bulkops"]; len(id) < 26 {
		t.Errorf("the session's id %q has fewer than 128 bits", id)
	}
	if p := b.follow(answer); p.status != http.StatusOK || p.path != "/patients" {
		t.Errorf("after the sign-in: %d at %s", p.status, p.path)
	}
}

// A new sign-in has a new session, and the old one is dead.
func TestASignInEndsTheSessionBefore(t *testing.T) {
	w := newWorld(t, 5)
	b := w.signedIn("sam")
	old := b.cookies["__Host-bulkops"]
	b.signIn("sam", "/")
	if b.cookies["__Host-bulkops"] == old {
		t.Fatal("the session is the old one")
	}
	thief := w.browser()
	thief.cookies["__Host-bulkops"] = old
	if p := thief.get("/"); p.outside == "" {
		t.Errorf("the old session answers %d", p.status)
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	w := newWorld(t, 5)
	b := w.signedIn("sam")
	copied := b.cookies["__Host-bulkops"]
	b.hosted = hosted{w.people["sam"].Sub, w.clock()} // by another program
	p := b.get("/").press("sign-out", nil).want(200, "You are signed out")
	if p.path != "/signed-out" || b.hosted.sub != "" {
		t.Errorf("signing out ends at %s, and at the identity provider %q is signed in", p.path, b.hosted.sub)
	}
	b.cookies["__Host-bulkops"] = copied
	if p := b.get("/"); p.outside == "" {
		t.Errorf("a copied cookie answers %d", p.status)
	}
}

// endsMeanwhile is a store in which something happens between the reading of a
// session and the writing of it.
type endsMeanwhile struct {
	*memory.Access
	meanwhile func()
}

func (s *endsMeanwhile) Get(ctx context.Context, kind, id string, v any, now time.Time) error {
	err := s.Access.Get(ctx, kind, id, v, now)
	if happens := s.meanwhile; kind == "SESSION" && happens != nil {
		s.meanwhile = nil
		happens()
	}
	return err
}

// Signing out holds also against a request of another tab that is under way.
func TestARequestUnderWayDoesNotBringASessionBack(t *testing.T) {
	w := newWorld(t, 5)
	store := &endsMeanwhile{Access: w.access}
	w.portal = w.newPortal(func(c *portal.Config) { c.Store = store })
	sam := w.signedIn("sam")
	tab := w.browser()
	maps.Copy(tab.cookies, sam.cookies)
	home := sam.get("/")
	w.pass(2 * time.Minute) // so that the next request stores its time
	store.meanwhile = func() { home.press("sign-out", nil) }
	if p := tab.get("/patients"); p.outside == "" {
		t.Errorf("the request under way is answered with %d", p.status)
	}
	if p := tab.get("/patients"); p.outside == "" {
		t.Errorf("the session is back: %d", p.status)
	}
}

func TestSessionsEndByTheServersClock(t *testing.T) {
	w := newWorld(t, 5)
	idle, busy := w.signedIn("sam"), w.signedIn("maria")
	for range 12 * 6 {
		w.pass(10 * time.Minute)
		if w.clock().Sub(noon) < 12*time.Hour {
			busy.get("/help").want(200)
		}
	}
	if p := idle.get("/"); p.outside == "" {
		t.Error("a session without a request for 12 hours is alive")
	}
	if p := busy.get("/"); p.outside == "" {
		t.Error("a session is alive after 12 hours")
	}

	b := w.signedIn("sam")
	w.pass(14 * time.Minute)
	b.get("/").want(200)
	w.pass(15 * time.Minute)
	if p := b.get("/"); p.outside == "" {
		t.Error("a session is alive 15 minutes after the last request")
	}
}

// After the idle end the password is asked for: nothing of an earlier sign-in
// lets in whoever sits at the computer then.
func TestAfterTheIdleEndThePasswordIsAskedFor(t *testing.T) {
	w := newWorld(t, 50)
	sam := w.people["sam"].Sub
	b := w.signedIn("sam")
	if b.hosted.sub != "" {
		t.Fatal("the identity provider's own session outlasts the sign-in")
	}
	w.pass(20 * time.Minute)
	for name, left := range map[string]hosted{
		"nothing is left at the identity provider":         {},
		"a sign-in that was never finished is left":        {sam, w.clock().Add(-16 * time.Minute)},
		"another program's sign-in, a moment ago, is left": {sam, w.clock()},
		"somebody else's is left":                          {w.people["maria"].Sub, w.clock().Add(-time.Minute)},
	} {
		b.hosted = left
		p := b.get("/patients")
		u, err := url.Parse(p.outside)
		must(t, err)
		if u.Path != "/oauth2/authorize" || u.Query().Get("prompt") != "login" || b.hosted.sub != "" {
			t.Errorf("%s: %d at %s", name, p.status, p.path+p.outside)
		}
	}

	// Nor does one who sends the browser past the sign-out: the token says when
	// the password was entered.
	p := b.get("/patients")
	b.hosted = hosted{sam, w.clock().Add(-21 * time.Minute)}
	before := b.cookies["__Host-bulkops"]
	past := b.get(w.provider.comesBack(t, p.outside, &b.hosted)).want(400, "You are not signed in", "entered for an earlier sign-in")
	if r := w.journal.last(); r.What != audit.SignIn || r.Result != audit.Refused || b.cookies["__Host-bulkops"] != before {
		t.Errorf("written down as %+v", r)
	}
	p = b.get(attr(past.id("again"), "href"))
	if p.outside == "" || b.hosted.sub != "" {
		t.Fatalf("trying again ends at %s", p.path)
	}
	if p = b.back(p, "sam").want(200); p.path != "/patients" {
		t.Errorf("with the password the way leads to %s", p.path)
	}
}

// The page that the script of an ended session's page leads to.
func TestThePageOfASessionThatEnded(t *testing.T) {
	w := newWorld(t, 5)
	b := w.signedIn("sam")
	if p := b.get("/signed-out?to=/patients"); p.path != "/patients" {
		t.Errorf("whoever is signed in is told otherwise, at %s", p.path)
	}
	w.pass(15 * time.Minute)
	if p := b.do(httptest.NewRequest(http.MethodGet, "/still-here", nil)); p.status != http.StatusUnauthorized {
		t.Errorf("the script is told %d", p.status)
	}
	p := b.get("/signed-out?to=/patients?page=2").want(200, "You were signed out", "nothing was done for 15 minutes", "12 hours after the sign-in")
	checkMarkup(t, p)
	if p = b.back(b.get(attr(p.id("sign-in"), "href")), "sam"); p.path != "/patients?page=2" {
		t.Errorf("signing in again leads to %s", p.path)
	}
	w.pass(14 * time.Minute)
	b.do(httptest.NewRequest(http.MethodGet, "/still-here", nil)) // a question keeps nobody signed in
	w.pass(2 * time.Minute)
	if p := b.do(httptest.NewRequest(http.MethodGet, "/still-here", nil)); p.status != http.StatusUnauthorized {
		t.Errorf("after 16 minutes the script is told %d", p.status)
	}
	if p := b.get("/signed-out?to=https://evil.example/"); attr(p.id("sign-in"), "href") != "/sign-in?to=%2F" {
		t.Errorf("it leads elsewhere: %s", attr(p.id("sign-in"), "href"))
	}
}

// Progress that a page fetches by itself keeps nobody signed in.
func TestAPageThatRenewsItselfKeepsNobodySignedIn(t *testing.T) {
	w := newWorld(t, 50)
	b := w.signedIn("sam")
	op := planned(b, "Inactive", activeIn(w, "riverside", 1)...).operation()
	for range 8 {
		w.pass(2 * time.Minute)
		b.get("/operations/" + op + "/progress")
	}
	if p := b.get("/operations/" + op + "/progress"); p.status != http.StatusUnauthorized {
		t.Errorf("the script gets %d", p.status)
	}
}

func TestRightsAreReadAtEveryRequest(t *testing.T) {
	w := newWorld(t, 5)
	b := w.signedIn("sam")
	sam := w.people["sam"]
	sam.Role = "auditor"
	must(t, w.store.PutPerson(t.Context(), sam))
	b.get("/operations/new").want(403, "takes the right Staff or higher; yours is Auditor")
	sam.Disabled = true
	must(t, w.store.PutPerson(t.Context(), sam))
	b.get("/").want(403, "Your access to this portal has ended")
	sam.Disabled = false
	must(t, w.store.PutPerson(t.Context(), sam))
	if p := b.get("/"); p.outside == "" {
		t.Error("the session survived the end of the access")
	}
	w.browser().signIn("nobody-known", "/patients").want(403, "You are signed in, but you have no access", "sub-nobody-known")
}

func TestAfterTheSignInNobodyIsSentElsewhere(t *testing.T) {
	w := newWorld(t, 5)
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/\t/evil.example", "/welcome", "/welcome?x=y", "evil", "javascript:alert(1)", "%2F%2Fevil.example", ""} {
		b := w.browser()
		p := b.get("/sign-in?to=" + url.QueryEscape(to))
		if p := b.back(p, "sam"); p.path != "/" {
			t.Errorf("%q leads to %q", to, p.path)
		}
	}
}

// An id token is checked in every way in which one can be forged.
func TestForgedTokens(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	with := func(claims map[string]any, name string, value any) map[string]any {
		c := maps.Clone(claims)
		c[name] = value
		if value == nil {
			delete(c, name)
		}
		return c
	}
	w := newWorld(t, 5)
	p := w.provider
	signed := func(c map[string]any) string { return p.sign(c, "RS256", "key/1=") }
	for name, forge := range map[string]func(map[string]any) string{
		"another issuer":    func(c map[string]any) string { return signed(with(c, "iss", "https://evil.example")) },
		"another audience":  func(c map[string]any) string { return signed(with(c, "aud", "client-2")) },
		"expired":           func(c map[string]any) string { return signed(with(c, "exp", w.clock().Add(-time.Second).Unix())) },
		"without an expiry": func(c map[string]any) string { return signed(with(c, "exp", nil)) },
		"another nonce":     func(c map[string]any) string { return signed(with(c, "nonce", "n")) },
		"without a nonce":   func(c map[string]any) string { return signed(with(c, "nonce", nil)) },
		"an access token":   func(c map[string]any) string { return signed(with(c, "token_use", "access")) },
		"without a use":     func(c map[string]any) string { return signed(with(c, "token_use", nil)) },
		"without a subject": func(c map[string]any) string { return signed(with(c, "sub", nil)) },
		"an earlier password": func(c map[string]any) string {
			return signed(with(c, "auth_time", w.clock().Add(-61*time.Second).Unix()))
		},
		"without a time of it":  func(c map[string]any) string { return signed(with(c, "auth_time", nil)) },
		"another key":           func(c map[string]any) string { return signWith(other, c, "RS256", "key/1=") },
		"an unknown key":        func(c map[string]any) string { return signWith(other, c, "RS256", "key/2=") },
		"no algorithm":          func(c map[string]any) string { return p.sign(c, "none", "key/1=") },
		"a symmetric algorithm": func(c map[string]any) string { return p.sign(c, "HS256", "key/1=") },
		"another algorithm":     func(c map[string]any) string { return p.sign(c, "RS512", "key/1=") },
		"no token":              func(map[string]any) string { return "" },
		"another payload": func(c map[string]any) string {
			parts, forged := strings.Split(signed(c), "."), strings.Split(signed(with(c, "sub", "sub-maria")), ".")
			return parts[0] + "." + forged[1] + "." + parts[2]
		},
	} {
		t.Run(name, func(t *testing.T) {
			p.forge = forge
			defer func() { p.forge = nil }()
			b := w.browser()
			b.t = t
			b.signIn("sam", "/").want(400, "You are not signed in")
			if b.cookies["__Host-bulkops"] != "" {
				t.Error("a session was made")
			}
		})
	}
	w.signedIn("sam").get("/").want(200, "Hello, Sam Okafor") // the same without forging
}

func TestASignInBelongsToOneBrowserAndIsUsedOnce(t *testing.T) {
	w := newWorld(t, 5)
	b := w.browser()
	back := w.provider.authorize(t, b.get("/sign-in").outside, "sub-sam").RequestURI()
	other := w.browser()
	other.get("/sign-in")
	other.get(back).want(400, "begun in another browser")
	b.get(back).want(400, "was used before") // the other's try used it up
	back = w.provider.authorize(t, b.get("/sign-in").outside, "sub-sam").RequestURI()
	b.get(back).want(200)
	b.get(back).want(400, "was used before")
	b.get("/signed-in?code=x&state=made-up").want(400, "You are not signed in")
	b.get("/signed-in?error=access_denied").want(400, "You are not signed in")

	slow := w.provider.authorize(t, b.get("/sign-in").outside, "sub-sam").RequestURI()
	w.pass(16 * time.Minute)
	b.get(slow).want(400, "took longer than 15 minutes")
}

func TestAConfigurationWithoutAnAddressIsRefused(t *testing.T) {
	w := newWorld(t, 1)
	for _, change := range []func(*portal.Config){
		func(c *portal.Config) { c.URL = "portal" },
		func(c *portal.Config) { c.IdentityURL = "" },
		func(c *portal.Config) { c.Engine = nil },
	} {
		c := portal.Config{Engine: w.engine, Store: w.access, Audit: w.audit, Journal: w.journal, Parked: w.parked, URL: portalURL, IdentityURL: w.provider.URL}
		change(&c)
		if _, err := portal.New(c); err == nil {
			t.Errorf("accepted: %+v", c.URL)
		}
	}
}
