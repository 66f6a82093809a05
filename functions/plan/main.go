// Plan works out and freezes the plan of an operation: the first step of the
// state machine. It reads patients and writes none.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

type input struct{ Operation string }

type output struct{}

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Registry, e.Operations, e.Staff = in.Registry(), in.Operations(), in.Staff()
	e.Limits.MaxSubjects = in.Number("MAX_SUBJECTS")
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (output, error) {
		return output{}, e.Plan(ctx, i.Operation)
	}, in.Log))
}
