// Api serves the JSON API under /v1: the use cases of the portal, for programs
// and for the terminal. It reads patients and writes none.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/api"
	"bulkops/internal/installation"
	"bulkops/internal/lambdahttp"
)

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Registry, e.Operations, e.Staff, e.Machine = in.Registry(), in.Operations(), in.Staff(), in.Machine()
	e.Files = in.Files()
	e.Limits = in.Limits()
	in.Mail(e)
	c := api.Config{Engine: e, Audit: in.Audit(), Journal: in.Audit()}
	in.Check()
	lambda.Start(lambdahttp.Handler(api.New(c), in.Log))
}
