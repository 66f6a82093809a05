// Package lambdahttp lets a net/http handler answer the events of an API
// Gateway HTTP API (payload format 2.0).
package lambdahttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

const (
	// maxBody is the largest answer in bytes, as the event carries it: Lambda
	// takes 6 MiB in all, headers and JSON quoting included.
	maxBody = 5 << 20
	// compressAbove is the size from which an answer is compressed if the client
	// takes it. Pages with form tokens stay below, so compression cannot leak
	// them. (BREACH: Gluck, Harris, Prado 2013.)
	compressAbove = 1 << 20
)

type contextKey struct{}

type requestKey struct{}

// RequestID returns the id that the gateway gave the request and wrote into its
// log; "" outside the gateway.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Claims returns the claims of the token that the API's JWT authorizer has
// checked; nil on routes without that authorizer.
func Claims(ctx context.Context) map[string]string {
	c, _ := ctx.Value(contextKey{}).(map[string]string)
	return c
}

// WithClaims returns a context as a request behind the authorizer has it.
func WithClaims(ctx context.Context, claims map[string]string) context.Context {
	return context.WithValue(ctx, contextKey{}, claims)
}

// Handler makes h answer HTTP API events. A panic in h becomes a plain 500.
func Handler(h http.Handler, log *slog.Logger) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (res events.APIGatewayV2HTTPResponse, _ error) {
		defer func() {
			if p := recover(); p != nil {
				// The value may quote what was being worked on, so only its type is logged.
				log.ErrorContext(ctx, "a page panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				res = failure(http.StatusInternalServerError, "Something went wrong on our side. Go back and try again.")
			}
		}()
		r, err := request(ctx, e)
		if err != nil {
			return failure(http.StatusBadRequest, "This request cannot be read."), nil
		}
		w := &Answer{header: http.Header{}}
		h.ServeHTTP(w, r)
		return w.response(r), nil
	}
}

func request(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("decode the body: %w", err)
		}
	}
	target := &url.URL{Path: e.RawPath, RawQuery: e.RawQueryString}
	if path, err := url.PathUnescape(e.RawPath); err == nil {
		target.Path, target.RawPath = path, e.RawPath
	}
	if a := e.RequestContext.Authorizer; a != nil && a.JWT != nil {
		ctx = WithClaims(ctx, a.JWT.Claims)
	}
	ctx = context.WithValue(ctx, requestKey{}, e.RequestContext.RequestID)
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL, r.RequestURI = target, target.RequestURI()
	// The gateway has joined the values of a header with commas.
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	// The gateway routes by this header, so a client cannot make it up.
	if r.Host = r.Header.Get("Host"); r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	r.Header.Del("Host")
	r.RemoteAddr = net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0")
	return r, nil
}

func (w *Answer) response(r *http.Request) events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK) // for a handler that wrote nothing
	if r.Method == http.MethodHead {
		w.body.Reset()
	}
	body := w.body.Bytes()
	if len(body) > compressAbove && w.sent.Get("Content-Encoding") == "" && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var small bytes.Buffer
		z := gzip.NewWriter(&small)
		_, _ = z.Write(body) // writing to a buffer does not fail
		_ = z.Close()
		body = small.Bytes()
		w.sent.Set("Content-Encoding", "gzip")
		w.sent.Add("Vary", "Accept-Encoding")
		w.sent.Del("Content-Length")
	}
	res := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: map[string]string{}}
	if res.IsBase64Encoded = !utf8.Valid(body); res.IsBase64Encoded {
		res.Body = base64.StdEncoding.EncodeToString(body)
	} else {
		res.Body = string(body)
	}
	if len(res.Body) > maxBody {
		return failure(http.StatusInternalServerError, "This answer is too large to send. Ask for less at a time.")
	}
	for name, values := range w.sent {
		if name == "Set-Cookie" {
			res.Cookies = values
		} else {
			res.Headers[name] = strings.Join(values, ", ")
		}
	}
	return res
}

func failure(status int, sentence string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Body: sentence + "\n", Headers: map[string]string{
		"Content-Type":            "text/plain; charset=utf-8",
		"Cache-Control":           "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
	}}
}
