package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"bulkops/internal/api"
	"bulkops/internal/sample"
)

// caller is somebody who uses the JSON API with an access token of their own.
type caller struct{ token string }

// callers keeps one sign-in for each address: a token lasts for 15 minutes.
var callers sync.Map

// signInToAPI gets a token as the command line does: from the hosted sign-in
// page, with an authorization code and PKCE. Only the browser's last step, to
// the address of the command line on this machine, is not taken.
func signInToAPI(t *testing.T, email string) caller {
	t.Helper()
	if known, ok := callers.Load(email); ok {
		return known.(caller)
	}
	identity := live.Outputs["SigninUrl"]
	flow := &oauth2.Config{
		ClientID: live.Outputs["TerminalClientId"], RedirectURL: "http://127.0.0.1:8765/callback", Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: identity + "/oauth2/authorize", TokenURL: identity + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	verifier := oauth2.GenerateVerifier()
	client := live.httpClient()
	page, err := client.Get(flow.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"username": {email}, "password": {sample.Password}}
	for _, hidden := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(string(text), -1) {
		form.Set(hidden[1], hidden[2])
	}
	sent, err := client.PostForm(identity+"/login", form)
	if err != nil {
		t.Fatal(err)
	}
	defer sent.Body.Close()
	back, err := sent.Location()
	if err != nil {
		t.Fatalf("%s could not sign in: %s", email, sent.Status)
	}
	token, err := flow.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	c := caller{token.AccessToken}
	callers.Store(email, c)
	return c
}

// do sends a request to the API; body, when not nil, as JSON. What is answered
// with a success is read into into, when not nil; anything else is a problem.
func (c caller) do(t *testing.T, method, path string, body, into any, headers ...string) (status int, problem api.Problem) {
	t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, live.PortalURL+"/v1"+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := live.httpClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case response.StatusCode >= 300:
		if err := json.Unmarshal(text, &problem); err != nil {
			t.Fatalf("%s %s: %s with %.300q, which is no problem: %v", method, path, response.Status, text, err)
		}
	case into != nil:
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s %s: %s with %.300q: %v", method, path, response.Status, text, err)
		}
	}
	return response.StatusCode, problem
}
