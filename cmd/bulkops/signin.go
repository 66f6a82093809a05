package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"golang.org/x/oauth2"

	"bulkops/internal/fault"
)

// session is a sign-in, kept in a file that only its owner can read.
type session struct {
	API      string        `json:"api"`      // base of the JSON API, with /v1
	Identity string        `json:"identity"` // base of the sign-in pages
	Client   string        `json:"client"`
	Token    *oauth2.Token `json:"token"`
}

func (s session) flow() *oauth2.Config {
	base := strings.TrimSuffix(s.Identity, "/")
	return &oauth2.Config{
		ClientID: s.Client,
		Endpoint: oauth2.Endpoint{AuthURL: base + "/oauth2/authorize", TokenURL: base + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams},
		Scopes:   []string{"openid"},
	}
}

func sessionFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for settings: %w", err)
	}
	return filepath.Join(dir, "bulkops", "session.json"), nil
}

func loadSession() (session, error) {
	file, err := sessionFile()
	if err != nil {
		return session{}, err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return session{}, fault.New(fault.Unauthenticated, "Nobody is signed in. Sign in with: bulkops sign-in")
	}
	if err != nil {
		return session{}, fmt.Errorf("read the sign-in: %w", err)
	}
	var s session
	if json.Unmarshal(text, &s) != nil || s.Token == nil {
		return session{}, fault.New(fault.Unauthenticated, "The stored sign-in cannot be read. Sign in again with: bulkops sign-in")
	}
	return s, nil
}

// save replaces the file in one step, so that two commands at once do not
// leave half of one.
func (s session) save() error {
	file, err := sessionFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make the folder for the sign-in: %w", err)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the sign-in: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "session-*") // readable for its owner only
	if err != nil {
		return fmt.Errorf("store the sign-in: %w", err)
	}
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		os.Remove(temporary.Name())
		return fmt.Errorf("store the sign-in: %w", err)
	}
	return nil
}

// signInCommand signs in with a browser: authorization code with PKCE, sent
// back to this machine (RFC 8252).
type signInCommand struct {
	API      string `env:"BULKOPS_API" help:"Base address of the JSON API, with /v1; from the stack when absent."`
	Identity string `env:"BULKOPS_IDENTITY" help:"Base address of the sign-in pages; from the stack when absent."`
	Client   string `env:"BULKOPS_CLIENT" help:"Client id of the terminal; from the stack when absent."`
}

const (
	loopback       = "127.0.0.1:8765" // as the template registers it for the terminal's client
	signInPatience = 5 * time.Minute
)

func (c signInCommand) Run(t *terminal) error {
	s := session{API: c.API, Identity: c.Identity, Client: c.Client}
	if s.API == "" || s.Identity == "" || s.Client == "" {
		if err := s.fromStack(t); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", loopback)
	if err != nil {
		return fmt.Errorf("the browser has to be sent back to http://%s, which another program uses; end it and try again: %w", loopback, err)
	}
	flow, state, verifier := s.flow(), rand.Text(), oauth2.GenerateVerifier()
	flow.RedirectURL = "http://" + loopback + "/callback"
	codes := make(chan string, 1)
	server := &http.Server{Handler: callback(state, codes), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
	defer server.Close()

	t.say("Open this address in a browser and sign in:\n\n%s\n", flow.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	ctx, cancel := context.WithTimeout(t.ctx, signInPatience)
	defer cancel()
	var code string
	select {
	case code = <-codes:
	case <-ctx.Done():
		return fault.New(fault.Unauthenticated, "Nobody signed in within %s.", signInPatience)
	}
	if code == "" {
		return fault.New(fault.Unauthenticated, "The sign-in was not finished. Try again with: bulkops sign-in")
	}
	s.Token, err = flow.Exchange(withTransport(ctx), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return fmt.Errorf("exchange the sign-in for a token: %w", err)
	}
	if err := s.save(); err != nil {
		return err
	}
	var me struct{ Name, Role string }
	if err := (&client{ctx: t.ctx, session: s}).get("/me", &me); err != nil {
		return err
	}
	_ = server.Shutdown(ctx) // lets the browser have its page to the end
	t.say("You are signed in as %s (%s).", visible(me.Name), visible(me.Role))
	return nil
}

func (s *session) fromStack(t *terminal) error {
	stack, err := t.openStack()
	if err != nil {
		return fmt.Errorf("give --api, --identity and --client, or: %w", err)
	}
	for name, to := range map[string]*string{"ApiUrl": &s.API, "SigninUrl": &s.Identity, "TerminalClientId": &s.Client} {
		if *to != "" {
			continue
		}
		if *to, err = stack.output(name); err != nil {
			return err
		}
	}
	return nil
}

// callback takes the browser back from the sign-in pages. A request with
// another state is somebody else's.
func callback(state string, codes chan<- string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		query := r.URL.Query()
		if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state)) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "<!doctype html><title>Not signed in</title><p>This sign-in was not begun by the command that is waiting.")
			return
		}
		title := "Signed in"
		if query.Get("code") == "" {
			title = "Not signed in"
		}
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>%s</title><p>%s. You can close this page and go back to the terminal.`, title, title)
		select {
		case codes <- query.Get("code"):
		default: // a second answer changes nothing
		}
	})
	return mux
}

type signOutCommand struct{}

func (signOutCommand) Run(t *terminal) error {
	file, err := sessionFile()
	if err != nil {
		return err
	}
	s, err := loadSession()
	if err == nil {
		err = s.revoke(t.ctx)
	} else if fault.Is(err, fault.Unauthenticated) { // there is nothing to take back
		err = nil
	}
	if removeErr := os.Remove(file); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("forget the sign-in: %w", removeErr))
	}
	if err != nil {
		return fmt.Errorf("the sign-in is forgotten here, but could not be taken back: a copy of it can be used until it expires, at most 12 hours after the sign-in: %w", err)
	}
	t.say("You are signed out here.")
	return nil
}

// revoke takes the sign-in back where it was issued, so that a copy of the file
// renews nothing any more. An access token that is out lasts until it expires.
func (s session) revoke(ctx context.Context) error {
	if s.Token.RefreshToken == "" {
		return nil
	}
	region, err := regionOf(s.Token.AccessToken)
	if err != nil {
		return err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region), awsconfig.WithCredentialsProvider(aws.AnonymousCredentials{}))
	if err != nil {
		return fmt.Errorf("ask to take the sign-in back: %w", err)
	}
	pool := cognitoidentityprovider.NewFromConfig(cfg)
	if _, err := pool.RevokeToken(ctx, &cognitoidentityprovider.RevokeTokenInput{Token: &s.Token.RefreshToken, ClientId: &s.Client}); err != nil {
		return fmt.Errorf("ask to take the sign-in back: %w", err)
	}
	return nil
}

// regionOf is the AWS region of the user pool that issued a token, by the token:
// https://cognito-idp.<region>.amazonaws.com/<pool>. It is this terminal's own, so
// its signature is not checked.
func regionOf(token string) (string, error) {
	_, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return "", errors.New("the access token cannot be read")
	}
	parts := strings.Split(claims.Issuer, ".")
	if len(parts) < 3 {
		return "", errors.New("the access token does not say where it comes from")
	}
	return parts[1], nil
}
