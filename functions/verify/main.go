// Verify checks, right before the run, that the stored plan is the one that was
// approved and that requester and approver still hold their rights.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/engine"
	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

type input struct{ Operation string }

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Operations, e.Staff = in.Operations(), in.Staff()
	in.Mail(e)
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (engine.Verified, error) {
		return e.Verify(ctx, i.Operation)
	}, in.Log))
}
