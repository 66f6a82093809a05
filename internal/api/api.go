// Package api serves the JSON API under /v1: the same use cases as the portal,
// for programs and for the terminal. Its contract is the OpenAPI document that
// it serves at /v1/openapi.json; docs/openapi.json is the same, for reading.
package api

import (
	"context"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bulkops/internal/audit"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/staff"
)

// Config is what the API needs. Who calls is taken from the request's context,
// where lambdahttp puts the claims that the gateway has checked.
type Config struct {
	Engine  *engine.Engine
	Audit   audit.Reader
	Journal audit.Log // of what people look at, do and try
}

const (
	smallBody = 64 << 10
	// largeBody holds the most patient ids that one operation takes; a function
	// is never given more than 6 MB.
	largeBody = 6 << 20
)

// api has the use cases as methods.
type api struct {
	engine *engine.Engine
	audit  audit.Reader
}

// New makes the handler of everything under /v1.
func New(c Config) http.Handler {
	mux, _ := build(c)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, problemOf(fault.New(fault.NotFound, "There is nothing at this address with the method %s. The document at /v1/openapi.json lists what there is.", r.Method)))
	})
	keep := journal.Journal{Log: c.Journal, Now: c.Engine.Now, Failed: func(w http.ResponseWriter, r *http.Request, err error) {
		c.Engine.Log(r.Context(), "a request could not be written into the audit", err)
		writeProblem(w, problemOf(fault.New(fault.Busy, "The audit log cannot be written, so the answer is withheld. What was asked for may have been done; look before you try again.")))
	}, Panicked: func(w http.ResponseWriter, r *http.Request, err error, stack string) {
		c.Engine.Log(r.Context(), "a request to the API panicked", err, "stack", stack)
		p := problemOf(err)
		p.Detail = "Something went wrong on our side. What was asked for may have been done; look before you try again, and tell your administrator if it happens again."
		writeProblem(w, p)
	}}
	return secure(keep.Keep(preferCSV(mux)))
}

// Document is the OpenAPI document of the API, as JSON.
func Document() ([]byte, error) {
	_, h := build(Config{})
	return h.OpenAPI().MarshalJSON()
}

func build(c Config) (*http.ServeMux, huma.API) {
	a := &api{engine: c.Engine, audit: c.Audit}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			Info: &huma.Info{
				Title:       "bulkops",
				Version:     "1",
				Description: description,
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"staff": {
					Type: "http", Scheme: "bearer", BearerFormat: "JWT",
					Description: "An access token of the sign-in pages (authorization code with PKCE, scope openid).",
				}},
			},
			Security: []map[string][]string{{"staff": {}}},
			Tags: []*huma.Tag{
				{Name: "operations", Description: "Ask for a change of many patients, read its plan, send it for approval, decide, stop, and read what became of it."},
				{Name: "patients", Description: "Find patients in your own facilities."},
				{Name: "directory", Description: "Who you are, what can be asked for, facilities and providers."},
			},
		},
		OpenAPIPath:                  "/v1/openapi",
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
	mux := http.NewServeMux()
	h := humago.New(mux, config)
	h.UseMiddleware(a.signedIn(h))
	a.directoryRoutes(h)
	a.patientRoutes(h)
	a.operationRoutes(h)
	a.planRoutes(h)
	a.overlapRoutes(h)
	a.csvRoutes(h)
	a.eventRoutes(h)
	a.actRoutes(h)
	a.auditRoutes(h)
	a.fileRoutes(h)
	a.approverRoutes(h)
	a.taskRoutes(h)
	a.awayRoutes(h)
	a.staffRoutes(h)
	return mux, h
}

const description = "The same use cases as the portal.\n\n" +
	"An operation is asked for, planned, submitted with a reason, decided on by somebody else, run and audited. " +
	"Poll `GET /v1/operations/{id}`: its state says what happens next. " +
	"What an operation may be depends on the staff directory, which is read at every request.\n\n" +
	"Errors are problems (RFC 9457) whose `code` is one of: invalid, unauthenticated, forbidden, not-found, conflict, stale, gone, too-large, busy, internal. " +
	"Only `busy` is worth repeating as it is. An operation that does not exist and one that you may not see get the same answer."

// use registers a use case of a signed-in person.
func use[In, Out any](a *api, h huma.API, op huma.Operation, does func(context.Context, staff.Person, *In) (*Out, error)) {
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = smallBody
	}
	huma.Register(h, op, func(ctx context.Context, in *In) (*Out, error) {
		out, err := does(ctx, personIn(ctx), in)
		if err != nil {
			a.logged(ctx, err)
			return nil, problemOf(err)
		}
		return out, nil
	})
}

// secure sets what every answer carries. Nothing here is for a browser to show.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Strict-Transport-Security", "max-age=31536000")
		header.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// preferCSV answers a request for outcomes with the CSV file when the client
// asks for CSV rather than JSON.
func preferCSV(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if strings.HasSuffix(r.URL.Path, "/outcomes") && firstAccepted(r.Header.Get("Accept")) == "text/csv" {
			r.URL.Path += ".csv"
			r.URL.RawPath = ""
		}
		next.ServeHTTP(w, r)
	})
}

// firstAccepted is the first media type of an Accept header; clients put the
// one they prefer first.
func firstAccepted(accept string) string {
	first, _, _ := strings.Cut(accept, ",")
	media, _, err := mime.ParseMediaType(first)
	if err != nil {
		return ""
	}
	return media
}
