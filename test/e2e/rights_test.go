package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Rights are read again right before the run: an approval is worth what its
// approver, and its requester, may still do then.
func TestARightThatIsTakenAwayBeforeTheRunStopsIt(t *testing.T) {
	t.Parallel()
	w := newWard(t, "revoked", 2, 0)
	cases := []struct {
		name   string
		person staff.Person
		take   func(*staff.Person)
		cause  string
	}{
		{"the approver is no manager any more", w.managers[0], func(p *staff.Person) { p.Role = staff.Staff }, w.managers[0].Name + ", who approved it, no longer has the right to."},
		{"the approver has lost the facility", w.managers[0], func(p *staff.Person) { p.Facilities = []string{"lakeside"} }, w.managers[0].Name + ", who approved it, no longer has the right to."},
		{"the approver is disabled", w.managers[0], func(p *staff.Person) { p.Disabled = true }, w.managers[0].Name + ", who approved it, no longer has the right to."},
		{"the requester is disabled", w.requester, func(p *staff.Person) { p.Disabled = true }, w.requester.Name + ", who asked for it, no longer has the right to."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			op := w.submitted(t, registry.OnHold)
			// The right goes while the decision is on its way: what portal and API
			// have read of the approver was true a moment ago.
			changed := c.person
			c.take(&changed)
			put(t, changed)
			decide(t, live.engine(t), w.managers[0], op, bulk.Approve)
			op = await(t, op.ID, bulk.FailedState)
			if !strings.HasPrefix(op.Cause, c.cause) {
				t.Errorf("its cause is %q, want %q", op.Cause, c.cause)
			}
			put(t, c.person)
		})
	}
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() != registry.Active || p.Stamp.Operation != "" {
			t.Errorf("patient %s is %s, stamped by %q", p.ID(), p.Status(), p.Stamp.Operation)
		}
	}
}

// What somebody may not see answers as what is not there, word for word.
func TestWhatIsForeignAnswersAsWhatIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWard(t, "foreign", 2, 0)
	op := w.submitted(t, registry.OnHold)
	const unknown = "OP-000000-0000"
	sam := signInToAPI(t, "sam.staff@example.org") // holds Riverside only
	for _, method := range []string{"GET", "POST"} {
		for _, path := range []string{"", "/changes", "/exclusions", "/outcomes", "/events", "/audit", "/stale", "/submit", "/decision", "/stop", "/cancel"} {
			if post := path == "/submit" || path == "/decision" || path == "/stop" || path == "/cancel"; post != (method == "POST") {
				continue
			}
			var body any
			switch path {
			case "/submit":
				body = map[string]any{"digest": op.Plan.Digest, "reason": "Because I can guess ids.", "checklist": []string{}}
			case "/decision":
				body = map[string]any{"verdict": "approved", "digest": op.Plan.Digest}
			}
			foreignStatus, foreign := sam.do(t, method, "/operations/"+op.ID+path, body, nil)
			unknownStatus, none := sam.do(t, method, "/operations/"+unknown+path, body, nil)
			if foreignStatus != http.StatusNotFound || unknownStatus != http.StatusNotFound ||
				strings.ReplaceAll(foreign.Detail, op.ID, unknown) != none.Detail {
				t.Errorf("%s %s: foreign %d %q, unknown %d %q", method, path, foreignStatus, foreign.Detail, unknownStatus, none.Detail)
			}
		}
	}
	// In his own facility he is somebody, but he holds no patient of the ward.
	var asked api.Operation
	status, problem := sam.do(t, "POST", "/operations", map[string]any{
		"kind": "status-change", "params": change(registry.OnHold), "selection": map[string]any{"ids": w.patients},
	}, &asked, "Idempotency-Key: foreign-patients-of-sam-"+op.ID)
	if status != http.StatusCreated {
		t.Fatalf("%d %+v", status, problem)
	}
	planned := await(t, asked.ID, bulk.Ready)
	if planned.Plan.Changes != 0 || planned.Plan.ByReason[bulk.OtherFacility] != len(w.patients) {
		t.Errorf("his plan has %d changes, left out %v", planned.Plan.Changes, planned.Plan.ByReason)
	}
	var left struct{ Exclusions []api.ExclusionView }
	if status, problem := sam.do(t, "GET", "/operations/"+asked.ID+"/exclusions", nil, &left); status != http.StatusOK {
		t.Fatalf("%d %+v", status, problem)
	}
	for _, x := range left.Exclusions {
		if x.Name != "" {
			t.Errorf("he is told the name %q of a patient of another facility", x.Name)
		}
	}
	status, problem = sam.do(t, "POST", "/operations", map[string]any{
		"kind": "status-change", "params": change(registry.OnHold), "selection": map[string]any{"filter": map[string]any{"facilities": []string{w.facility}}},
	}, nil, "Idempotency-Key: foreign-facility-of-sam-"+op.ID)
	if status != http.StatusForbidden || !strings.Contains(problem.Detail, "do not hold the facility") {
		t.Errorf("a filter by a foreign facility gets %d %q", status, problem.Detail)
	}
	decide(t, live.engine(t), w.managers[0], op, bulk.Reject)
}

