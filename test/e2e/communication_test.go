package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// onlyTo lets the mail service refuse every address outside of a domain, as SES
// does for an account in its sandbox.
func onlyTo(t *testing.T, domain string) {
	t.Helper()
	service := sesv2.NewFromConfig(live.AWSConfig())
	sandbox := func(ctx context.Context, on bool) error {
		_, err := service.PutAccountDetails(ctx, &sesv2.PutAccountDetailsInput{
			MailType: types.MailTypeTransactional, WebsiteURL: aws.String("https://bulkops.example"), ProductionAccessEnabled: aws.Bool(!on)})
		return err
	}
	if _, err := service.CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: &domain}); err != nil && !strings.Contains(err.Error(), "AlreadyExists") {
		t.Fatal(err)
	}
	if err := sandbox(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox(context.Background(), false); err != nil {
			t.Error(err)
		}
	})
}

// comesBack lets the function hear what SES tells about a mail that bounced. The
// local AWS takes no such report from SES to the topic.
func (c *clinic) comesBack(t *testing.T, operation, notice string) {
	t.Helper()
	text, err := os.ReadFile("../../events/bounce.json")
	if err != nil {
		t.Fatal(err)
	}
	told := strings.NewReplacer(sampleOperation, operation, `[\"1-2\"]`, `[\"`+notice+`\"]`).Replace(string(text))
	if answer, failure := c.call(t, "bounce", json.RawMessage(told)); failure != "" {
		t.Fatalf("the function failed: %s", answer)
	}
}

// noticesOf are the mails of a communication by the address they went to.
func noticesOf(t *testing.T, id string) map[string][]mail {
	t.Helper()
	sent := map[string][]mail{}
	for _, m := range live.inbox(t) {
		if strings.Contains(m.Text, "/operations/"+id+"/notices/") {
			sent[m.To[0].Address] = append(sent[m.To[0].Address], m)
		}
	}
	return sent
}

// Two facilities are told, one of whose addresses is refused at first: each gets
// one mail without names, whatever is delivered again, and its link leads to
// the list of patients.
func TestTwoFacilitiesAreTold(t *testing.T) {
	t.Parallel()
	hall, annex := newWard(t, "hall", 12, 0), newWard(t, "annex", 3, 0)
	address := func(w ward, email string) {
		t.Helper()
		f := registry.Facility{ID: w.facility, Name: "Ward " + w.facility, TimeZone: "America/New_York", Email: email}
		if err := live.registry.PutFacility(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	address(hall, hall.facility+"@example.org")
	address(annex, "desk@refused.invalid")
	onlyTo(t, "example.org")
	for _, p := range []*staff.Person{&hall.requester, &hall.managers[0]} {
		p.Facilities = []string{hall.facility, annex.facility}
		put(t, *p)
	}
	ask := bulk.Params{"type": "facility-notification", "heading": "{patients}", "text": "Dear {recipient},\r\nplease call them before {date}."}
	op := hall.plannedAs(t, "communication", ask, slices.Concat(hall.patients, annex.patients, []string{"nobody"})...)
	if op.Plan.Notices != 2 || op.Plan.Listed != 15 || op.Plan.Excluded != 1 {
		t.Fatalf("the plan is %+v", op.Plan)
	}
	alert := bulk.Params{"type": "internal-alert", "role": "manager", "heading": "Read this", "text": "{patients}"}
	if op := hall.plannedAs(t, "communication", alert); op.Plan.Notices < 2 || op.Plan.Listed != 12 { // the ward's two managers, and others who hold it
		t.Errorf("the plan of the alert is %+v", op.Plan)
	}
	e := live.engine(t)
	op = await(t, decide(t, e, hall.managers[0], hall.send(t, op), bulk.Approve).ID, bulk.CompletedWithErrors)
	if want := (bulk.Tally{Done: 1, Failed: 1}); op.Final != want {
		t.Errorf("it ended with %+v", op.Final)
	}
	lines, err := e.PageOfLines(t.Context(), op, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if l.Change.Subject == annex.facility && (l.Outcome.Code != bulk.MailRefused || !l.Outcome.Retryable) {
			t.Errorf("the refused one is %+v", l.Outcome)
		}
	}
	for range 2 { // what is delivered again sends nothing
		if answer, failure := live.call(t, "execute", map[string]any{"operation": op.ID, "batch": 1}); failure != "" {
			t.Errorf("a repeat failed: %s", answer)
		}
	}

	if said, problems, code := bulkops(t, t.TempDir(), "address", "--facility", annex.facility, annex.facility+"@example.org"); code != 0 || !strings.Contains(said, "from now on") {
		t.Fatalf("%d %s%s", code, said, problems)
	}
	again, err := e.Again(t.Context(), hall.requester, op.ID, bulk.Rerun, rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	again = await(t, decide(t, e, hall.managers[0], hall.send(t, await(t, again.ID, bulk.Ready)), bulk.Approve).ID, bulk.Completed)
	live.comesBack(t, again.ID, "1-1")
	eventually(t, "the message is known to have come back", func() bool {
		op, err := live.operations.Operation(t.Context(), again.ID)
		return err == nil && slices.Equal(op.Bounced, []string{"1-1"}) && e.MayNotFollow(t.Context(), op, bulk.Rerun) == nil
	})
	var first, second map[string][]mail
	eventually(t, "both mails are in the mailbox", func() bool {
		first, second = noticesOf(t, op.ID), noticesOf(t, again.ID)
		return len(first) > 0 && len(second) > 0
	})
	if len(first) != 1 || len(first[hall.facility+"@example.org"]) != 1 || len(second) != 1 || len(second[annex.facility+"@example.org"]) != 1 {
		t.Fatalf("sent: %v, then %v", first, second)
	}
	mail := first[hall.facility+"@example.org"][0]
	if mail.Subject != "12 patients" || !strings.Contains(mail.Text, "Dear Ward "+hall.facility+",\nplease call them before ") {
		t.Errorf("the mail is %q: %s", mail.Subject, mail.Text)
	}
	for _, p := range live.patients(t, hall.patients...) {
		if len(p.Name()) > 5 && strings.Contains(mail.Text+mail.HTML+mail.Subject, p.Name()) || strings.Contains(mail.Text+mail.HTML, p.ID()) {
			t.Errorf("the mail names a patient: %s", mail.Text)
		}
	}

	_, link, _ := strings.Cut(mail.Text, live.PortalURL)
	link, _, _ = strings.Cut(link, "\n")
	ana := signIn(t, "ana.staff@example.org", strings.TrimSpace(link))
	ana.isStatus(200)
	ana.reads("12 patients in all.", hall.patients[0], hall.patients[11])
	sam := signIn(t, "sam.staff@example.org", strings.TrimSpace(link)) // holds neither
	sam.isStatus(404)
	sam.reads("There is no such message, or you may not see whom it is about.")
	if _, err := e.Concerned(t.Context(), annex.requester, again.ID, engine.NoticeNumber(1, 0), 1); err != nil {
		t.Errorf("who holds the annex does not see its patients: %v", err)
	}
}
