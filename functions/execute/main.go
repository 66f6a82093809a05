// Execute runs one batch of a plan: it makes the edits and sends the notices. It
// is the only function that may write patients. Its answer is counts only.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/bulk"
	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

type input struct {
	Operation string
	Batch     int
}

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Registry, e.Operations = in.Registry(), in.Runs()
	in.Mail(e)
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (bulk.Tally, error) {
		return e.RunBatch(ctx, i.Operation, i.Batch)
	}, in.Log))
}
