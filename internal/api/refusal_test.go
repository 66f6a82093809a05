package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
)

func TestWhoMayNotCall(t *testing.T) {
	c := newClinic(t)
	for name, test := range map[string]struct {
		claims map[string]string
		status int
		code   string
		says   string
	}{
		"nobody":                        {nil, 401, "unauthenticated", "access token"},
		"an id token":                   {map[string]string{"sub": "sam", "token_use": "id", "aud": "terminal"}, 401, "unauthenticated", "access token"},
		"a token of nobody":             {map[string]string{"token_use": "access"}, 401, "unauthenticated", "access token"},
		"somebody not in the directory": {map[string]string{"sub": "eve", "token_use": "access"}, 403, "forbidden", "not in the staff directory"},
		"somebody who was disabled":     {map[string]string{"sub": "gone", "token_use": "access"}, 403, "forbidden", "taken away"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"GET /v1/operations", "GET /v1/me", "POST /v1/patients/search", "GET /v1/operations/OP-000000-0000"} {
				method, path, _ := strings.Cut(path, " ")
				a := c.with(t, test.claims, method, path, nil)
				if p := a.problem(test.status, test.code); !strings.Contains(p.Detail, test.says) {
					t.Errorf("%s: %s", path, p.Detail)
				}
				if (a.Header().Get("Www-Authenticate") == "Bearer") != (test.status == 401) {
					t.Errorf("%s: WWW-Authenticate %q", path, a.Header().Get("Www-Authenticate"))
				}
			}
		})
	}
}

