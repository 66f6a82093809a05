package dynamo

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"bulkops/internal/fault"
)

// A call without an answer may be repeated; one that its caller gave up is the
// caller's own affair. Both say that a deadline was exceeded.
func TestACallWithoutAnAnswerIsBusy(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	client := http.Client{Timeout: 10 * time.Millisecond}
	_, unanswered := client.Get("http://" + silent.Addr().String())
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"no answer":      {&smithy.OperationError{Err: unanswered}, fault.Busy},
		"caller gave up": {&smithy.OperationError{Err: &smithy.CanceledError{Err: context.DeadlineExceeded}}, fault.Internal},
		"between calls":  {context.Canceled, fault.Internal},
	} {
		if code := fault.CodeOf(failed(c.err, "read")); code != c.want {
			t.Errorf("%s: %q instead of %q", name, code, c.want)
		}
	}
}
