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
	"sync"
	"testing"
	"time"
)

const (
	issuer   = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_test"
	clientID = "client-1"
)

// provider is an identity provider as Cognito is one: authorization code with
// PKCE, and id tokens that are really signed.
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
type grant struct{ sub, nonce, challenge, redirect string }

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
	p.codes[code] = grant{sub, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
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
	claims := map[string]any{"iss": issuer, "aud": clientID, "sub": g.sub, "nonce": g.nonce, "token_use": "id",
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
