package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// mail is a mail as the mailbox shows it.
type mail struct {
	ID, Subject, Text, HTML string
	To                      []struct{ Address string }
}

// mailTo waits for the mail about an operation to somebody with the words in
// its subject.
func mailTo(t *testing.T, name, subject, operation string) mail {
	t.Helper()
	var found mail
	eventually(t, fmt.Sprintf("%s gets a mail %q about %s", name, subject, operation), func() bool {
		response, err := http.Get(live.MailURL + "/api/email")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var all []mail
		if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if strings.Contains(m.Subject, subject) && strings.Contains(m.Subject, operation) && m.To[0].Address == live.email(name) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// link is the one address in the mail; plain text and HTML have the same.
func (m mail) link(t *testing.T) string {
	t.Helper()
	links := regexp.MustCompile(`https?://[^\s"<]+`)
	inText, inHTML := links.FindAllString(m.Text, -1), links.FindAllString(m.HTML, -1)
	if len(inText) != 1 || len(inHTML) != 1 || inText[0] != inHTML[0] {
		t.Fatalf("the mail %q has the links %q and %q", m.Subject, inText, inHTML)
	}
	return inText[0]
}

// withoutPatients fails the test if the mail says who the patients are.
func (m mail) withoutPatients(t *testing.T) {
	t.Helper()
	for _, p := range live.patients {
		for _, secret := range []string{p.ID(), p.Name()} {
			if strings.Contains(m.Subject+m.Text+m.HTML, secret) && len(secret) > 5 {
				t.Errorf("the mail %q tells of patient %q", m.Subject, secret)
			}
		}
	}
}