func TestWhatWasSentIsRefusedFieldByField(t *testing.T) {
	c := newClinic(t)
	ask := func(body any, headers ...string) answer {
		return c.as(t, "sam", "POST", "/v1/operations", body, append(headers, key(1)...)...)
	}
	for name, test := range map[string]struct {
		answer answer
		status int
		code   string
		field  string
		says   string
	}{
		"no JSON":                         {ask("{"), 400, "invalid", "body", "not JSON"},
		"an unknown field":                {ask(`{"kind":"status-change","params":{"to":"Active"},"selection":{"ids":["000001"]},"urgent":true}`), 422, "invalid", "urgent", "unexpected property"},
		"an unknown field inside":         {ask(`{"kind":"status-change","params":{"to":"Active"},"selection":{"ids":["000001"],"all":true}}`), 422, "invalid", "selection.all", "unexpected property"},
		"a field of the wrong type":       {ask(`{"kind":"status-change","params":{"to":1},"selection":{}}`), 422, "invalid", "params.to", "string"},
		"a missing field":                 {ask(`{"params":{"to":"Active"}}`), 422, "invalid", "", "kind"},
		"an unknown status":               {ask(object{"kind": "status-change", "params": object{}, "selection": object{"filter": object{"statuses": []string{"Gone"}}}}), 422, "invalid", "selection.filter.statuses[0]", "one of"},
		"no answer":                       {ask(nil), 400, "invalid", "", ""},
		"an unknown kind":                 {ask(object{"kind": "delete", "params": object{}, "selection": object{"ids": []string{"1"}}}), 422, "invalid", "", `no kind of operation "delete"`},
		"a question not answered":         {ask(object{"kind": "status-change", "params": object{"to": "On Hold"}, "selection": object{"ids": []string{"1"}}}), 422, "invalid", "hold_reason", "Choose why"},
		"an empty selection":              {ask(toHold()), 422, "invalid", "", "No patients are selected"},
		"a filter and ids":                {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"filter": object{}, "ids": []string{"1"}}}), 422, "invalid", "", "not both"},
		"leaving out without filter":      {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"except": []string{"1"}}}), 422, "invalid", "", "only of a filter"},
		"a file's rows for some ids":      {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"ids": []string{"1", "2"}, "rows": []int{2, 3}, "file": strings.Repeat("0", 64), "sheet": object{"header": []string{"id"}, "rows": [][]string{{"1"}}}}}), 422, "invalid", "", "one for each id"},
		"a file's rows without a file":    {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"ids": []string{"1"}, "sheet": object{"header": []string{"id"}, "rows": [][]string{{"1"}}}}}), 422, "invalid", "", "SHA-256"},
		"rows without a file":             {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"ids": []string{"1"}, "rows": []int{2}}}), 422, "invalid", "", "SHA-256"},
		"an id that spreadsheets spoiled": {ask(toHold("1.23E+5")), 422, "invalid", "", "1"},
		"no key":                          {c.as(t, "sam", "POST", "/v1/operations", toHold("000001")), 422, "invalid", "header.Idempotency-Key", "required"},
		"a short key":                     {c.as(t, "sam", "POST", "/v1/operations", toHold("000001"), "Idempotency-Key", "short"), 422, "invalid", "header.Idempotency-Key", "length >= 16"},
		"a form":                          {c.as(t, "sam", "POST", "/v1/operations", "kind=x", append(key(1), "Content-Type", "application/x-www-form-urlencoded")...), 415, "invalid", "", ""},
		"too much":                        {c.as(t, "sam", "POST", "/v1/patients/search", `{"filter":{"tag":"`+strings.Repeat("x", 70_000)+`"}}`), 413, "too-large", "", "larger"},
		"page 0":                          {c.as(t, "sam", "GET", "/v1/operations/OP-000000-0000/changes?page=0", nil), 422, "invalid", "query.page", ">= 1"},
		"an unknown question":             {c.as(t, "sam", "GET", "/v1/operations?name=Ann", nil), 422, "invalid", "query.name", "unknown"},
		"an unknown list":                 {c.as(t, "sam", "GET", "/v1/operations?which=all", nil), 422, "invalid", "query.which", "one of"},
		"another's facility":              {c.as(t, "sam", "POST", "/v1/patients/search", object{"filter": object{"facilities": []string{"lakeside"}}}), 403, "forbidden", "", "Lakeside Clinic"},
		"an auditor asks":                 {c.as(t, "omar", "POST", "/v1/operations", toHold("000001"), key(2)...), 403, "forbidden", "", "Staff or higher"},
		"no such address":                 {c.as(t, "sam", "GET", "/v1/patients/000001", nil), 404, "not-found", "", "nothing at this address"},
		"days in the wrong order":         {c.as(t, "sam", "POST", "/v1/patients/search", object{"filter": object{"registered_from": "2026-12-01", "registered_to": "2020-01-01"}}), 422, "invalid", "registered_to", "the last day is before the first"},
		"an unknown provider":             {c.as(t, "sam", "POST", "/v1/patients/search", object{"filter": object{"provider": "nope"}}), 422, "invalid", "provider", "listed providers"},
		"an unknown provider's patients":  {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"filter": object{"provider": "nope"}}}), 422, "invalid", "provider", "listed providers"},
		"a row below the first":           {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"ids": []string{"1"}, "rows": []int{-5}, "file": strings.Repeat("a", 64)}}), 422, "invalid", "", "count from 1"},
		"a row longer than the header":    {ask(object{"kind": "status-change", "params": object{"to": "Active"}, "selection": object{"ids": []string{"1"}, "rows": []int{2}, "file": strings.Repeat("a", 64), "sheet": object{"header": []string{"id"}, "rows": [][]string{{"1", "2", "3"}}}}}), 422, "invalid", "", "3 values, more than the 1 column"},
		"a task that is not said":         {c.as(t, "sam", "POST", "/v1/operations/"+c.ready(t, toHold("000001")).ID+"/tasks/x", object{}), 422, "invalid", "", "give_to"},
		"a task that is not there":        {c.as(t, "sam", "POST", "/v1/operations/"+c.ready(t, toHold("000001")).ID+"/tasks/x", object{"done": true}), 404, "not-found", "", "no such task"},
		"a place that is none":            {c.as(t, "sam", "POST", "/v1/audit/search", object{"after": strings.Repeat("é", 1000)}), 422, "invalid", "", "cannot be read"},
		"a place that is too far":         {c.as(t, "sam", "POST", "/v1/audit/search", object{"after": "2026-12-01T12:00:00.000Z#EVENT#" + strings.Repeat("é", 600)}), 422, "invalid", "", "cannot be read"},
		"no such method":                  {c.as(t, "sam", "DELETE", "/v1/operations/OP-000000-0000", nil), 404, "not-found", "", "DELETE"},
	} {
		t.Run(name, func(t *testing.T) {
			test.answer.t = t
			p := test.answer.problem(test.status, test.code)
			text := p.Detail
			hit := test.field == ""
			for _, one := range p.Problems {
				text += " " + one.Field + ": " + one.Sentence
				hit = hit || one.Field == test.field
			}
			if !hit || !strings.Contains(text, test.says) {
				t.Errorf("says %q, want %s about %q", text, test.says, test.field)
			}
			if strings.Contains(test.answer.Body.String(), "xxxxx") {
				t.Error("repeats what was sent")
			}
		})
	}
}

