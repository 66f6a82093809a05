package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/internal/staff"
)

// canary is the part of the canary patient's name that searches look for,
// without regard to case. It is in the patient's e-mail address, too.
var canary = strings.ToLower(strings.Fields(sample.Canary)[0])

// The canary patient is looked for, uploaded, mistyped, changed and read about
// in every way there is. What comes of it is looked at when all tests are over:
// searchForCanary.
func TestTheCanaryIsWorkedWith(t *testing.T) {
	t.Parallel()
	w := newWard(t, "canary", 3, 1)
	w.dismissManagers(t)
	id := w.patients[0]
	if p := live.patients(t, id)[0]; p.Name() != sample.Canary || !strings.Contains(p.Get(registry.Email), canary) {
		t.Fatalf("the first patient is %s", p.Name())
	}
	ana := signIn(t, "ana.staff@example.org", "/patients")
	ana.send(ana.page.Form("Search").Fill("Name or patient id", sample.Canary))
	ana.reads(sample.Canary)
	ana.open("/patients/" + id)
	ana.reads(sample.Canary, canary)

	// Mistakes: the name where an id belongs, pasted and uploaded.
	ana.open("/operations/new/status-change")
	ana.send(ana.page.Form("Continue").Tick("Paste a list"))
	ana.send(ana.page.Form("Continue").Fill("Patient ids", canary+"\n"+id+"\n"+canary))
	ana.send(ana.page.Form("Make the plan").Tick("Discharged"))
	ana.until("Continue: reason and checklist")
	ana.reads("No patient with this id: 1", "1 repeated id merged", "1 patient to change")
	ana.open("/operations/new/status-change")
	ana.send(ana.page.Form("Continue").Tick("Upload a CSV file"))
	ana.send(ana.page.Form("Continue").Attach("CSV file", sample.Canary+".csv", []byte("name\n"+sample.Canary+"\n")))
	ana.isStatus(http.StatusUnprocessableEntity)
	ana.reads("The file has no column with patient ids.")
	ana.send(ana.page.Form("Continue").Attach("CSV file", sample.Canary+".csv", []byte("id,name\n"+id+",\""+sample.Canary+"\"\n")))
	ana.send(ana.page.Form("Make the plan").Tick("Inactive"))
	ana.until("Continue: reason and checklist")
	ana.reads(sample.Canary, "1 patient to change")
	operation := ana.find(`(OP-[0-9A-Z]{6}-[0-9A-Z]{4})`)
	ana.follow("Continue: reason and checklist")
	ana.send(ana.page.Form("Send").Fill("Reason", "Moved to another state, says the family.").TickAll())
	ana.reads("Sent for approval")
	jonas := signIn(t, "jonas.manager@example.org", "/operations/"+operation+"/decision")
	jonas.reads(sample.Canary)
	jonas.press("Approve")
	ana.open("/operations/" + operation)
	ana.until("Every patient in the plan was changed.")
	ana.follow("Download all outcomes (CSV)")
	if !strings.Contains(string(ana.page.Content), sample.Canary) {
		t.Errorf("the outcomes do not name the patient: %s", ana.page.Content)
	}
	ana.open("/operations/" + operation + "/audit")
	ana.until("Patients affected 1")

	// The same through the API, with requests that fail.
	api := signInToAPI(t, "ana.staff@example.org")
	var found struct{ Patients []struct{ Name string } }
	if status, problem := api.do(t, "POST", "/patients/search", map[string]any{"filter": map[string]any{"text": sample.Canary, "facilities": []string{w.facility}}}, &found); status != http.StatusOK || len(found.Patients) != 1 {
		t.Errorf("the search finds %d patients: %d %+v", len(found.Patients), status, problem)
	}
	for _, body := range []any{
		map[string]any{"filter": map[string]any{"text": sample.Canary, "statuses": []string{sample.Canary}}},
		sample.Canary,
	} {
		status, problem := api.do(t, "POST", "/patients/search", body, nil)
		if status < 400 || status >= 500 || strings.Contains(strings.ToLower(fmt.Sprint(problem)), canary) {
			t.Errorf("a search that cannot be used gets %d %+v", status, problem)
		}
	}
	if status, problem := api.do(t, "POST", "/operations", map[string]any{
		"kind": "status-change", "params": map[string]string{"to": sample.Canary}, "selection": map[string]any{"ids": []string{id}},
	}, nil, "Idempotency-Key: the-canary-"+operation); status != http.StatusUnprocessableEntity {
		t.Errorf("a status that is none gets %d %+v", status, problem)
	}

	// Left out of the plan and skipped in the run: sentences are made about it.
	requester, approver := live.person(t, staff.Staff, "ana.staff@example.org"), live.person(t, staff.Manager, "jonas.manager@example.org")
	as := ward{facility: w.facility, requester: requester}
	as.managers[0] = approver
	op := as.submitted(t, registry.OnHold, w.patients[1:]...)
	updateByHand(t, w.patients[1], registry.Name, sample.Canary)
	updateByHand(t, w.patients[1], registry.StatusField, string(registry.Inactive))
	decide(t, live.engine(t), approver, op, bulk.Approve)
	await(t, op.ID, bulk.CompletedWithErrors)
}

// searchForCanary looks for the canary's name where no patient's name may ever
// be: every log, every mail with its headers, everything Step Functions keeps,
// every address that was asked for. It makes sure that there was something to
// look through.
func searchForCanary(ctx context.Context, c *clinic) error {
	var leaks []error
	look := func(where, text string) {
		if at := strings.Index(strings.ToLower(text), canary); at >= 0 {
			leaks = append(leaks, fmt.Errorf("%s: … %s …", where, text[max(0, at-150):min(len(text), at+150)]))
		}
	}
	logs, err := c.FunctionLogs(ctx)
	if err != nil {
		return err
	}
	lines := 0
	for group, all := range logs {
		for _, line := range all {
			look("the log "+group, line)
			lines++
		}
	}
	for _, address := range []string{c.MailURL + "/api/email", c.GatewayURL + "/_ministack/ses/messages"} {
		text, err := fetch(ctx, address)
		if err != nil {
			return err
		}
		if !strings.Contains(text, "OP-") {
			return errors.New("no mail has been sent: there is nothing to look through")
		}
		look("the mails at "+address, text)
	}
	executions := sfn.NewListExecutionsPaginator(c.executions, &sfn.ListExecutionsInput{StateMachineArn: aws.String(c.Outputs["StateMachineArn"])})
	events := 0
	for executions.HasMorePages() {
		page, err := executions.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, e := range page.Executions {
			texts, err := c.history(ctx, aws.ToString(e.Name))
			if err != nil {
				return err
			}
			for _, text := range texts {
				look("the execution "+aws.ToString(e.Name), text)
				events++
			}
		}
	}
	for _, address := range addresses.all {
		look("an address", address)
	}
	if lines == 0 || events == 0 {
		return fmt.Errorf("%d lines of logs and %d events of executions: there is nothing to look through", lines, events)
	}
	return errors.Join(leaks...)
}

func fetch(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
