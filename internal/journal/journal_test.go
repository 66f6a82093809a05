package journal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/journal"
	"bulkops/internal/memory"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// ask sends one request to a handler behind a journal, and returns the answer
// with what was written down.
func ask(t *testing.T, log audit.Log, handle http.HandlerFunc) (*httptest.ResponseRecorder, []audit.Record) {
	t.Helper()
	kept := memory.NewAudit()
	if log == nil {
		log = kept
	}
	j := journal.Journal{Log: log, Now: func() time.Time { return noon }, Failed: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, "withheld: "+err.Error(), http.StatusServiceUnavailable)
	}, Panicked: func(w http.ResponseWriter, _ *http.Request, err error, stack string) {
		http.Error(w, err.Error()+stack, http.StatusInternalServerError)
	}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "198.51.100.7:0"
	w := httptest.NewRecorder()
	w.Header().Set("X-Frame-Options", "DENY")
	j.Keep(handle).ServeHTTP(w, r)
	var written []audit.Record
	for record, err := range kept.Backwards(t.Context(), audit.Trail{By: audit.ByDay, Key: "2026-12-01"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, record)
	}
	return w, written
}

type refusing struct{}

func (refusing) Append(context.Context, []audit.Record) error { return errors.New("no table") }

func TestWhatWasAskedForIsWrittenDownWithItsResult(t *testing.T) {
	for status, want := range map[int]audit.Result{
		0: audit.Done, 200: audit.Done, 303: audit.Done, 401: audit.Refused, 403: audit.Refused, 404: audit.Refused,
		409: audit.NotTaken, 413: audit.NotTaken, 422: audit.NotTaken, 500: audit.Failed, 503: audit.Failed,
	} {
		w, written := ask(t, nil, func(w http.ResponseWriter, r *http.Request) {
			journal.Note(r.Context()).What = audit.Viewed
			if status != 0 {
				w.WriteHeader(status)
			}
		})
		if len(written) != 1 || written[0].Result != want || written[0].Source != "198.51.100.7" || written[0].Type != audit.Access ||
			!written[0].At.Equal(noon) || written[0].Unique == "" || written[0].Operator.Name != audit.Nobody {
			t.Errorf("status %d: %+v", status, written)
		}
		if status != 0 && w.Code != status {
			t.Errorf("status %d became %d", status, w.Code)
		}
	}
}

func TestNothingIsShownThatIsNotWrittenDown(t *testing.T) {
	w, _ := ask(t, refusing{}, func(w http.ResponseWriter, r *http.Request) {
		journal.Note(r.Context()).What = audit.PatientViewed
		w.Header().Set("Set-Cookie", "secret")
		_, _ = w.Write([]byte("secret"))
	})
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String()+w.Header().Get("Set-Cookie"), "secret") ||
		!strings.Contains(w.Body.String(), "withheld: no table") || w.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// What was asked for may have been done before the panic.
func TestARequestThatPanickedIsWrittenDown(t *testing.T) {
	for name, c := range map[string]struct {
		cause any
		log   audit.Log
		want  []string
	}{
		"a text":                       {"secret", nil, []string{"panic: string", "journal_test.go"}},
		"an error":                     {errors.New("no index"), nil, []string{"panic: no index", "journal_test.go"}},
		"one that is not written down": {errors.New("no index"), refusing{}, []string{"panic: no index", "no table"}},
	} {
		w, written := ask(t, c.log, func(w http.ResponseWriter, r *http.Request) {
			journal.Note(r.Context()).What = audit.Sent
			w.Header().Set("Set-Cookie", "secret")
			_, _ = w.Write([]byte("secret"))
			panic(c.cause)
		})
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String()+w.Header().Get("Set-Cookie"), "secret") || w.Header().Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		for _, part := range c.want {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: the answer does not say %q: %s", name, part, w.Body)
			}
		}
		if c.log == nil && (len(written) != 1 || written[0].What != audit.Sent || written[0].Result != audit.Failed) {
			t.Errorf("%s: written down is %+v", name, written)
		}
	}
}

func TestWhatShowsNothingIsNotWrittenDown(t *testing.T) {
	for name, c := range map[string]struct {
		note    func(*journal.Entry)
		status  int
		written int
	}{
		"a help page":                    {func(*journal.Entry) {}, 200, 0},
		"a progress bar":                 {func(n *journal.Entry) { n.What, n.Quiet = audit.Viewed, true }, 200, 0},
		"a progress bar that is refused": {func(n *journal.Entry) { n.What, n.Quiet = audit.Viewed, true }, 404, 1},
	} {
		w, written := ask(t, nil, func(w http.ResponseWriter, r *http.Request) {
			c.note(journal.Note(r.Context()))
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte("page"))
		})
		if len(written) != c.written || w.Code != c.status || w.Body.String() != "page" {
			t.Errorf("%s: %d %q, written %d", name, w.Code, w.Body, len(written))
		}
	}
}

// Whoever is on the longest page is written down; what somebody sends without
// end is cut.
func TestEverybodyWhoIsShownIsWrittenDown(t *testing.T) {
	var ids []string
	for n := range 200 {
		ids = append(ids, fmt.Sprintf("%064d", n))
	}
	for name, c := range map[string]struct{ target, want string }{
		"200 long ids":           {"Shown: " + strings.Join(ids, " "), "Shown: " + strings.Join(ids, " ")},
		"an address without end": {strings.Repeat("x", 100_000), strings.Repeat("x", 16_000) + "…"},
	} {
		_, written := ask(t, nil, func(w http.ResponseWriter, r *http.Request) {
			note := journal.Note(r.Context())
			note.What, note.Target = audit.PatientsListed, c.target
		})
		if len(written) != 1 || written[0].Target != c.want {
			t.Errorf("%s: %d characters written down, want %d", name, len(written[0].Target), len(c.want))
		}
	}
}

// An answer arrives as the handler gave it.
func TestTheAnswerIsTheHandlers(t *testing.T) {
	w, _ := ask(t, nil, func(w http.ResponseWriter, r *http.Request) {
		journal.Note(r.Context()).What = audit.Viewed
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
		w.Header().Set("X-Late", "yes")
		_, _ = w.Write([]byte("one "))
		_, _ = w.Write([]byte("two"))
	})
	if w.Code != http.StatusTeapot || w.Body.String() != "one two" || len(w.Header().Values("Set-Cookie")) != 2 ||
		w.Header().Get("X-Frame-Options") != "SAMEORIGIN" || w.Header().Get("X-Late") != "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
