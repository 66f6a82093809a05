package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// identity is a sign-in server that signs in "sam", checking PKCE as it must.
func identity(t *testing.T) *httptest.Server {
	t.Helper()
	challenges := map[string]string{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth2/authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("response_type") != "code" || q.Get("client_id") != "terminal" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid" {
			t.Errorf("asked with %v", q)
		}
		challenges["the-code"] = q.Get("code_challenge")
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"the-code"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.FormValue("grant_type") {
		case "authorization_code":
			sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
			if base64.RawURLEncoding.EncodeToString(sum[:]) != challenges[r.FormValue("code")] || r.FormValue("redirect_uri") != "http://"+loopback+"/callback" {
				t.Errorf("token asked with %v", r.Form)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "sam", "refresh_token": "again", "token_type": "Bearer", "expires_in": 900})
		case "refresh_token":
			if r.FormValue("refresh_token") != "again" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "maria", "token_type": "Bearer", "expires_in": 900})
		}
	})
	revoked := false
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Token, ClientId string }
		if r.Header.Get("X-Amz-Target") != "AWSCognitoIdentityProviderService.RevokeToken" || json.NewDecoder(r.Body).Decode(&asked) != nil ||
			asked.Token != "again" || asked.ClientId != "terminal" || revoked {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		revoked = true
		_, _ = io.WriteString(w, "{}")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// watched is what a command prints, readable while it runs.
type watched struct{ lines chan string }

func (w watched) Write(p []byte) (int, error) { w.lines <- string(p); return len(p), nil }

func TestSignInWithABrowser(t *testing.T) {
	d := newDesk(t)
	pages := identity(t)
	out := watched{make(chan string, 100)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(context.Background(), []string{"sign-in", "--api", d.server.URL + "/v1", "--identity", pages.URL, "--client", "terminal"}, strings.NewReader(""), out, io.Discard)
	}()
	var address string
	for address == "" {
		select {
		case text := <-out.lines:
			address = regexp.MustCompile(`http://\S+`).FindString(text)
		case <-time.After(10 * time.Second):
			t.Fatal("no address to open")
		}
	}
	// Somebody else's answer changes nothing.
	forged, err := http.Get("http://" + loopback + "/callback?code=evil&state=guessed")
	if err != nil || forged.StatusCode != http.StatusBadRequest {
		t.Errorf("forged answer: %v %v", forged, err)
	}
	browser, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(browser.Body)
	if !strings.Contains(string(page), "Signed in") {
		t.Errorf("the browser shows %s", page)
	}
	if code := <-ended; code != 0 {
		t.Fatalf("ended with %d", code)
	}
	wants(t, <-out.lines, "You are signed in as Sam Okafor (staff).")
	file, err := sessionFile()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the sign-in is kept in %v, %v", info, err)
	}
	wants(t, d.types(0, "list"), "There are none.")
}

func TestASignInIsRenewedUntilItCannotBe(t *testing.T) {
	d := newDesk(t)
	pages := identity(t)
	expired := session{API: d.server.URL + "/v1", Identity: pages.URL, Client: "terminal",
		Token: &oauth2.Token{AccessToken: "sam", RefreshToken: "again", Expiry: time.Now().Add(-time.Minute)}}
	if err := expired.save(); err != nil {
		t.Fatal(err)
	}
	d.types(0, "list")
	now, err := loadSession()
	if err != nil || now.Token.AccessToken != "maria" || now.Token.RefreshToken != "again" {
		t.Errorf("%+v %v", now.Token, err)
	}
	expired.Token.RefreshToken = "revoked"
	if err := expired.save(); err != nil {
		t.Fatal(err)
	}
	wants(t, d.types(1, "list"), "Your sign-in has expired. Sign in again with: bulkops sign-in")
}

// Signing out takes the sign-in back where it came from, and says so when it could
// not; the file is gone either way.
func TestSigningOutTakesTheSignInBack(t *testing.T) {
	d := newDesk(t)
	pages := identity(t)
	t.Setenv("AWS_ENDPOINT_URL", pages.URL)
	issued := base64.RawURLEncoding.EncodeToString([]byte(`{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/the-pool"}`))
	s := session{API: d.server.URL + "/v1", Identity: pages.URL + "/", Client: "terminal",
		Token: &oauth2.Token{AccessToken: "header." + issued + ".signature", RefreshToken: "again", Expiry: time.Now().Add(time.Hour)}}
	for _, test := range []struct {
		code int
		says string
	}{{0, "You are signed out here."}, {1, "could not be taken back"}} { // the second time it was taken back before
		if err := s.save(); err != nil {
			t.Fatal(err)
		}
		wants(t, d.types(test.code, "sign-out"), test.says)
		wants(t, d.types(1, "list"), "Nobody is signed in")
	}
	wants(t, d.types(0, "sign-out"), "You are signed out here.")
}