func TestTheSameRequestTwiceIsOneOperation(t *testing.T) {
	c := newClinic(t)
	first := c.as(t, "sam", "POST", "/v1/operations", toHold("000001"), key(1)...)
	op := first.operation(201)
	if first.Header().Get("Location") != "/v1/operations/"+op.ID {
		t.Errorf("location %s", first.Header().Get("Location"))
	}
	if again := c.as(t, "sam", "POST", "/v1/operations", toHold("000001"), key(1)...).operation(201); again.ID != op.ID {
		t.Errorf("%s and %s", op.ID, again.ID)
	}
	other := toHold("000001")
	other["params"] = object{"to": "Hospitalized"}
	if p := c.as(t, "sam", "POST", "/v1/operations", other, key(1)...).problem(409, "conflict"); !strings.Contains(p.Detail, op.ID) {
		t.Error(p.Detail)
	}
	if another := c.as(t, "jonas", "POST", "/v1/operations", toHold("000001"), key(1)...).operation(201); another.ID == op.ID {
		t.Error("two people's keys are one")
	}
}

func TestAnUnknownOperationAndAForeignOneAreTheSame(t *testing.T) {
	c := newClinic(t)
	op := c.ready(t, toHold("000001"))
	const unknown = "OP-000000-0000"
	for _, route := range []string{"GET ", "GET /changes", "GET /exclusions", "GET /outcomes", "GET /outcomes.csv", "GET /not-changed.csv", "GET /left-out.csv", "GET /overlaps", "GET /overlaps/OP-000000-0000", "GET /events", "GET /audit", "GET /stale",
		"POST /submit", "POST /decision", "POST /stop", "POST /cancel"} {
		method, path, _ := strings.Cut(route, " ")
		var body any
		switch path {
		case "/submit":
			body = submission(op)
		case "/decision":
			body = object{"verdict": "approved", "digest": op.Plan.Digest}
		}
		foreign := c.as(t, "lena", method, "/v1/operations/"+op.ID+path, body)
		foreign.problem(404, "not-found")
		none := c.as(t, "lena", method, "/v1/operations/"+unknown+path, body)
		none.problem(404, "not-found")
		if got, want := strings.ReplaceAll(foreign.Body.String(), op.ID, unknown), none.Body.String(); got != want {
			t.Errorf("%s: a foreign one %s, an unknown one %s", route, got, want)
		}
	}
}

// An id is read as people write it down.
func TestAnOperationIsFoundInWhateverCase(t *testing.T) {
	c := newClinic(t)
	op := c.ready(t, toHold("000001"))
	path := "/v1/operations/" + strings.ToLower(op.ID)
	if got := c.as(t, "sam", "GET", path, nil).operation(200); got.ID != op.ID {
		t.Errorf("found %s", got.ID)
	}
	if got := c.as(t, "sam", "POST", path+"/submit", submission(op)).operation(200); got.State != "awaiting-approval" {
		t.Errorf("it is %s", got.State)
	}
}

