// Seal makes the seals of the hours that have ended: what changes in the audit
// log after that is found by "bulkops audit verify". It reads the audit and can
// write nothing but seals.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
	"bulkops/internal/seal"
)

type output struct {
	Sealed int `json:"sealed"` // hours
}

func main() {
	in := installation.Open()
	s := seal.Sealer{Log: in.Audit(), Files: in.Bucket("SEALS_BUCKET"), Signer: in.Key("SEAL_SIGNER"), Now: in.Engine().Now}
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, _ struct{}) (output, error) {
		sealed, err := s.Run(ctx)
		in.Log.InfoContext(ctx, "sealed", "hours", sealed)
		return output{sealed}, err
	}, in.Log))
}
