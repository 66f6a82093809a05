package fault_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"bulkops/internal/fault"
)

// What a code becomes in HTTP and in the state machine: both are contracts.
func TestEveryCodeHasItsStatusAndName(t *testing.T) {
	tests := []struct {
		code   fault.Code
		status int
		name   string
	}{
		{fault.Invalid, http.StatusUnprocessableEntity, "Refused"},
		{fault.Unauthenticated, http.StatusUnauthorized, "Refused"},
		{fault.Forbidden, http.StatusForbidden, "Refused"},
		{fault.NotFound, http.StatusNotFound, "Refused"},
		{fault.Conflict, http.StatusConflict, "Refused"},
		{fault.Stale, http.StatusConflict, "Refused"},
		{fault.TooLarge, http.StatusRequestEntityTooLarge, "Refused"},
		{fault.Busy, http.StatusServiceUnavailable, "Busy"},
		{fault.Internal, http.StatusInternalServerError, "Internal"},
	}
	for _, test := range tests {
		err := fmt.Errorf("while testing: %w", fault.New(test.code, "A sentence."))
		if got := fault.Status(err); got != test.status {
			t.Errorf("%s has the status %d, want %d", test.code, got, test.status)
		}
		if got := fault.Name(err); got != test.name {
			t.Errorf("%s has the name %q, want %q", test.code, got, test.name)
		}
		if !fault.Is(err, test.code) {
			t.Errorf("%v is not %s", err, test.code)
		}
	}
}

// Whatever is no fault, or our mistake, is for the log alone.
func TestOnlySafeSentencesAreShown(t *testing.T) {
	cause := errors.New("table Registry: patient Ada is broken")
	safe := fault.Wrap(cause, fault.Busy, "Try again in %d minutes.", 2)
	if got := fault.Sentence(safe); got != "Try again in 2 minutes." {
		t.Errorf("got %q", got)
	}
	if !errors.Is(safe, cause) || safe.Error() != "busy: Try again in 2 minutes.: table Registry: patient Ada is broken" {
		t.Errorf("the log lost the cause: %v", safe)
	}
	for _, err := range []error{cause, fault.Wrap(cause, fault.Internal, "patient Ada"), fault.New(fault.Internal, "no kind %q", "Ada")} {
		if got := fault.Sentence(err); got != fault.Sentence(errors.New("any")) {
			t.Errorf("%v is shown as %q", err, got)
		}
		if fault.CodeOf(err) != fault.Internal || fault.Status(err) != http.StatusInternalServerError {
			t.Errorf("%v is %s", err, fault.CodeOf(err))
		}
	}
}

func TestNoErrorIsNoFault(t *testing.T) {
	if fault.CodeOf(nil) != "" || fault.Is(nil, "") || fault.Is(nil, fault.Internal) {
		t.Error("nil is a fault")
	}
}
