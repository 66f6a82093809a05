package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// Problem is what is wrong, as RFC 9457 has it.
type Problem struct {
	Type     string         `json:"type" format:"uri" doc:"The code as a URI." example:"urn:bulkops:problem:invalid"`
	Title    string         `json:"title" doc:"What the code means." example:"What was sent cannot be used"`
	Status   int            `json:"status" doc:"The HTTP status." example:"422"`
	Detail   string         `json:"detail" doc:"What is wrong this time and what to do, for people." example:"Choose the new status."`
	Code     fault.Code     `json:"code" enum:"invalid,unauthenticated,forbidden,not-found,gone,conflict,stale,too-large,busy,internal" doc:"For programs."`
	Problems []FieldProblem `json:"problems,omitempty" doc:"Each answer that cannot be used."`
}

// FieldProblem is what is wrong with one part of what was sent.
type FieldProblem struct {
	Field    string `json:"field" doc:"Where it stands in what was sent." example:"to"`
	Sentence string `json:"sentence" doc:"What is wrong with it and what to do." example:"Choose the new status."`
}

func (p *Problem) Error() string  { return p.Detail }
func (p *Problem) GetStatus() int { return p.Status }
func (p *Problem) ContentType(ct string) string {
	return strings.Replace(ct, "application/json", problemType, 1)
}
func (p *Problem) GetHeaders() http.Header { return p.headers() }

const problemType = "application/problem+json"

var titles = map[fault.Code]string{
	fault.Invalid:         "What was sent cannot be used",
	fault.Unauthenticated: "Nobody is signed in",
	fault.Forbidden:       "The right for this is missing",
	fault.NotFound:        "Not there, or not for you to see",
	fault.Gone:            "It was there, and has been deleted",
	fault.Conflict:        "It has moved on",
	fault.Stale:           "It no longer matches what is stored",
	fault.TooLarge:        "Over a limit",
	fault.Busy:            "Nothing was done; try again",
	fault.Internal:        "A mistake on our side",
}

// problemOf is the only place where an error becomes an answer.
func problemOf(err error) *Problem {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p
	}
	code := fault.CodeOf(err)
	p := &Problem{
		Type: "urn:bulkops:problem:" + string(code), Title: titles[code], Status: fault.Status(err),
		Detail: fault.Sentence(err), Code: code,
	}
	if problems := engine.Problems(nil); errors.As(err, &problems) {
		for _, one := range problems {
			p.Problems = append(p.Problems, FieldProblem{one.Field, one.Sentence})
		}
	}
	return p
}

func (p *Problem) headers() http.Header {
	switch p.Code {
	case fault.Unauthenticated:
		return http.Header{"Www-Authenticate": {"Bearer"}}
	case fault.Busy:
		return http.Header{"Retry-After": {"1"}}
	}
	return nil
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.headers() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may have gone; there is nobody else to tell
}

// What huma finds wrong with a request becomes a problem too. What was sent is
// not repeated: it may be about patients.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		var fields []FieldProblem
		for _, err := range errs {
			if f := (*fault.Error)(nil); errors.As(err, &f) {
				return problemOf(f)
			}
			if d := (*huma.ErrorDetail)(nil); errors.As(err, &d) {
				sentence := d.Message
				if d.Location == "body" && status == http.StatusBadRequest {
					sentence = "This is not JSON."
				}
				fields = append(fields, FieldProblem{strings.TrimPrefix(d.Location, "body."), sentence})
			}
		}
		code := fault.Invalid
		switch {
		case status == http.StatusRequestEntityTooLarge:
			code, message = fault.TooLarge, "What was sent is larger than this address takes."
		case status >= http.StatusInternalServerError:
			return problemOf(fault.New(fault.Internal, "%s", message))
		default:
			message = "What was sent does not have the form that /v1/openapi.json describes."
		}
		p := problemOf(fault.New(code, "%s", message))
		p.Problems = fields
		if status > 0 {
			p.Status = status
		}
		return p
	}
}

// logged puts into the log what the answer does not say.
func (a *api) logged(ctx context.Context, err error) {
	if fault.Is(err, fault.Internal) || fault.Is(err, fault.Busy) {
		a.engine.Log(ctx, "a request to the API failed", err, "code", fault.CodeOf(err))
	}
}
