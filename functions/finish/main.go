// Finish ends an operation, from what its stored tallies say, and tells its
// requester. The state machine calls it after the last batch, and with a cause
// where it could not go on.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/bulk"
	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

type input struct{ Operation, Cause string }

type output struct {
	State bulk.State `json:"state"`
}

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Operations, e.Machine, e.Files = in.Operations(), in.Answers(), in.Files()
	in.Mail(e)
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (output, error) {
		op, err := e.Finish(ctx, i.Operation, i.Cause)
		return output{op.State}, err
	}, in.Log))
}
