package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
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
		noted(c, person)
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

// events are what the addresses are in the audit; the others are Viewed or Sent.
var events = map[string]string{
	"search-patients":  audit.PatientsSearched,
	"get":              audit.OperationViewed,
	"events":           audit.OperationViewed,
	"changes":          audit.OperationViewed,
	"sample":           audit.OperationViewed,
	"exclusions":       audit.OperationViewed,
	"overlaps":         audit.OperationViewed,
	"overlap":          audit.OperationViewed,
	"notice":           audit.OperationViewed,
	"outcomes":         audit.OperationViewed,
	"tasks":            audit.OperationViewed,
	"outcomes-file":    audit.FileDownloaded,
	"not-changed-file": audit.FileDownloaded,
	"left-out-file":    audit.FileDownloaded,
	"download":         audit.FileDownloaded,
	"audit":            audit.AuditViewed,
	"search-audit":     audit.AuditViewed,
}

// quiet are the addresses that show nothing about patients and nothing that
// somebody wrote.
var quiet = []string{"me", "kinds", "directory", "stale"}

// noted begins the audit record of what somebody with a token asked for.
func noted(c huma.Context, person staff.Person) {
	sub := lambdahttp.Claims(c.Context())["sub"]
	if sub == "" {
		return
	}
	note, op := journal.Note(c.Context()), c.Operation()
	note.Quiet = slices.Contains(quiet, op.OperationID)
	switch event, ok := events[op.OperationID]; {
	case ok:
		note.What = event
	case op.Method == http.MethodGet:
		note.What = audit.Viewed
	default:
		note.What = audit.Sent
	}
	note.Detail, note.Target = op.Method+" "+op.Path, c.Param("id")
	note.Operator = audit.Person{Sub: sub, Name: person.Name}
	if note.Operator.Name == "" {
		note.Operator.Name = audit.Stranger
	}
}

// visible reads an operation that the person may see, and notes it for the audit.
func (a *api) visible(ctx context.Context, person staff.Person, id string) (bulk.Operation, error) {
	op, err := a.engine.Visible(ctx, person, id)
	if err == nil {
		noteOperation(ctx, op)
	}
	return op, err
}

// withSubjects reads an operation for an answer that says who its subjects are.
func (a *api) withSubjects(ctx context.Context, person staff.Person, id string) (bulk.Operation, error) {
	op, err := a.visible(ctx, person, id)
	if err == nil {
		err = a.engine.MayNotReadSubjects(person, op)
	}
	return op, err
}

func noteOperation(ctx context.Context, op bulk.Operation) {
	note := journal.Note(ctx)
	note.Operation, note.Kind, note.Target = op.ID, op.Kind, ""
}
