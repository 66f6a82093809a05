// Package lambdastep is the edge between a step of the state machine and the
// engine: what crosses it ends up in execution histories, which many can read.
package lambdastep

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"bulkops/internal/fault"
)

// Edge makes a Lambda handler of a step. An error leaves it as its name
// (Busy, Refused, Internal: what Retry and Catch match) and its safe sentence;
// the rest goes to the log.
func Edge[In, Out any](step func(context.Context, In) (Out, error), log *slog.Logger) func(context.Context, json.RawMessage) (Out, error) {
	return func(ctx context.Context, input json.RawMessage) (out Out, err error) {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "a step panicked", "panic", describe(p), "stack", string(debug.Stack()))
				err = crossing(fault.New(fault.Internal, "panic"))
			}
		}()
		var in In
		if json.Unmarshal(input, &in) != nil {
			return out, crossing(fault.New(fault.Invalid, "The input of this step cannot be read."))
		}
		if out, err = step(ctx, in); err != nil {
			log.ErrorContext(ctx, "a step failed", "code", fault.CodeOf(err), "error", err.Error())
			return out, crossing(err)
		}
		return out, nil
	}
}

// crossing must be returned as it is: around anything else the Lambda runtime
// would report the name of a Go type and the raw text.
func crossing(err error) messages.InvokeResponse_Error {
	return messages.InvokeResponse_Error{Type: fault.Name(err), Message: fault.Sentence(err)}
}

// describe says what a panic was about without the data it may quote.
func describe(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("%T", p)
}
