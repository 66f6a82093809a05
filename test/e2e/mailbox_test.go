package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// mail is a mail as the mailbox has it.
type mail struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
	To      []struct {
		Address string `json:"address"`
	} `json:"to"`
}

// mails returns everything that was sent about an operation to an address, to
// anybody when it is "", oldest first.
func (c *clinic) mails(t *testing.T, to, operation string) []mail {
	t.Helper()
	return slices.DeleteFunc(c.inbox(t), func(m mail) bool {
		return !strings.Contains(m.Subject, operation) || to != "" && !m.to(to)
	})
}

// to reports whether the mail went to the address.
func (m mail) to(address string) bool {
	for _, to := range m.To {
		if to.Address == address {
			return true
		}
	}
	return false
}

// inbox is everything that was sent, oldest first.
func (c *clinic) inbox(t *testing.T) []mail {
	t.Helper()
	response, err := http.Get(c.MailURL + "/api/email")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var all []mail
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}