// An auditor reads everything, asks for nothing and decides on nothing.
func TestAnAuditorReadsAndDoesNothingElse(t *testing.T) {
	t.Parallel()
	w := newWard(t, "auditor", 2, 0)
	op := w.submitted(t, registry.OnHold)
	omar, acts := signInToAPI(t, "omar.auditor@example.org"), actsOf(t, op.ID)
	for _, path := range []string{"", "/changes", "/exclusions", "/outcomes", "/events", "/audit"} {
		if status, problem := omar.do(t, "GET", "/operations/"+op.ID+path, nil, nil); status != http.StatusOK {
			t.Errorf("GET %s: %d %+v", path, status, problem)
		}
	}
	refused := func(path string, body any, headers ...string) {
		t.Helper()
		if status, problem := omar.do(t, "POST", path, body, nil, headers...); status != http.StatusForbidden || problem.Detail == "" {
			t.Errorf("POST %s: %d %+v", path, status, problem)
		}
	}
	refused("/operations", map[string]any{"kind": "status-change", "params": change(registry.OnHold), "selection": map[string]any{"ids": w.patients}}, "Idempotency-Key: asked-by-the-auditor-"+op.ID)
	refused("/operations/"+op.ID+"/decision", map[string]any{"verdict": "approved", "digest": op.Plan.Digest})
	refused("/operations/"+op.ID+"/stop", nil)
	refused("/operations/"+op.ID+"/cancel", nil)
	if await(t, op.ID, bulk.AwaitingApproval); actsOf(t, op.ID) != acts {
		t.Errorf("the operation was changed: %+v", eventsOf(t, op.ID))
	}
	decide(t, live.engine(t), w.managers[0], op, bulk.Reject)
}

// Nobody decides on what they asked for, whatever else they may do.
func TestNobodyDecidesOnTheirOwnRequest(t *testing.T) {
	t.Parallel()
	w := newWard(t, "own", 2, 0)
	jonas := live.person(t, staff.Manager, "jonas.manager@example.org")
	as := w
	as.requester = jonas
	op := as.submitted(t, registry.OnHold)
	for _, p := range op.Approval.Approvers {
		if p.Sub == jonas.Sub {
			t.Errorf("the requester is asked to approve")
		}
	}
	status, problem := signInToAPI(t, jonas.Email).do(t, "POST", "/operations/"+op.ID+"/decision", map[string]any{"verdict": "approved", "digest": op.Plan.Digest}, nil)
	if status != http.StatusForbidden || !strings.Contains(problem.Detail, "You asked for this operation yourself") {
		t.Errorf("%d %q", status, problem.Detail)
	}
	if mails := live.mails(t, jonas.Email, op.ID); len(mails) > 0 {
		t.Errorf("the requester got the mail %q", mails[0].Subject)
	}
	decide(t, live.engine(t), w.managers[0], op, bulk.Reject)
}