func TestDecisionsThatDoNotCount(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000001", "000004"))
	path := "/v1/operations/" + op.ID + "/decision"
	decide := func(sub string, body object) answer { return c.as(t, sub, "POST", path, body) }
	approve := object{"verdict": "approved", "digest": op.Plan.Digest}
	decide("sam", approve).problem(403, "forbidden")
	decide("omar", approve).problem(403, "forbidden")
	decide("maria", object{"verdict": "perhaps", "digest": op.Plan.Digest}).problem(422, "invalid")
	if p := decide("maria", object{"verdict": "rejected", "digest": op.Plan.Digest}).problem(422, "invalid"); p.Problems[0].Field != "comment" {
		t.Errorf("%+v", p)
	}
	decide("maria", object{"verdict": "approved", "digest": "another"}).problem(409, "stale")
	must(t, c.WriteByHand(context.Background(), registry.ProfileRef("000004"), registry.Fields{"status": "Hospitalized"}, "Rita Chen", c.Engine.Now()))
	if p := decide("maria", approve).problem(409, "stale"); !strings.Contains(p.Detail, "1 patient has changed") {
		t.Error(p.Detail)
	}
	done := decide("maria", object{"verdict": "approved", "digest": op.Plan.Digest, "stale": 1}).operation(200)
	if done.Decision.Stale != 1 {
		t.Errorf("%+v", done.Decision)
	}
	if p := decide("jonas", object{"verdict": "rejected", "digest": op.Plan.Digest, "comment": "No"}).problem(409, "conflict"); !strings.Contains(p.Detail, "Maria Duarte approved") {
		t.Error(p.Detail)
	}
	if op := c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200); op.State != "completed-with-errors" || *op.Progress != (api.Progress{Done: 1, Skipped: 1, Total: 2}) {
		t.Errorf("%+v %+v", op, op.Progress)
	}
}

func TestASubmissionThatLacksSomethingSaysWhat(t *testing.T) {
	c := newClinic(t)
	op := c.ready(t, toHold("000001"))
	p := c.as(t, "sam", "POST", "/v1/operations/"+op.ID+"/submit", object{"digest": op.Plan.Digest, "reason": "short", "checklist": []string{}}).problem(422, "invalid")
	if len(p.Problems) != 2 || p.Problems[0].Field != "reason" || p.Problems[1].Field != "checklist" {
		t.Errorf("%+v", p)
	}
}

// brokenRegistry fails with a cause that holds what nobody may see.
type brokenRegistry struct{ engine.Registry }

func (brokenRegistry) Directory(context.Context) (registry.Directory, error) {
	return registry.Directory{}, errors.New("table bulkops-Registry: patient Zqxv")
}

func TestAMistakeOnOurSideIsLoggedAndNotTold(t *testing.T) {
	c := newClinic(t)
	c.Engine.Registry = brokenRegistry{c.Store}
	a := c.as(t, "sam", "GET", "/v1/directory", nil)
	a.problem(500, "internal")
	if strings.Contains(a.Body.String(), "Zqxv") || strings.Contains(a.Body.String(), "table") {
		t.Errorf("told: %s", a.Body)
	}
	if len(c.Logged) != 1 || !strings.Contains(c.Logged[0], "bulkops-Registry") {
		t.Errorf("logged: %q", c.Logged)
	}
}

func TestEveryAnswerIsKeptFromCachesAndBrowsers(t *testing.T) {
	c := newClinic(t)
	for _, a := range []answer{c.as(t, "sam", "GET", "/v1/me", nil), c.as(t, "eve", "GET", "/v1/me", nil), c.as(t, "sam", "GET", "/v1/nothing", nil), c.as(t, "sam", "GET", "/v1/openapi.json", nil)} {
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer"} {
			if got := a.Header().Get(name); got != want {
				t.Errorf("%d: %s is %q", a.Code, name, got)
			}
		}
		if a.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("other sites may read it")
		}
	}
}

