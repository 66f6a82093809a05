package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

// notices are the mails that communications sent.
func (w *world) notices() (sent []string) {
	for _, m := range w.mails {
		if m.Notice != "" {
			sent = append(sent, m.To+": "+m.Subject)
		}
	}
	slices.Sort(sent)
	return sent
}

func TestACommunicationFromTheFormToTheList(t *testing.T) {
	w := newWorld(t, 400)
	ana, maria, sam := w.signedIn("ana"), w.signedIn("maria"), w.signedIn("sam")
	ids := slices.Concat(activeIn(w, "riverside", 3), activeIn(w, "lakeside", 2))
	form := whatPage(ana, "communication", ids...).want(200, "What do you want to say, and to whom?", "A message cannot be called back once it is sent.", "{patients}")
	form.press("continue", nil).want(422, "Choose whom the message is for", "Write the subject of the message.", "Write the text of the message.")
	typed := url.Values{"type": {"facility-notification"}, "heading": {"{patients} of {facility}"}, "text": {"Dear {recipient},\r\nplease call {patient}.\r\n{requester}"}}
	p := form.press("continue", typed).want(422, "There is no placeholder {patient}. There are: {recipient}, {patients}, {facility}, {requester}, {date}.")
	if kept := text(p.id("text")); !strings.Contains(kept, "please call {patient}.") {
		t.Error("what was typed is gone")
	}
	typed.Set("text", "Dear {recipient},\r\nplease call them.\r\n{requester}")
	p = p.press("continue", typed).want(200)
	w.settle()
	p = ana.get(p.path).want(200, "Facility Notification: {patients} of {facility}", "2 messages to send", "5 patients whom they are about",
		"This cannot be undone.", "Every message, as it will be sent", "Lakeside Family Health lakeside.desk@example.org", "2 patients of Lakeside Family Health",
		"Dear Lakeside Family Health, please call them. Ana Lindqvist", "3 patients of Riverside Clinic")
	p.click("2 patients").want(200, "Patients whom the message is about", ids[3], ids[4])
	p.click("Continue: reason and checklist").want(200, "This cannot be undone.", "I know that this cannot be undone.", "2 messages about 5 patients, 0 left out", "Send 2 messages for approval")
	submitted(p)
	w.settle()
	maria.get("/operations/"+p.operation()+"/decision").want(200, "This cannot be undone.", "Dear Riverside Clinic, please call them.", "Approve 2 messages")
	sam.get("/operations/"+p.operation()+"/notices/1-2").want(404, "There is no such message, or you may not see whom it is about.")
	p = decided(maria, p.operation()).want(200, "Every message was sent.", "Sent 2")
	if p.id("to-rollback") != nil {
		t.Error("a rollback is offered")
	}
	if got, want := w.notices(), []string{"lakeside.desk@example.org: 2 patients of Lakeside Family Health", "riverside.desk@example.org: 3 patients of Riverside Clinic"}; !slices.Equal(got, want) {
		t.Errorf("sent: %q", got)
	}

	t.Run("the link asks for a sign-in and then lists the patients", func(t *testing.T) {
		link := ""
		for _, m := range w.mails {
			if m.To == "riverside.desk@example.org" {
				_, link, _ = strings.Cut(m.Text, portalURL)
				link, _, _ = strings.Cut(link, "\n")
			}
			for _, name := range append(sample.HostileNames, sample.Canary) {
				if len(name) > 5 && strings.Contains(m.Text+m.Subject+m.HTML, name) {
					t.Errorf("a mail to %s holds the name %q", m.To, name)
				}
			}
		}
		w.browser().get(link).want(303)
		sam.get(link).want(200, "3 patients in all.", ids[0], ids[1], ids[2])
	})
}

func TestARefusedMessageIsRunAgain(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 2)
	w.refuse = fault.New(fault.Invalid, "The mail service refused the message.")
	p := plannedAs(sam, "communication", url.Values{"type": {"internal-alert"}, "role": {"manager"}, "heading": {"Read this"}, "text": {"Please."}}, ids...).
		want(200, "Internal Alert to Managers: Read this", "messages to send")
	submitted(p)
	p = decided(maria, p.operation()).want(200, "Every message was attempted; some could not be sent.", "Not sent, by reason", "The message was refused: 3", "Run again for those ticked")
	p.click("List them: The message was refused").want(200, "3 recipients of", "Recipient", "Maria Duarte maria.manager@example.org", "The mail service refused the message.")
	w.refuse = nil
	again := sam.get("/operations/"+p.operation()).press("run-again", nil)
	w.settle()
	submitted(sam.get(again.path).want(200, "3 messages to send"))
	decided(maria, again.operation()).want(200, "Every message was sent.")
	if got := w.notices(); len(got) != 3 {
		t.Errorf("sent: %q", got)
	}
}

func TestAMessageThatCameBackIsShown(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	p := plannedAs(sam, "communication", url.Values{"type": {"facility-notification"}, "heading": {"x"}, "text": {"x"}}, activeIn(w, "riverside", 2)...)
	submitted(p)
	p = decided(maria, p.operation()).want(200, "Every message was sent.")
	if p.id("run-again") != nil {
		t.Error("a rerun is offered though everybody was reached")
	}
	must(t, w.engine.Bounced(t.Context(), p.operation(), "1-1"))
	p = sam.get("/operations/"+p.operation()).want(200, "The message came back: 1", "Run again for those ticked", "Failed It was sent and came back", "Came back")
	p.click("List them: The message came back").want(200, "1 recipient of", "Riverside Clinic riverside.desk@example.org")
	if p.id("download-not-changed") != nil {
		t.Error("a file to upload again is offered, though its rows are recipients")
	}
	sam.get("/operations/"+p.operation()+"/outcomes.csv").want(200, "Mail to riverside.desk@example.org about 2 patients: x", "came back")
}

func TestWhoLeadsToNobodyIsLeftOut(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 2)
	for _, id := range ids {
		must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(id), registry.Fields{registry.ProviderField: ""}, "Rita", noon))
	}
	plannedAs(sam, "communication", url.Values{"type": {"provider-notification"}, "heading": {"x"}, "text": {"x"}}, append(ids, "nobody")...).
		want(200, "Nobody to tell: 2", "The patient has no provider.", "No patient with this id: 1", "so there is nothing to approve.")
}
