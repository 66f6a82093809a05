package portal_test

import (
	"flag"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkops/internal/portal"
)

var (
	serveAt  = flag.String("serve", "", "serve the portal over a sample clinic in memory at this address, e.g. localhost:8080, to look at it")
	serveFor = flag.Duration("serve-for", time.Hour, "for so long")
	serveN   = flag.Int("serve-patients", 2000, "with so many patients")
)

// TestServe is no test but a way to look at the pages: with -serve it serves
// the portal, with real sign-ins (choose a person) and a state machine that
// takes half a second a batch.
func TestServe(t *testing.T) {
	if *serveAt == "" {
		return
	}
	w := newWorld(t, *serveN)
	w.now = time.Now().UTC()
	start := time.Now()
	first := w.now
	go func() {
		for {
			time.Sleep(400 * time.Millisecond)
			w.mu.Lock()
			w.now = first.Add(time.Since(start))
			w.mu.Unlock()
			w.machine.step(t.Context())
			w.writeAudit()
		}
	}()
	site := "http://" + *serveAt
	mux := http.NewServeMux()
	mux.Handle("/", w.newPortal(func(c *portal.Config) { c.URL, c.IdentityURL, c.IdentityTokenURL = site, site, w.provider.URL }))
	mux.HandleFunc("GET /oauth2/authorize", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(rw, "<!doctype html><title>Sign in</title><h1>Who are you?</h1><ul>")
		for name, p := range w.people {
			to := w.provider.authorize(t, site+r.URL.RequestURI(), p.Sub)
			_, _ = fmt.Fprintf(rw, `<li><a id="%s" href="%s">%s</a>`, name, html.EscapeString(to.String()), p.Name)
		}
	})
	mux.HandleFunc("GET /mails", func(rw http.ResponseWriter, _ *http.Request) {
		for _, m := range w.mails {
			_, _ = fmt.Fprintf(rw, "%s\n%s\n%s\n\n", m.To, m.Subject, strings.ReplaceAll(m.Text, portalURL, site))
		}
	})
	mux.HandleFunc("GET /logout", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, r.URL.Query().Get("logout_uri"), http.StatusFound)
	})
	fmt.Println("serving at", site)
	go func() { t.Error(http.ListenAndServe(*serveAt, mux)) }()
	time.Sleep(*serveFor)
}
