// Package portal serves the pages that people use: server-rendered HTML in
// which every action is a form, complete without JavaScript. Who somebody is
// comes from the identity provider; what they may do is read from the staff
// directory at every request.
package portal

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/engine"
)

// Store keeps short-lived things: sessions, sign-ins under way, drafts, lists
// of patients, and forms that were typed while nobody was signed in. Ids are
// secrets; the store keeps only their hashes. An entry that is absent or has
// expired is fault.NotFound.
type Store interface {
	Put(ctx context.Context, kind, id string, v any, expires time.Time) error
	// Replace is Put where something is stored, and fault.NotFound elsewhere: what
	// was read and then deleted does not come back.
	Replace(ctx context.Context, kind, id string, v any, expires time.Time) error
	Get(ctx context.Context, kind, id string, v any, now time.Time) error
	Delete(ctx context.Context, kind, id string) error
	// Take is Get and Delete in one: of several calls at once, one succeeds.
	Take(ctx context.Context, kind, id string, v any, now time.Time) error
}

// Kinds of what the Store keeps.
const (
	keepSession  = "SESSION" // who is signed in
	keepSignIn   = "SIGNIN"  // a sign-in under way
	keepWanted   = "WANTED"  // where a browser that has to sign in is to go then
	keepTyped    = "FORM"    // what was typed into a form that could not be taken
	keepDraft    = "DRAFT"   // a request before it is an operation
	keepAudit    = "AUDIT"   // a question to the audit log
	keepPatients = "LIST"    // a list of patients: filter, what it found, what is ticked
)

// Parked lists what could not be audited.
type Parked interface {
	Names(ctx context.Context, prefix, after string) iter.Seq2[string, error]
}

// Config is what a portal needs.
type Config struct {
	Engine  *engine.Engine
	Store   Store
	Audit   audit.Reader
	Journal audit.Log // of what people look at, do and try
	Parked  Parked

	URL              string // of the portal as browsers see it, without a slash at its end
	IdentityURL      string // base of the hosted sign-in pages, as browsers see it
	IdentityTokenURL string // base of the token endpoint, as the portal sees it; IdentityURL when empty
	IdentityKeysURL  string // of the key set (JWKS)
	FilesOrigin      string // scheme and host of the addresses from which files are downloaded
	Issuer           string // iss of the tokens
	ClientID         string

	Idle time.Duration // a session ends after so long without a request; 15 minutes when 0
	Max  time.Duration // and in any case so long after the sign-in; 12 hours when 0

	Now func() time.Time
	// Log writes to the log, without patient data. err may be nil.
	Log func(ctx context.Context, what string, err error, args ...any)
}

// portal is the handler behind New.
type portal struct {
	Config
	engine   *engine.Engine
	identity *identity
	pages    pages
	static   *statics
	csrf     *http.CrossOriginProtection
	policy   string // Content-Security-Policy
}

// New makes the portal. It reads no network: keys of the identity provider are
// fetched when the first token is checked.
func New(c Config) (http.Handler, error) {
	if c.Engine == nil || c.Store == nil || c.Audit == nil || c.Journal == nil || c.Parked == nil {
		return nil, fmt.Errorf("portal: engine, store, audit, journal and parked records are needed")
	}
	if c.Idle == 0 {
		c.Idle = 15 * time.Minute
	}
	if c.Max == 0 {
		c.Max = 12 * time.Hour
	}
	if c.Now == nil {
		c.Now = func() time.Time { return time.Now().UTC() }
	}
	if c.Log == nil {
		c.Log = func(context.Context, string, error, ...any) {}
	}
	if c.IdentityTokenURL == "" {
		c.IdentityTokenURL = c.IdentityURL
	}
	home, err := url.Parse(c.URL)
	if err != nil || home.Host == "" {
		return nil, fmt.Errorf("portal: address %q", c.URL)
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	hosted, err := url.Parse(c.IdentityURL)
	if err != nil || hosted.Host == "" {
		return nil, fmt.Errorf("portal: address of the identity provider %q", c.IdentityURL)
	}
	static, err := newStatics()
	if err != nil {
		return nil, err
	}
	pages, err := parsePages(static)
	if err != nil {
		return nil, err
	}
	p := &portal{
		Config: c, engine: c.Engine, identity: newIdentity(c), pages: pages, static: static,
		csrf:   http.NewCrossOriginProtection(),
		policy: contentPolicy(origin(hosted), c.FilesOrigin),
	}
	// Behind API Gateway the Host header is as good as its mapping; the
	// portal's own address is named, so that it never depends on it.
	if err := p.csrf.AddTrustedOrigin(origin(home)); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return p.handler(), nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }
