// Audit writes the audit log from the streams of the Registry, Operations and
// Access tables. It may add records and do nothing else to them.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/audit"
	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

func main() {
	in := installation.Open()
	r := &audit.Recorder{Log: in.Audit(), Operation: in.Operations().Operation, Event: in.Operations().Event, Batch: in.Operations().Batch,
		Records: in.Registry().Records, Logger: in.Log}
	in.Check()
	lambda.Start(lambdastep.Edge(r.Handle, in.Log))
}
