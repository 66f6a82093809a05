package portal

import (
	"crypto/rand"
	"net/http"
	"strings"
)

// contentPolicy allows what the portal serves itself and nothing else. Browsers
// apply form-action to redirects too: a form sent without a session leads to the
// identity provider, and one that asks for a file to the file.
func contentPolicy(origins ...string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
		"form-action " + strings.Join(append([]string{"'self'"}, origins...), " ") + "; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
}

// secure puts the headers on every response, whatever becomes of it. Pages are
// never stored by anybody; static files say otherwise themselves.
func (p *portal) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.policy)
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// reference is what somebody reads out on the telephone to have an error found
// in the log.
func reference() string { return rand.Text()[:8] }

// secret is a random id of 130 bits.
func secret() string { return rand.Text() }
