package portal

import (
	"context"
	"crypto/subtle"
	"errors"
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

// clockSkew is how far the identity provider's clock may be behind ours.
const clockSkew = time.Minute

// Where the identity provider sends the browser back to. The first is registered
// as its call-back address, the others as its sign-out addresses.
const (
	signedInPath  = "/signed-in"
	signedOutPath = "/signed-out"
	signingInPath = "/signing-in"
	welcomePath   = "/welcome"
)

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
			RedirectURL: c.URL + signedInPath,
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
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE
	Browser  string    `json:"browser"`  // only the browser that began may end it
	To       string    `json:"to"`
	Began    time.Time `json:"began"`
}

// wanted is where a browser is to go once somebody has signed in.
type wanted struct {
	To string `json:"to"`
}

// signIn begins a sign-in. The identity provider keeps a session of its own,
// longer than ours, in which it asks for no password: it ends before.
func signIn(rq *request) error {
	to := wanted{ownPath(rq.r.URL.Query().Get("to"))}
	if err := rq.Store.Put(rq.ctx(), keepWanted, rq.browser(), to, rq.Now().Add(signInLasts)); err != nil {
		return err
	}
	return rq.leaveProvider(signingInPath)
}

// leaveProvider ends the identity provider's session of this browser, and comes
// back at the path.
func (rq *request) leaveProvider(path string) error {
	return rq.redirect(strings.TrimSuffix(rq.IdentityURL, "/") + "/logout?" +
		url.Values{"client_id": {rq.ClientID}, "logout_uri": {rq.URL + path}}.Encode())
}

// enterPassword leads to the identity provider's page.
func enterPassword(rq *request) error {
	var to wanted
	browser := rq.browser()
	if err := rq.Store.Get(rq.ctx(), keepWanted, browser, &to, rq.Now()); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	s := signingIn{Nonce: secret(), Verifier: oauth2.GenerateVerifier(), Browser: browser, To: ownPath(to.To), Began: rq.Now()}
	state := secret()
	if err := rq.Store.Put(rq.ctx(), keepSignIn, state, s, rq.Now().Add(signInLasts)); err != nil {
		return err
	}
	return rq.redirect(rq.identity.flow.AuthCodeURL(state, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier),
		oauth2.SetAuthURLParam("prompt", "login")))
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
	if errors.Is(err, errEarlierPassword) {
		return rq.notSignedIn("Your password was entered for an earlier sign-in. Sign in again with it.", err, s.To)
	}
	if err != nil {
		return rq.notSignedIn("The identity provider's answer could not be used.", err, s.To)
	}
	if err := rq.noteSignIn(sub); err != nil {
		return err
	}
	if err := rq.begin(sub, s.To); err != nil {
		return err
	}
	rq.Log(rq.ctx(), "signed in", nil, "sub", sub)
	return rq.leaveProvider(welcomePath) // or whoever comes next would be let in by it
}

// welcome leads somebody who has just signed in to where they wanted.
func welcome(rq *request) error {
	switch {
	case rq.session == nil:
		return rq.redirect("/")
	case !rq.known:
		return rq.showNoAccess()
	}
	return rq.redirect(ownPath(rq.session.To))
}

// errEarlierPassword refuses an id token for a password that was entered before
// this sign-in began, by whoever used the browser then.
var errEarlierPassword = fault.New(fault.Unauthenticated, "the password was entered before the sign-in began")

// verify exchanges the code and returns the sub of the id token after checking
// signature, algorithm, issuer, audience, expiry, nonce, use and when the
// password was entered.
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
		Use      string `json:"token_use"`
		AuthTime int64  `json:"auth_time"`
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
	case time.Unix(claims.AuthTime, 0).Before(s.Began.Add(-clockSkew)):
		return "", errEarlierPassword
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
	return rq.leaveProvider(signedOutPath)
}

// signedOut says that nobody is signed in, and why where the session has ended
// by itself: the script of a page comes here then.
func signedOut(rq *request) error {
	to := ownPath(rq.r.URL.Query().Get("to"))
	if rq.session != nil {
		return rq.redirect(to)
	}
	title := "You are signed out"
	if rq.expired != "" {
		title = "You were signed out"
	}
	return rq.show(page{name: "signed-out", title: title, data: struct {
		Expired       bool
		Idle, Max, To string
	}{rq.expired != "", lasting(rq.Idle), lasting(rq.Max), "/sign-in?to=" + url.QueryEscape(to)}})
}

// ownPath lets through only a path of this portal: whatever else comes in an
// address must not send somebody elsewhere after the sign-in.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Path == welcomePath || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
