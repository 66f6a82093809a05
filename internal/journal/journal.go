// Package journal keeps the audit of what people look at, do and try: a request
// is answered only after it was written down.
package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/english"
	"bulkops/internal/lambdahttp"
)

// Journal writes one audit record for a request.
type Journal struct {
	Log audit.Log
	Now func() time.Time // UTC
	// Failed answers a request that could not be written down, in the place of
	// the answer that was withheld.
	Failed func(w http.ResponseWriter, r *http.Request, err error)
	// Panicked answers a request in which the handler panicked, with status 500,
	// and logs why. What was asked for may have been done.
	Panicked func(w http.ResponseWriter, r *http.Request, err error, stack string)
}

type contextKey struct{}

// Entry is the record of a request, for its handler to fill in: who, what, and
// about which operation or patient. An id that somebody sent belongs into Target
// until it is known that they may see what it stands for. Without What, nothing
// is written.
type Entry struct {
	audit.Record
	Quiet bool // shows nothing about patients, and is asked again and again: written down only when it is refused
}

// Note returns the entry of the request.
func Note(ctx context.Context) *Entry {
	if note, ok := ctx.Value(contextKey{}).(*Entry); ok {
		return note
	}
	return &Entry{}
}

// appendWithin is how long a record may take to be written.
const appendWithin = 10 * time.Second

// Keep holds the handler's answer back until the record of the request is
// written, also of one that ended in a panic.
func (j Journal) Keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note := &Entry{}
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, note))
		answer := lambdahttp.Hold(w)
		stack, broke := served(next, answer, r)
		status := http.StatusInternalServerError
		if broke == nil {
			status = answer.Status()
		}
		switch err := j.write(note, r, status); {
		case broke != nil:
			j.Panicked(w, r, errors.Join(broke, err), stack)
		case err != nil:
			j.Failed(w, r, err)
		default:
			answer.SendTo(w)
		}
	})
}

// served lets the handler answer; err is its panic. Of what is no error only
// the type is told: its text could hold what somebody typed.
func served(next http.Handler, w http.ResponseWriter, r *http.Request) (stack string, err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
			return
		case error:
			err = fmt.Errorf("panic: %w", cause)
		default:
			err = fmt.Errorf("panic: %T", cause)
		}
		stack = string(debug.Stack())
	}()
	next.ServeHTTP(w, r)
	return "", nil
}

// write writes the record of a request, if it needs one.
func (j Journal) write(note *Entry, r *http.Request, status int) error {
	j.finish(note, r, status)
	if note.What == "" || note.Quiet && note.Result != audit.Refused {
		return nil
	}
	// The person may have left; what was done is written down all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendWithin)
	defer cancel()
	return j.Log.Append(ctx, []audit.Record{note.Record})
}

// finish adds what the request and its answer say.
func (j Journal) finish(note *Entry, r *http.Request, status int) {
	note.At, note.Type, note.Unique = j.Now(), audit.Access, rand.Text()
	note.Request = lambdahttp.RequestID(r.Context())
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		note.Source = host
	}
	if note.Result == "" {
		note.Result = resultOf(status)
	}
	if note.Operator.Name == "" {
		note.Operator.Name = audit.Nobody
	}
	note.Target = english.Cut(strings.ToValidUTF8(note.Target, "\ufffd"), maxTarget) // an address can hold anything
}

// maxTarget holds the ids of the longest page of patients: 200 of 64 characters,
// so that nobody is shown who is not written down.
const maxTarget = 16_000

func resultOf(status int) audit.Result {
	switch {
	case status < http.StatusBadRequest:
		return audit.Done
	case status >= http.StatusInternalServerError:
		return audit.Failed
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return audit.Refused
	}
	return audit.NotTaken
}
