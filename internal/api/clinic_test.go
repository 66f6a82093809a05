package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/api/apitest"
	"bulkops/internal/engine"
	"bulkops/internal/lambdahttp"
)

type clinic struct{ *apitest.Clinic }

func newClinic(t *testing.T) clinic { return clinic{apitest.New(t)} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what the API answered.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// as sends a request with the access token of a person.
func (c clinic) as(t *testing.T, sub, method, path string, body any, headers ...string) answer {
	t.Helper()
	return c.with(t, map[string]string{"sub": sub, "token_use": "access", "client_id": "terminal"}, method, path, body, headers...)
}

// with sends a request with a token's claims. body is encoded unless it is text.
func (c clinic) with(t *testing.T, claims map[string]string, method, path string, body any, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		must(t, err)
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.Server.ServeHTTP(w, r.WithContext(lambdahttp.WithClaims(r.Context(), claims)))
	c.Machine.Work(t)
	return answer{w, t}
}

// into decodes an answer that must have the status.
func (a answer) into(status int, v any) {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
}

func (a answer) operation(status int) (op api.Operation) {
	a.t.Helper()
	a.into(status, &op)
	return op
}

// problem is an answer that must be a problem with the status and code.
func (a answer) problem(status int, code string) (p api.Problem) {
	a.t.Helper()
	a.into(status, &p)
	if string(p.Code) != code || p.Status != status || p.Type != "urn:bulkops:problem:"+code || p.Detail == "" || p.Title == "" {
		a.t.Errorf("problem %+v, want %s", p, code)
	}
	if ct := a.Header().Get("Content-Type"); ct != "application/problem+json" {
		a.t.Errorf("a problem of type %s", ct)
	}
	return p
}

// object is a JSON object to send.
type object map[string]any

func toHold(ids ...string) object {
	return object{"kind": "status-change", "params": object{"to": "On Hold", "hold_reason": "Family request"}, "selection": object{"ids": ids}}
}

func key(n int) []string { return []string{"Idempotency-Key", fmt.Sprintf("key-of-a-test-%04d", n)} }

// ready asks as sam for an operation, which is then planned.
func (c clinic) ready(t *testing.T, body object) api.Operation {
	t.Helper()
	op := c.as(t, "sam", "POST", "/v1/operations", body, "Idempotency-Key", rand.Text()).operation(201)
	return c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200)
}

func (c clinic) submitted(t *testing.T, body object) api.Operation {
	t.Helper()
	op := c.ready(t, body)
	return c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/submit", submission(op)).operation(200)
}

func submission(op api.Operation) object {
	return object{"digest": op.Plan.Digest, "reason": "Families asked for a break", "checklist": engine.Checklist, "number": op.Plan.Changes}
}
