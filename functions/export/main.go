// Export writes the encrypted file of an export, and nothing else. Its answer is
// counts only.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/bulk"
	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

type input struct{ Operation string }

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Registry, e.Operations, e.Files, e.Sealer = in.Registry(), in.Operations(), in.Files(), in.Sealer()
	e.Limits.KeepFiles = in.KeepFiles()
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, i input) (bulk.Tally, error) {
		return e.RunExport(ctx, i.Operation)
	}, in.Log))
}
