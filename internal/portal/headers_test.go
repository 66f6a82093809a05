package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var securityHeaders = map[string]string{
	"Strict-Transport-Security": "max-age=31536000", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
	"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
}

// Every answer has the headers: pages, redirects, files, errors.
func TestHeadersAreOnEveryAnswer(t *testing.T) {
	f := newFixture(t)
	check := func(p *page, stored bool) {
		t.Helper()
		for name, want := range securityHeaders {
			if !strings.HasPrefix(p.header.Get(name), want) {
				t.Errorf("%s (%d): %s is %q", p.path, p.status, name, p.header.Get(name))
			}
		}
		policy := p.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy has no %q: %s", p.path, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is %s", p.path, policy)
		}
		if p.header.Get("Cache-Control") != "no-store" && !stored {
			t.Errorf("%s (%d): may be stored: %q", p.path, p.status, p.header.Get("Cache-Control"))
		}
	}
	for route, row := range matrix {
		method, _, _ := strings.Cut(route, " ")
		for _, who := range []string{"nobody", "sam", "vera"} {
			check(f.send(method, f.target(strings.Fields(row)[0]), who), false)
		}
	}
	home := f.all["sam"].get("/help")
	css := attr(find(home.doc, func(n *html.Node) bool {
		return n.Data == "link" && strings.HasSuffix(attr(n, "href"), "portal.css")
	}), "href")
	file := f.all["nobody"].get(css)
	check(file, true)
	if file.status != 200 || !strings.Contains(file.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %q", css, file.status, file.header.Get("Cache-Control"))
	}
	check(f.all["nobody"].get("/static/old/portal.css"), true)
	for _, target := range []string{"/static/old/no-such", "/static/old/uswds/.gitkeep", "/static/old/../portal.go", "/no-such-page", "/operations/new/no-such-kind/x/y/z"} {
		p := f.all["sam"].do(httptest.NewRequest(http.MethodGet, target, nil))
		check(p, false)
		if p.status == 200 {
			t.Errorf("%s is there", target)
		}
	}
	check(f.all["sam"].do(httptest.NewRequest(http.MethodDelete, "/patients", nil)).want(405, "Nothing was done"), false)
	check(f.all["sam"].do(httptest.NewRequest(http.MethodPost, "/operations", nil)).want(405), false)
}
