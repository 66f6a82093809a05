// Watch runs on a schedule: reminders, escalation, expiry, answers that were
// not delivered, executions that have died, files whose time has come.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/engine"
	"bulkops/internal/installation"
	"bulkops/internal/lambdastep"
)

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Operations, e.Staff, e.Machine, e.Files = in.Operations(), in.Staff(), in.Machine(), in.Files()
	e.Limits = in.Waits()
	in.Mail(e)
	in.Check()
	lambda.Start(lambdastep.Edge(func(ctx context.Context, _ struct{}) (engine.Swept, error) {
		swept, err := e.Watch(ctx)
		in.Log.InfoContext(ctx, "swept", "counts", swept)
		return swept, err
	}, in.Log))
}
