// Bounce learns from SES which messages of a communication came back. It is told
// by a topic of its own; what is about another mail it leaves alone.
package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/fault"
	"bulkops/internal/installation"
	"bulkops/internal/ses"
)

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Operations = in.Operations()
	in.Check()
	lambda.Start(func(ctx context.Context, told events.SNSEvent) error {
		var failed []error
		for _, r := range told.Records {
			operation, notice, ok, err := ses.CameBack([]byte(r.SNS.Message))
			if err == nil && ok {
				err = e.Bounced(ctx, operation, notice)
			}
			if err != nil {
				in.Log.ErrorContext(ctx, "a mail that came back could not be recorded", "operation", operation, "error", err.Error())
			}
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				failed = append(failed, err) // a repeat can help
			}
		}
		return errors.Join(failed...)
	})
}
