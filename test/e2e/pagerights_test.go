package e2e_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// hire gives somebody an account and an entry in the staff directory.
func hire(t *testing.T, name string, role staff.Role, facilities ...string) staff.Person {
	t.Helper()
	p := staff.Person{Name: name, Email: strings.ToLower(name) + "." + thisRun + "@example.org", Role: role, Facilities: facilities}
	pool, accounts := aws.String(live.Outputs["UserPoolId"]), cognitoidentityprovider.NewFromConfig(live.AWSConfig())
	made, err := accounts.AdminCreateUser(t.Context(), &cognitoidentityprovider.AdminCreateUserInput{
		UserPoolId: pool, Username: &p.Email, TemporaryPassword: aws.String(sample.Password), MessageAction: types.MessageActionTypeSuppress,
		UserAttributes: []types.AttributeType{{Name: aws.String("email"), Value: &p.Email}, {Name: aws.String("name"), Value: &p.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range made.User.Attributes {
		if aws.ToString(a.Name) == "sub" {
			p.Sub = aws.ToString(a.Value)
		}
	}
	if _, err := accounts.AdminSetUserPassword(t.Context(), &cognitoidentityprovider.AdminSetUserPasswordInput{
		UserPoolId: pool, Username: &p.Email, Password: aws.String(sample.Password), Permanent: true,
	}); err != nil {
		t.Fatal(err)
	}
	put(t, p)
	return p
}

// A right counts from the next request on, both ways, and not from the next
// sign-in on.
func TestARightThatIsTakenAwayIsGoneAtTheNextRequest(t *testing.T) {
	t.Parallel()
	w := newWard(t, "next-request", 2, 0)
	nora := hire(t, "Nora", staff.Staff, w.facility)
	browser := signIn(t, nora.Email, "/patients")
	browser.reads("2 patients match")
	api := signInToAPI(t, nora.Email)

	nora.Facilities = []string{"lakeside"}
	put(t, nora)
	browser.open("/patients/" + w.patients[0])
	browser.isStatus(http.StatusNotFound)

	nora.Role = staff.Auditor
	put(t, nora)
	browser.open("/operations/new")
	browser.isStatus(http.StatusForbidden)
	browser.reads("This page takes the right Staff or higher; yours is Auditor.")

	nora.Disabled = true
	put(t, nora)
	browser.open("/patients")
	if browser.page.Says("patients match") || browser.page.Status == http.StatusOK && !strings.HasPrefix(browser.page.URL.Path, "/oauth2/") {
		t.Errorf("somebody who is disabled sees %d %.300s", browser.page.Status, browser.page.Text())
	}
	if status, problem := api.do(t, "GET", "/me", nil, nil); status != http.StatusForbidden || !strings.Contains(problem.Detail, "access has been taken away") {
		t.Errorf("with a token that is still good, somebody who is disabled gets %d %+v", status, problem)
	}

	// The session itself has ended: it does not come back with the right.
	nora.Disabled, nora.Role, nora.Facilities = false, staff.Staff, []string{w.facility}
	put(t, nora)
	browser.open("/patients")
	if browser.page.Says("patients match") {
		t.Error("the session of somebody who was disabled goes on")
	}
}

// On the pages, too, what is foreign is as what is unknown, an auditor reads
// only, and who lacks a right reads which one.
func TestPagesSayWhichRightIsMissing(t *testing.T) {
	t.Parallel()
	w := newWard(t, "pages", 2, 0)
	op := w.submitted(t, registry.OnHold)
	const unknown = "OP-000000-0000"

	sam := signIn(t, "sam.staff@example.org", "/") // staff, holds Riverside only
	for _, path := range []string{"", "/outcomes.csv", "/audit", "/progress", "/submit", "/stop", "/take-back"} {
		sam.open("/operations/" + op.ID + path)
		sam.isStatus(http.StatusNotFound)
		foreign := strings.ReplaceAll(sam.page.Text(), op.ID, unknown)
		sam.open("/operations/" + unknown + path)
		if sam.page.Status != http.StatusNotFound || sam.page.Text() != foreign {
			t.Errorf("%s: foreign %q, unknown %d %q", path, foreign, sam.page.Status, sam.page.Text())
		}
	}
	sam.open("/operations/" + op.ID + "/decision")
	sam.isStatus(http.StatusForbidden)
	sam.reads("Deciding on operations takes the right Team Lead or higher; yours is Staff.")
	sam.open("/patients/" + w.patients[0])
	sam.isStatus(http.StatusNotFound)
	foreign := strings.ReplaceAll(sam.page.Text(), w.patients[0], "nobody")
	sam.open("/patients/nobody")
	if sam.page.Status != http.StatusNotFound || sam.page.Text() != foreign {
		t.Errorf("a foreign patient %q, an unknown one %d %q", foreign, sam.page.Status, sam.page.Text())
	}

	omar := signIn(t, "omar.auditor@example.org", "/operations/"+op.ID)
	omar.reads(op.ID, "2 patients to change", sample.Canary)
	for _, word := range []string{"Start a bulk operation", "Approvals", "Decide on this request", "Take back"} {
		if omar.page.Says(word) {
			t.Errorf("the auditor is offered %q", word)
		}
	}
	if _, err := omar.page.Follow(t.Context(), "Stop"); err == nil {
		t.Error("the auditor is offered to stop it")
	}
	omar.open("/operations/new")
	omar.isStatus(http.StatusForbidden)
	omar.open("/operations/" + op.ID + "/decision")
	omar.isStatus(http.StatusForbidden)

	theo := signIn(t, "theo.lead@example.org", "/operations/"+op.ID+"/decision")
	theo.reads("You cannot decide on this request", "Deciding on this operation takes the right Manager; yours is Team Lead.")
	decide(t, live.engine(t), w.managers[0], op, bulk.Reject)
}

// Looking changes nothing: neither at a page nor at anything that it leads to.
func TestNoLinkChangesAnything(t *testing.T) {
	t.Parallel()
	w := newWard(t, "links", 2, 0)
	w.dismissManagers(t)
	ana := live.person(t, staff.Staff, "ana.staff@example.org")
	as := ward{facility: w.facility, requester: ana}
	planned, asked := as.planned(t, registry.OnHold), as.submitted(t, registry.Hospitalized)
	records := live.patients(t, w.patients...)
	acts := map[string]int{planned.ID: actsOf(t, planned.ID), asked.ID: actsOf(t, asked.ID)}

	links := regexp.MustCompile(`href="(/[^"#]*)`)
	for _, email := range []string{ana.Email, "jonas.manager@example.org", "omar.auditor@example.org"} {
		p := signIn(t, email, "/")
		seen := map[string]bool{}
		next := []string{"/", "/operations/" + planned.ID, "/operations/" + asked.ID, "/operations/" + asked.ID + "/stop", "/patients/" + w.patients[0], "/approvals"}
		for len(next) > 0 {
			path := next[0]
			next = next[1:]
			if seen[path] {
				continue
			}
			seen[path] = true
			p.open(path)
			for _, found := range links.FindAllStringSubmatch(string(p.page.Content), -1) {
				to := html.UnescapeString(found[1])
				if strings.Contains(to, planned.ID) || strings.Contains(to, asked.ID) || strings.Contains(to, w.patients[0]) {
					next = append(next, to)
				}
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, live.PortalURL+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := p.browser.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}
		if len(seen) < 6 {
			t.Errorf("%s was led to %d addresses only", email, len(seen))
		}
	}
	for _, was := range []bulk.Operation{planned, asked} {
		if now, err := live.operations.Operation(t.Context(), was.ID); err != nil || now.State != was.State || now.Decision != nil {
			t.Errorf("%s was %s and is %s (%v)", was.ID, was.State, now.State, err)
		}
		if actsOf(t, was.ID) != acts[was.ID] {
			t.Errorf("something was done to %s: %+v", was.ID, eventsOf(t, was.ID))
		}
	}
	for i, r := range live.patients(t, w.patients...) {
		if r.Status() != records[i].Status() || r.Stamp != records[i].Stamp {
			t.Errorf("%s was changed", r.ID())
		}
	}
	if _, err := live.engine(t).Cancel(t.Context(), ana, asked.ID); err != nil {
		t.Fatal(err)
	}
}
