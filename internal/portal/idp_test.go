package portal_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	issuer   = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_test"
	clientID = "client-1"
)

// provider is an identity provider as Cognito with its classic pages is one:
// authorization code with PKCE, id tokens that are really signed, and a session
// of its own in each browser, in which it asks for no password whatever the
// request says.
type provider struct {
	*httptest.Server
	key *rsa.PrivateKey
	now func() time.Time

	mu    sync.Mutex
	codes map[string]grant
	// forge, when set, makes the id token for the claims that are right.
	forge func(claims map[string]any) string
}

// grant is what a code stands for.
type grant struct {
	hosted
	nonce, challenge, redirect string
}

// hosted is the provider's session in a browser: who entered their password, and
// when. It lasts an hour, and until the browser is sent to /logout.
type hosted struct {
	sub string
	at  time.Time
}

// comesBack is where the provider sends a browser with a session to, without
// showing a page; "" where it shows one.
func (p *provider) comesBack(t *testing.T, address string, session *hosted) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	if !strings.HasPrefix(address, p.URL+"/") {
		return ""
	}
	switch u.Path {
	case "/logout":
		back := u.Query().Get("logout_uri")
		path, ours := strings.CutPrefix(back, portalURL)
		if !ours || !slices.Contains([]string{"/signing-in", "/welcome", "/signed-out"}, path) || u.Query().Get("client_id") != clientID {
			t.Fatalf("this address to come back to is not registered: %s", address)
		}
		*session = hosted{}
		return path
	case "/oauth2/authorize":
		if session.sub != "" && p.now().Before(session.at.Add(time.Hour)) {
			return p.grant(t, address, *session).RequestURI()
		}
	}
	return ""
}

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newProvider(t *testing.T, now func() time.Time) *provider {
	p := &provider{key: signingKey(), now: now, codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "key/1=",
			"n": encoded(p.key.N.Bytes()), "e": encoded(big.NewInt(int64(p.key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("POST /oauth2/token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// authorize is what the hosted page does once somebody has signed in: it
// returns where the browser is sent.
func (p *provider) authorize(t *testing.T, address, sub string) *url.URL {
	t.Helper()
	return p.grant(t, address, hosted{sub, p.now()})
}

func (p *provider) grant(t *testing.T, address string, by hosted) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/oauth2/authorize" || q.Get("response_type") != "code" || q.Get("client_id") != clientID ||
		q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("state") == "" || q.Get("nonce") == "" {
		t.Fatalf("this is no request for a code with PKCE, state and nonce: %s", address)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{by, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	p.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	return back
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || encoded(sum[:]) != g.challenge || r.PostFormValue("redirect_uri") != g.redirect || r.PostFormValue("client_id") != clientID {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{"iss": issuer, "aud": clientID, "sub": g.sub, "nonce": g.nonce, "token_use": "id", "auth_time": g.at.Unix(),
		"iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix(), "email": "somebody@example.org"}
	id := p.sign(claims, "RS256", "key/1=")
	if p.forge != nil {
		id = p.forge(claims)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"id_token": id, "access_token": "a", "token_type": "Bearer", "expires_in": 300})
}

// sign makes a token as the header says; for any algorithm but RS256 the
// signature is what a forger would try.
func (p *provider) sign(claims map[string]any, alg, kid string) string {
	return signWith(p.key, claims, alg, kid)
}

func signWith(key *rsa.PrivateKey, claims map[string]any, alg, kid string) string {
	header, _ := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "JWT"})
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	text := encoded(header) + "." + encoded(body)
	if alg == "none" {
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(fmt.Sprint("sign: ", err))
	}
	return text + "." + encoded(signature)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
