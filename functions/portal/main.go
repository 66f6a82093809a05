// Portal serves the pages that people use. It reads patients and writes none; of
// the registry administrators change facilities and providers.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"bulkops/internal/installation"
	"bulkops/internal/lambdahttp"
	"bulkops/internal/portal"
)

func main() {
	in := installation.Open()
	e := in.Engine()
	e.Registry, e.Operations, e.Staff, e.Machine = in.Registry(), in.Operations(), in.Staff(), in.Machine()
	e.Places = in.Registry()
	files := in.Files()
	e.Files, e.Sealer = files, in.Sealer()
	e.Limits = in.Limits()
	in.Mail(e)
	c := portal.Config{
		Engine: e, Store: in.Access(), Audit: in.Audit(), Journal: in.Audit(), Parked: in.Bucket("AUDIT_FAILURES_BUCKET"), URL: e.PortalURL,
		IdentityURL: in.Text("IDENTITY_URL"), IdentityTokenURL: in.Text("IDENTITY_TOKEN_URL"), IdentityKeysURL: in.Text("IDENTITY_KEYS_URL"),
		Issuer: in.Text("IDENTITY_ISSUER"), ClientID: in.Text("CLIENT_ID"),
		Idle: in.Duration("SESSION_IDLE"), Max: in.Duration("SESSION_MAX"), Now: e.Now, Log: e.Log,
	}
	in.Check()
	var err error
	c.FilesOrigin, err = files.Origin(context.Background())
	in.Need(err)
	pages, err := portal.New(c)
	in.Need(err)
	lambda.Start(lambdahttp.Handler(pages, in.Log))
}
