package portal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/intake"
)

// draftKept is how long a request waits to be finished; it survives a sign-out.
const draftKept = 24 * time.Hour

// Ways to choose patients.
const (
	wayFilter = "filter"
	wayPaste  = "paste"
	wayUpload = "upload"
	wayPick   = "pick" // on the list of patients
)

// draft is a request before it is an operation: the answers so far. It is kept
// on the server under an opaque id, so going back keeps every answer and no
// address says anything about patients.
type draft struct {
	Owner     string          `json:"owner"`
	Key       string          `json:"key"` // made once, when the request begins
	Way       string          `json:"way"`
	List      string          `json:"list,omitempty"` // the list of patients it came from
	Who       url.Values      `json:"who,omitempty"`  // as typed
	What      url.Values      `json:"what,omitempty"` // as typed
	Selection *bulk.Selection `json:"selection,omitempty"`
	Words     []string        `json:"words,omitempty"` // what was selected, for the person who did
	Merged    int             `json:"merged,omitempty"`
	Operation string          `json:"operation,omitempty"` // made from these answers
	Edits     string          `json:"edits,omitempty"`     // the operation that this request takes the place of

	WrongRows *intake.RowErrors `json:"-"` // of the file just sent
}

func (rq *request) newDraft(way string) (string, draft) {
	return secret(), draft{Owner: rq.person.Sub, Key: secret(), Way: way}
}

// draftOf reads the draft of the request: the person's own, or none.
func (rq *request) draftOf(id string) (draft, error) {
	var d draft
	err := rq.getLarge(rq.ctx(), keepDraft, id, &d)
	if fault.Is(err, fault.NotFound) || err == nil && d.Owner != rq.person.Sub {
		return d, fault.New(fault.NotFound, "This request is no longer kept: that lasts a day. Start a bulk operation from the menu again.")
	}
	return d, err
}

func (rq *request) saveDraft(id string, d draft) error {
	return rq.putLarge(rq.ctx(), keepDraft, id, d, rq.Now().Add(draftKept))
}

// requestKey is the key under which the engine makes one operation however
// often the form is sent. It belongs to the draft and its answers: the same
// answers again are the same operation, other answers are another one.
func requestKey(d draft, kind string, p bulk.Params) string {
	text, err := json.Marshal(struct {
		Key, Kind string
		Params    bulk.Params
		Selection *bulk.Selection
	}{d.Key, kind, p, d.Selection})
	if err != nil {
		panic("portal: answers are always encodable: " + err.Error()) // only texts and numbers
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// draftOfList makes a draft with the selection of a list of patients.
func (rq *request) draftOfList(list string, l patientList) (string, error) {
	directory, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return "", err
	}
	id, d := rq.newDraft(wayPick)
	d.List = list
	if l.All {
		f := l.Filter
		d.Selection = &bulk.Selection{Source: bulk.ByFilter, Filter: &f, Except: l.Except}
		d.Words = append([]string{allThat(l)}, filterWords(l.Filter, directory)...)
		if n := len(l.Except); n > 0 {
			d.Words = append(d.Words, english.Number(n)+" left out")
		}
	} else {
		d.Selection = &bulk.Selection{Source: bulk.Picked, IDs: l.Picked}
		d.Words = []string{english.Count(len(l.Picked), "patient", "patients") + " ticked one by one"}
	}
	return id, rq.saveDraft(id, d)
}

func allThat(l patientList) string {
	if l.More {
		return "All that match the filter: more than " + english.Number(listCap) + " patients"
	}
	return "All that match the filter: " + english.Count(len(l.Found), "patient", "patients")
}
