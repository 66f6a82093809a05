package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Notice is a mail to a subject that is a recipient, as it will be sent but for
// the link to the patients that it is about. Heading and Text hold no patient data.
type Notice struct {
	To       string `json:"to"` // an address
	Heading  string `json:"heading"`
	Text     string `json:"text"`
	Patients int    `json:"patients"` // in all of its lists
	Lists    []List `json:"lists"`
}

// List names the patients of one facility whom notices are about. The ids are
// stored beside the plan; Digest covers them.
type List struct {
	Of       string `json:"of,omitempty"` // the earlier operation that has the list; empty for the plan's own
	Number   int    `json:"number"`       // from 1
	Facility string `json:"facility"`
	Patients int    `json:"patients"`
	Digest   string `json:"digest"`
}

// ListDigest is the SHA-256 over the ids of a list, a line each.
func ListDigest(ids []string) string {
	h := sha256.New()
	for _, id := range ids {
		h.Write([]byte(id))
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Claim says that a call has set out to send a change's notice: no other call
// may send it. Outcome is what became of it, nil while nobody knows.
type Claim struct {
	By        string    `json:"by"` // a secret of the call that claimed it
	At        time.Time `json:"at"`
	Recipient string    `json:"recipient"` // the subject
	Outcome   *Outcome  `json:"outcome,omitempty"`
}
