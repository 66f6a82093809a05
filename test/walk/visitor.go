// Package walk is a person with a browser but without JavaScript: opens pages,
// follows links by their words, fills fields by their labels, presses buttons
// by their words. What it cannot do, such a person cannot do either.
package walk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Visitor is one browser with its cookies.
type Visitor struct {
	Took    time.Duration // by the last page, redirections included
	client  *http.Client
	visited []string
}

// New opens a browser. The transport finds the pages; nil is the usual one.
func New(transport http.RoundTripper) *Visitor {
	return &Visitor{client: &http.Client{
		Transport: transport, Jar: newJar(), Timeout: time.Minute,
		// Redirections are followed here, one by one, as a browser sends them.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Visited returns the addresses that were asked for, redirections included.
func (v *Visitor) Visited() []string { return v.visited }

// Client has the browser's cookies, for requests that no page of ours makes. It
// follows no redirections.
func (v *Visitor) Client() *http.Client { return v.client }

// Open opens an address as if it had been typed.
func (v *Visitor) Open(ctx context.Context, address string) (*Page, error) {
	return v.send(ctx, http.MethodGet, address, nil, "", nil)
}

const maxRedirections = 20

// send asks for a page and follows redirections. from is the page that the
// person is on, nil for none.
func (v *Visitor) send(ctx context.Context, method, address string, body []byte, contentType string, from *url.URL) (*Page, error) {
	began := time.Now()
	defer func() { v.Took = time.Since(began) }()
	for range maxRedirections {
		request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("open a page: %w", err)
		}
		v.visited = append(v.visited, method+" "+address)
		request.Header.Set("Accept", "text/html,*/*;q=0.8")
		request.Header.Set("User-Agent", "Mozilla/5.0 (walk; no JavaScript)")
		request.Header.Set("Sec-Fetch-Mode", "navigate")
		request.Header.Set("Sec-Fetch-Dest", "document")
		request.Header.Set("Sec-Fetch-Site", site(from, request.URL))
		if method == http.MethodPost {
			request.Header.Set("Content-Type", contentType)
			request.Header.Set("Origin", from.Scheme+"://"+from.Host)
		}
		response, err := v.client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("open a page: %w", err)
		}
		content, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read a page: %w", err)
		}
		to, err := response.Location()
		if response.StatusCode < 300 || response.StatusCode >= 400 || err != nil {
			return newPage(v, request.URL, response, content)
		}
		if response.StatusCode != http.StatusTemporaryRedirect && response.StatusCode != http.StatusPermanentRedirect {
			method, body = http.MethodGet, nil
		}
		address = to.String()
	}
	return nil, fmt.Errorf("%s leads around in a circle", address)
}

// site is what a browser says of the page that a request comes from.
func site(from, to *url.URL) string {
	switch {
	case from == nil:
		return "none"
	case from.Scheme == to.Scheme && from.Host == to.Host:
		return "same-origin"
	}
	return "cross-site"
}

func newPage(v *Visitor, at *url.URL, response *http.Response, content []byte) (*Page, error) {
	p := &Page{URL: at, Status: response.StatusCode, Header: response.Header, Content: content, visitor: v}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "text/html" {
		return p, nil
	}
	root, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("read the page %s: %w", at, err)
	}
	p.root = root
	return p, nil
}

// jar keeps cookies as browsers do, who trust names under localhost as they
// trust encrypted connections.
type jar struct{ *cookiejar.Jar }

func newJar() http.CookieJar {
	kept, _ := cookiejar.New(nil) // fails never
	return jar{kept}
}

func trusted(u *url.URL) *url.URL {
	if host := u.Hostname(); host == "localhost" || host == "127.0.0.1" || strings.HasSuffix(host, ".localhost") {
		secure := *u
		secure.Scheme = "https"
		return &secure
	}
	return u
}

func (j jar) SetCookies(u *url.URL, cookies []*http.Cookie) { j.Jar.SetCookies(trusted(u), cookies) }
func (j jar) Cookies(u *url.URL) []*http.Cookie             { return j.Jar.Cookies(trusted(u)) }
