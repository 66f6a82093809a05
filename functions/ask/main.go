// Ask keeps the state machine's token for a wait, and asks the approvers by
// mail when the wait is for them.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

type input struct{ Operation, Wait, Token string }

type output struct{}

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Operations, e.Staff, e.Machine = in.Operations(), in.Staff(), in.Answers()
	in.Mail(e)
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (output, error) {
		return output{}, e.Await(ctx, i.Operation, i.Wait, i.Token)
	}, in.Log))
}
