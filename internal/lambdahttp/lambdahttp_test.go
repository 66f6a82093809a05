package lambdahttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"bulkops/internal/lambdahttp"
)

// serve sends one event through a handler.
func serve(t *testing.T, e events.APIGatewayV2HTTPRequest, h http.HandlerFunc) events.APIGatewayV2HTTPResponse {
	t.Helper()
	if e.RequestContext.HTTP.Method == "" {
		e.RequestContext.HTTP.Method = "GET"
	}
	res, err := lambdahttp.Handler(h, slog.New(slog.DiscardHandler))(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// The event is one that API Gateway documents, with a form body as it arrives on AWS.
const formEvent = `{
  "version": "2.0", "routeKey": "$default", "rawPath": "/operations/new/status-change", "rawQueryString": "step=who&step=what&q=a%20b",
  "cookies": ["__Host-session=abc", "theme=dark"],
  "headers": {"host": "bulkops.example.org", "content-type": "application/x-www-form-urlencoded", "origin": "https://bulkops.example.org", "sec-fetch-site": "same-origin", "x-many": "1,2", "x-forwarded-for": "198.51.100.1, 192.0.2.7"},
  "requestContext": {"domainName": "abc.execute-api.us-east-1.amazonaws.com", "http": {"method": "POST", "path": "/operations/new/status-change", "sourceIp": "192.0.2.7"}},
  "body": "aWRzPVAtMDAwMSUwQVAtMDAwMiZuYW1lPUolQzMlQjhyZ2Vu", "isBase64Encoded": true
}`

func TestRequestArrivesAsABrowserSentIt(t *testing.T) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(formEvent), &e); err != nil {
		t.Fatal(err)
	}
	called := false
	serve(t, e, func(w http.ResponseWriter, r *http.Request) {
		called = true
		if r.Method != "POST" || r.URL.Path != "/operations/new/status-change" || r.RequestURI != "/operations/new/status-change?step=who&step=what&q=a%20b" {
			t.Errorf("%s %s (%s)", r.Method, r.URL.Path, r.RequestURI)
		}
		if r.Host != "bulkops.example.org" || r.Header.Get("Host") != "" {
			t.Errorf("host %q, header %q", r.Host, r.Header.Get("Host"))
		}
		if r.RemoteAddr != "192.0.2.7:0" { // from the gateway: what a header says about it, anybody can make up
			t.Errorf("remote address %q", r.RemoteAddr)
		}
		if c, err := r.Cookie("theme"); err != nil || c.Value != "dark" {
			t.Errorf("second cookie: %v %v", c, err)
		}
		if got := r.URL.Query(); !slices.Equal(got["step"], []string{"who", "what"}) || got.Get("q") != "a b" {
			t.Errorf("query %v", got)
		}
		if r.FormValue("ids") != "P-0001\nP-0002" || r.FormValue("name") != "Jørgen" {
			t.Errorf("form %v", r.Form)
		}
		if r.Header.Get("X-Many") != "1,2" {
			t.Errorf("header with many values %q", r.Header.Get("X-Many"))
		}
		if err := new(http.CrossOriginProtection).Check(r); err != nil {
			t.Errorf("a form of the portal itself was refused: %v", err)
		}
	})
	if !called {
		t.Fatal("the handler was not called")
	}
}

func TestFormOfAnotherSiteIsSeenAsSuch(t *testing.T) {
	for _, headers := range []map[string]string{
		{"host": "bulkops.example.org", "origin": "https://evil.example"},
		{"host": "bulkops.example.org", "origin": "https://bulkops.example.org", "sec-fetch-site": "cross-site"},
	} {
		e := events.APIGatewayV2HTTPRequest{RawPath: "/", Headers: headers}
		e.RequestContext.HTTP.Method = "POST"
		serve(t, e, func(w http.ResponseWriter, r *http.Request) {
			if new(http.CrossOriginProtection).Check(r) == nil {
				t.Errorf("accepted with %v", headers)
			}
		})
	}
}

func TestHostFallsBackToTheDomainOfTheGateway(t *testing.T) {
	e := events.APIGatewayV2HTTPRequest{RawPath: "/"}
	e.RequestContext.DomainName = "abc.execute-api.us-east-1.amazonaws.com"
	serve(t, e, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != e.RequestContext.DomainName {
			t.Errorf("host %q", r.Host)
		}
	})
}

func TestPathsWithSignsThatNeedEscaping(t *testing.T) {
	for raw, want := range map[string]string{
		"/patients/a%2Fb":   "/patients/a/b",
		"/patients/50%":     "/patients/50%",
		"/patients/J%C3%B8": "/patients/Jø",
		"":                  "",
	} {
		serve(t, events.APIGatewayV2HTTPRequest{RawPath: raw}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != want {
				t.Errorf("%q became %q, want %q", raw, r.URL.Path, want)
			}
		})
	}
}

