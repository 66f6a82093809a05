package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"bulkops/internal/api"
	"bulkops/internal/fault"
)

// client calls the JSON API as the person who signed in.
type client struct {
	ctx     context.Context
	session session
}

func (t *terminal) client() (*client, error) {
	s, err := loadSession()
	return &client{t.ctx, s}, err
}

func (c *client) get(path string, into any) error { return c.call(http.MethodGet, path, nil, "", into) }

func (c *client) post(path string, body, into any) error {
	return c.call(http.MethodPost, path, body, "", into)
}

const callTries = 4

// call sends a request and decodes the answer into into. A request that may be
// repeated without harm (reading, or one with a key) is, when nobody answers
// or the answer is to try again.
func (c *client) call(method, path string, body any, key string, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	for try := 1; ; try++ {
		answer, err := c.send(method, path, text, key)
		if err == nil {
			return decode(answer, into)
		}
		repeatable := (method == http.MethodGet || key != "") && fault.Is(err, fault.Busy)
		if !repeatable || try == callTries {
			return err
		}
		select {
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-time.After(time.Duration(try) * 300 * time.Millisecond):
		}
	}
}

// decode reads JSON, or hands over the bytes when into wants them.
func decode(answer []byte, into any) error {
	if raw, ok := into.(*[]byte); ok {
		*raw = answer
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the server's answer cannot be read; is this bulkops of its version? %w", err)
	}
	return nil
}

func (c *client) send(method, path string, body []byte, key string) ([]byte, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(c.ctx, method, strings.TrimSuffix(c.session.API, "/")+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if method == http.MethodPost || method == http.MethodPut {
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.ContentLength = int64(len(body))
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return nil, fault.Wrap(err, fault.Busy, "The server at %s does not answer.", c.session.API)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Busy, "The server's answer broke off.")
	}
	if response.StatusCode < 300 {
		return answer, nil
	}
	return nil, refusal(response.StatusCode, answer)
}

// refusal is what the server said, as an error. What comes from the gateway in
// front of it has no code.
func refusal(status int, answer []byte) error {
	var p api.Problem
	if json.Unmarshal(answer, &p) != nil || p.Code == "" {
		switch {
		case status == http.StatusUnauthorized:
			return fault.New(fault.Unauthenticated, "The server does not accept the sign-in. Sign in again with: bulkops sign-in")
		case status == http.StatusTooManyRequests || status >= 500:
			return fault.New(fault.Busy, "The server answered with status %d. Try again.", status)
		}
		return fault.New(fault.Invalid, "The server answered with status %d.", status)
	}
	lines := []string{p.Detail}
	for _, one := range p.Problems {
		if !strings.Contains(p.Detail, one.Sentence) {
			lines = append(lines, "  "+one.Field+": "+one.Sentence)
		}
	}
	return fault.New(p.Code, "%s", strings.Join(lines, "\n"))
}

// token returns an access token that still holds for a moment, a new one if need be.
func (c *client) token() (string, error) {
	token, err := c.session.flow().TokenSource(withTransport(c.ctx), c.session.Token).Token()
	if err != nil {
		return "", fault.Wrap(err, fault.Unauthenticated, "Your sign-in has expired. Sign in again with: bulkops sign-in")
	}
	if token.AccessToken != c.session.Token.AccessToken {
		if token.RefreshToken == "" {
			token.RefreshToken = c.session.Token.RefreshToken
		}
		c.session.Token = token
		if err := c.session.save(); err != nil {
			return "", err
		}
	}
	return token.AccessToken, nil
}

// httpClient finds names under localhost on this machine, as browsers do (RFC
// 6761, section 6.3); the name service may not know them.
var httpClient = &http.Client{
	Timeout: time.Minute,
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
		},
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // an API has no pages to follow
}

func withTransport(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, httpClient)
}
