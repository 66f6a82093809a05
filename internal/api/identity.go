package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/fault"
	"bulkops/internal/lambdahttp"
	"bulkops/internal/staff"
)

type personKey struct{}

func personIn(ctx context.Context) staff.Person {
	p, _ := ctx.Value(personKey{}).(staff.Person)
	return p
}

// signedIn lets through who is in the staff directory now. The gateway has
// checked the token's signature, time, issuer and client; what is left is that
// it is an access token, since an id token says who somebody is to a client
// and is no key to an API.
func (a *api) signedIn(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		ctx := c.Context()
		person, err := a.whoIs(ctx)
		if err != nil {
			a.logged(ctx, err)
			p := problemOf(err)
			for name, values := range p.headers() {
				c.SetHeader(name, values[0])
			}
			_ = huma.WriteErr(h, c, p.Status, p.Detail, err) // the client may have gone
			return
		}
		next(huma.WithContext(c, context.WithValue(ctx, personKey{}, person)))
	}
}

func (a *api) whoIs(ctx context.Context) (staff.Person, error) {
	claims := lambdahttp.Claims(ctx)
	if claims["sub"] == "" || claims["token_use"] != "access" {
		return staff.Person{}, fault.New(fault.Unauthenticated, "Send an access token of the sign-in pages as Authorization: Bearer.")
	}
	person, err := a.engine.Staff.Person(ctx, claims["sub"])
	if fault.Is(err, fault.NotFound) {
		return person, fault.New(fault.Forbidden, "You are signed in, but you are not in the staff directory. Ask an administrator to add you.")
	}
	if err == nil && person.Disabled {
		return person, fault.New(fault.Forbidden, "Your access has been taken away. Ask an administrator if you still need it.")
	}
	return person, err
}
