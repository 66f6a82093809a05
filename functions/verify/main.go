// Verify checks, right before the run, that the stored plan is the one that was
// approved, that requester and approver still hold their rights, and who has room.
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
	e.Registry, e.Operations, e.Staff = in.Registry(), in.Operations(), in.Staff()
	in.Mail(e)
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (engine.Verified, error) {
		return e.Verify(ctx, i.Operation)
	}, in.Log))
}