func TestClaimsAreThoseOfTheAuthorizer(t *testing.T) {
	e := events.APIGatewayV2HTTPRequest{RawPath: "/v1/operations"}
	serve(t, e, func(w http.ResponseWriter, r *http.Request) {
		if c := lambdahttp.Claims(r.Context()); c != nil {
			t.Errorf("claims %v without an authorizer", c)
		}
	})
	e.Headers = map[string]string{"authorization": "Bearer x", "sub": "forged"}
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": "s-1"}}}
	serve(t, e, func(w http.ResponseWriter, r *http.Request) {
		if sub := lambdahttp.Claims(r.Context())["sub"]; sub != "s-1" {
			t.Errorf("sub %q", sub)
		}
	})
}

func TestAnswer(t *testing.T) {
	res := serve(t, events.APIGatewayV2HTTPRequest{RawPath: "/"}, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("Vary", "Cookie")
		w.Header().Add("Vary", "Accept")
		w.Header().Set("Location", "/operations/OP-1")
		w.WriteHeader(http.StatusSeeOther)
		w.WriteHeader(http.StatusOK)
		w.Header().Set("X-Late", "1")
	})
	if res.StatusCode != 303 || !slices.Equal(res.Cookies, []string{"a=1", "b=2"}) {
		t.Errorf("status %d, cookies %q", res.StatusCode, res.Cookies)
	}
	if want := map[string]string{"Vary": "Cookie, Accept", "Location": "/operations/OP-1"}; !maps.Equal(res.Headers, want) {
		t.Errorf("headers %v", res.Headers)
	}
}

func TestBodies(t *testing.T) {
	for name, body := range map[string]string{"none": "", "text": "<p>Jørgen 😀", "binary": "PK\x03\x04\xff\x00"} {
		res := serve(t, events.APIGatewayV2HTTPRequest{RawPath: "/"}, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) })
		got := []byte(res.Body)
		if res.IsBase64Encoded {
			got, _ = base64.StdEncoding.DecodeString(res.Body)
		}
		if string(got) != body || res.StatusCode != 200 || res.IsBase64Encoded != (name == "binary") {
			t.Errorf("%s: %d %q, base64 %v", name, res.StatusCode, got, res.IsBase64Encoded)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	e := events.APIGatewayV2HTTPRequest{RawPath: "/"}
	e.RequestContext.HTTP.Method = "HEAD"
	if res := serve(t, e, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "text") }); res.Body != "" || res.StatusCode != 200 {
		t.Errorf("%d %q", res.StatusCode, res.Body)
	}
}

func TestLargeAnswers(t *testing.T) {
	table := strings.Repeat("P-0001,Active,On Hold\r\n", 400_000) // 9 MB
	write := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		_, _ = io.WriteString(w, table)
	}
	res := serve(t, events.APIGatewayV2HTTPRequest{RawPath: "/", Headers: map[string]string{"accept-encoding": "gzip, br"}}, write)
	packed, _ := base64.StdEncoding.DecodeString(res.Body)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(z); string(got) != table || res.Headers["Content-Encoding"] != "gzip" || res.StatusCode != 200 {
		t.Errorf("%d bytes, status %d, headers %v", len(got), res.StatusCode, res.Headers)
	}
	res = serve(t, events.APIGatewayV2HTTPRequest{RawPath: "/"}, write)
	if res.StatusCode != 500 || !strings.Contains(res.Body, "too large") {
		t.Errorf("a client that takes no compression got %d %.80q", res.StatusCode, res.Body)
	}
}

func TestBadBodyIsRefused(t *testing.T) {
	res := serve(t, events.APIGatewayV2HTTPRequest{RawPath: "/", Body: "%%", IsBase64Encoded: true}, func(http.ResponseWriter, *http.Request) {
		t.Error("the handler was called")
	})
	if res.StatusCode != 400 {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestPanicIsAPlainPageAndKeepsDataOutOfTheLog(t *testing.T) {
	var log bytes.Buffer
	h := lambdahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("patient Zqxv") }), slog.New(slog.NewTextHandler(&log, nil)))
	e := events.APIGatewayV2HTTPRequest{RawPath: "/"}
	e.RequestContext.HTTP.Method = "GET"
	res, err := h(context.Background(), e)
	if err != nil || res.StatusCode != 500 || strings.Contains(res.Body, "Zqxv") {
		t.Errorf("%v %d %q", err, res.StatusCode, res.Body)
	}
	if strings.Contains(log.String(), "Zqxv") || !strings.Contains(log.String(), "lambdahttp_test.go") {
		t.Errorf("log: %s", log.String())
	}
}

// The events in the repository are those that people and tests send with sam local invoke.
func TestEventFilesOfThePortalAndTheAPI(t *testing.T) {
	for _, file := range []string{"portal", "api"} {
		text, err := os.ReadFile("../../events/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		serve(t, e, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "" || r.Host == "" || r.Method == "" {
				t.Errorf("%s: %s %s%s", file, r.Method, r.Host, r.URL)
			}
			if behind := lambdahttp.Claims(r.Context())["sub"] != ""; behind != (file == "api") {
				t.Errorf("%s: claims present %v", file, behind)
			}
		})
	}
}