// Who lost a facility is told state and counts of their own operation, and
// nothing that names its patients.
func TestWhoLostAFacilityIsToldNumbersOnly(t *testing.T) {
	c := newClinic(t)
	op := c.submitted(t, toHold("000001", "000004"))
	c.as(t, "maria", "POST", "/v1/operations/"+op.ID+"/decision", object{"verdict": "approved", "digest": op.Plan.Digest}).operation(200)
	other := c.submitted(t, object{"kind": "status-change", "params": object{"to": "Hospitalized"}, "selection": object{"ids": []string{"000005"}}})
	ready := c.ready(t, object{"kind": "status-change", "params": object{"to": "Inactive"}, "selection": object{"ids": []string{"000005"}}})
	sam, err := c.Person(t.Context(), "sam")
	must(t, err)
	sam.Facilities = []string{"lakeside"}
	must(t, c.PutPerson(t.Context(), sam))
	for route, status := range map[string]int{
		"GET ": 200, "GET /events": 200, "GET /overlaps": 200,
		"GET /sample": 403, "GET /changes": 403, "GET /exclusions": 403, "GET /outcomes": 403, "GET /outcomes.csv": 403, "GET /not-changed.csv": 403, "GET /left-out.csv": 403,
		"GET /audit": 403, "POST /rerun": 403, "POST /rollback": 403,
	} {
		method, path, _ := strings.Cut(route, " ")
		a := c.as(t, "sam", method, "/v1/operations/"+op.ID+path, nil, key(1)...)
		if a.Code != status || strings.Contains(a.Body.String(), "000001") {
			t.Errorf("%s: %d %s, want %d", route, a.Code, a.Body, status)
		}
		if status == 403 {
			if p := a.problem(403, "forbidden"); !strings.Contains(p.Detail, "You no longer hold every facility that "+op.ID+" is about") {
				t.Errorf("%s: %s", route, p.Detail)
			}
		}
		if again := c.as(t, "maria", method, "/v1/operations/"+op.ID+path, nil, key(1)...); method == "GET" && again.Code != 200 {
			t.Errorf("%s: a manager is answered %d", route, again.Code)
		}
	}
	c.as(t, "sam", "GET", "/v1/operations/"+ready.ID+"/overlaps/"+other.ID, nil).problem(403, "forbidden")
	if you := c.as(t, "sam", "GET", "/v1/operations/"+op.ID, nil).operation(200).You; you.MayRead || you.MayRollBack || you.MayRerun {
		t.Errorf("you may %+v", you)
	}
	if you := c.as(t, "sam", "GET", "/v1/operations/"+ready.ID, nil).operation(200).You; you.MayEdit || !you.MayCancel {
		t.Errorf("of one that waits: you may %+v", you)
	}
}

// An operation that somebody may not see is a number to them, also where it
// changes the same patients.
func TestAnOverlapDoesNotTellOfAForeignOperation(t *testing.T) {
	c := newClinic(t)
	first := c.submitted(t, toHold("000001"))
	second := c.as(t, "jonas", "POST", "/v1/operations", object{"kind": "status-change", "params": object{"to": "Inactive"}, "selection": object{"ids": []string{"000001"}}}, key(7)...).operation(201)
	p, err := c.Person(t.Context(), "jonas")
	must(t, err)
	p.Role = "staff"
	must(t, c.PutPerson(t.Context(), p))
	c.as(t, "jonas", "GET", "/v1/operations/"+first.ID, nil).problem(404, "not-found")
	var told struct{ Overlaps []api.OverlapView }
	c.as(t, "jonas", "GET", "/v1/operations/"+second.ID+"/overlaps", nil).into(200, &told)
	if want := (api.OverlapView{Operation: first.ID, State: "awaiting-approval", Patients: 1}); len(told.Overlaps) != 1 || told.Overlaps[0] != want {
		t.Errorf("told %+v, want %+v", told, want)
	}
}
