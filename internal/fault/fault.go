// Package fault is the one error type that crosses package borders: a code that
// programs branch on, a sentence that is safe to show to anybody who may use the
// product (never patient data, never internals), and the cause for the logs.
package fault

import (
	"errors"
	"fmt"
	"net/http"
)

// Code classifies a fault. Its text is a contract: it appears in the JSON API
// and in the state machine's execution history.
type Code string

const (
	Invalid         Code = "invalid"         // what was sent cannot be used; the sentence says what to change
	Unauthenticated Code = "unauthenticated" // nobody is signed in
	Forbidden       Code = "forbidden"       // signed in, but without the right; the sentence says which
	NotFound        Code = "not-found"       // unknown, or in a facility the caller may not see: same answer
	Gone            Code = "gone"            // it was there, and was deleted when its time came
	Conflict        Code = "conflict"        // the record has moved on; the sentence says to what
	Stale           Code = "stale"           // the plan or the form no longer matches what is stored
	TooLarge        Code = "too-large"       // over a stated limit
	Busy            Code = "busy"            // try again; nothing was done
	Internal        Code = "internal"        // our mistake; only the log says what
)

// table maps each code to its HTTP status and to the error name that the state
// machine's Retry and Catch match. Only Retryable may be retried blindly.
var table = map[Code]struct {
	status int
	name   string
}{
	Invalid:         {http.StatusUnprocessableEntity, "Refused"},
	Unauthenticated: {http.StatusUnauthorized, "Refused"},
	Forbidden:       {http.StatusForbidden, "Refused"},
	NotFound:        {http.StatusNotFound, "Refused"},
	Gone:            {http.StatusGone, "Refused"},
	Conflict:        {http.StatusConflict, "Refused"},
	Stale:           {http.StatusConflict, "Refused"},
	TooLarge:        {http.StatusRequestEntityTooLarge, "Refused"},
	Busy:            {http.StatusServiceUnavailable, "Busy"},
	Internal:        {http.StatusInternalServerError, "Internal"},
}

// Error is a fault. The zero Cause is allowed.
type Error struct {
	Code     Code
	Sentence string
	Cause    error
}

// New makes a fault without a cause.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault around the error that caused it.
func Wrap(cause error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Sentence: fmt.Sprintf(format, args...), Cause: cause}
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return string(e.Code) + ": " + e.Sentence
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Sentence, e.Cause)
}

func (e *Error) Unwrap() error { return e.Cause }

// CodeOf returns the code of the outermost fault in err's chain; an error that
// is no fault is Internal. CodeOf(nil) is "".
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if f := (*Error)(nil); errors.As(err, &f) {
		return f.Code
	}
	return Internal
}

// Sentence returns what may be shown of err.
func Sentence(err error) string {
	if f := (*Error)(nil); errors.As(err, &f) && f.Code != Internal {
		return f.Sentence
	}
	return "Something went wrong on our side. Nothing was changed by this step; try again, and tell your administrator if it happens again."
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Status is the HTTP status for err.
func Status(err error) int { return table[CodeOf(err)].status }

// Name is the error name for the state machine: Busy, Refused or Internal.
func Name(err error) string { return table[CodeOf(err)].name }
