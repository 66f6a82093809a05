package portal

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
)

// identity is the identity provider: authorization code flow with PKCE. Issuer
// and key set are given separately, because behind a stand-in for Cognito they
// are at different places.
type identity struct {
	flow     oauth2.Config
	verifier *oidc.IDTokenVerifier
	client   *http.Client
}

// signInLasts is how long somebody may take on the identity provider's page.
const signInLasts = 15 * time.Minute

func newIdentity(c Config) *identity {
	client := &http.Client{Timeout: 10 * time.Second}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), c.IdentityKeysURL)
	return &identity{
		flow: oauth2.Config{
			ClientID: c.ClientID,
			Endpoint: oauth2.Endpoint{
				AuthURL:   strings.TrimSuffix(c.IdentityURL, "/") + "/oauth2/authorize",
				TokenURL:  strings.TrimSuffix(c.IdentityTokenURL, "/") + "/oauth2/token",
				AuthStyle: oauth2.AuthStyleInParams,
			},
			RedirectURL: c.URL + "/signed-in",
			Scopes:      []string{oidc.ScopeOpenID},
		},
		verifier: oidc.NewVerifier(c.Issuer, keys, &oidc.Config{
			ClientID: c.ClientID, SupportedSigningAlgs: []string{oidc.RS256}, Now: c.Now,
		}),
		client: client,
	}
}

// signingIn is a sign-in under way, kept under its state.
type signingIn struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // PKCE
	Browser  string `json:"browser"`  // only the browser that began may end it
	To       string `json:"to"`
}

// signIn leads to the identity provider.
func signIn(rq *request) error {
	s := signingIn{Nonce: secret(), Verifier: oauth2.GenerateVerifier(), Browser: rq.browser(), To: ownPath(rq.r.URL.Query().Get("to"))}
	state := secret()
	if err := rq.Store.Put(rq.ctx(), keepSignIn, state, s, rq.Now().Add(signInLasts)); err != nil {
		return err
	}
	return rq.redirect(rq.identity.flow.AuthCodeURL(state, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier)))
}

// signedIn is where the identity provider sends the browser back to.
func signedIn(rq *request) error {
	query := rq.r.URL.Query()
	var s signingIn
	err := rq.Store.Take(rq.ctx(), keepSignIn, query.Get("state"), &s, rq.Now())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(s.Browser), []byte(rq.browserCookie())) != 1 {
		return rq.notSignedIn("This sign-in was begun in another browser, was used before, or took longer than "+lasting(signInLasts)+".", err, "/")
	}
	if query.Get("code") == "" {
		return rq.notSignedIn("The sign-in was not finished.", nil, s.To)
	}
	sub, err := rq.identity.verify(rq.ctx(), query.Get("code"), s)
	if err != nil {
		return rq.notSignedIn("The identity provider's answer could not be used.", err, s.To)
	}
	if err := rq.noteSignIn(sub); err != nil {
		return err
	}
	if err := rq.begin(sub); err != nil {
		return err
	}
	rq.Log(rq.ctx(), "signed in", nil, "sub", sub)
	return rq.redirect(s.To)
}

// verify exchanges the code and returns the sub of the id token after checking
// signature, algorithm, issuer, audience, expiry, nonce and use.
func (i *identity) verify(ctx context.Context, code string, s signingIn) (sub string, err error) {
	ctx = oidc.ClientContext(ctx, i.client)
	token, err := i.flow.Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		return "", fault.Wrap(err, fault.Unauthenticated, "exchange of the code")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := i.verifier.Verify(ctx, raw)
	if err != nil {
		return "", fault.Wrap(err, fault.Unauthenticated, "id token")
	}
	var claims struct {
		Use string `json:"token_use"`
	}
	if err := id.Claims(&claims); err != nil {
		return "", fault.Wrap(err, fault.Unauthenticated, "claims of the id token")
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(s.Nonce)) != 1:
		return "", fault.New(fault.Unauthenticated, "the id token has another nonce")
	case claims.Use != "id":
		return "", fault.New(fault.Unauthenticated, "the token is for another use")
	case id.Subject == "":
		return "", fault.New(fault.Unauthenticated, "the id token names nobody")
	}
	return id.Subject, nil
}

// noteSignIn is for the audit. Somebody without an entry in the staff directory
// gets a session, and no page with it.
func (rq *request) noteSignIn(sub string) error {
	note := journal.Note(rq.ctx())
	note.What, note.Operator = audit.SignIn, audit.Person{Sub: sub, Name: audit.Stranger}
	person, err := rq.engine.Staff.Person(rq.ctx(), sub)
	switch {
	case fault.Is(err, fault.NotFound):
		note.Result, note.Detail = audit.Refused, "Not in the staff directory."
		return nil
	case err != nil:
		return err
	case person.Disabled:
		note.Result, note.Detail = audit.Refused, "The access has been taken away."
	}
	note.Operator.Name = person.Name
	return nil
}

func (rq *request) notSignedIn(sentence string, cause error, to string) error {
	rq.Log(rq.ctx(), "a sign-in failed", cause)
	note := journal.Note(rq.ctx())
	note.What, note.Result, note.Detail = audit.SignIn, audit.Refused, sentence
	return rq.show(page{name: "not-signed-in", title: "You are not signed in", status: http.StatusBadRequest,
		data: struct{ Sentence, To string }{sentence, "/sign-in?to=" + url.QueryEscape(to)}})
}

// signOut ends the session here and at the identity provider.
func signOut(rq *request) error {
	if rq.session != nil {
		if err := rq.Store.Delete(rq.ctx(), keepSession, rq.sessionID); err != nil {
			return err
		}
	}
	gone := hostCookie(sessionCookie, "")
	gone.MaxAge = -1
	http.SetCookie(rq.w, gone)
	return rq.redirect(strings.TrimSuffix(rq.IdentityURL, "/") + "/logout?" +
		url.Values{"client_id": {rq.ClientID}, "logout_uri": {rq.URL + "/signed-out"}}.Encode())
}

func signedOut(rq *request) error {
	return rq.show(page{name: "signed-out", title: "You are signed out"})
}

// ownPath lets through only a path of this portal: whatever else comes in an
// address must not send somebody elsewhere after the sign-in.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
