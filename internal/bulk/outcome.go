package bulk

// OutcomeState is what became of one subject of a plan.
type OutcomeState string

const (
	Done         OutcomeState = "done"
	Skipped      OutcomeState = "skipped"
	Failed       OutcomeState = "failed"
	NotAttempted OutcomeState = "not attempted"
)

// Codes of outcomes that are not done. Stored: a contract.
const (
	ChangedSince = "changed-since" // somebody changed the record after the preview
	LockedSince  = "locked"        // somebody locked the record after the preview
	Gone         = "gone"          // the record is no longer there
	Unwritable   = "unwritable"    // the store refuses this change for good
	MailRefused  = "mail-refused"  // the mail service did not take the notice
	MailUnknown  = "mail-unknown"  // the notice may have been sent
	MailBounced  = "mail-bounced"  // the notice was sent and came back
	SlotTaken    = "slot-taken"    // somebody else has the provider at the time of a visit
	SlotPassed   = "slot-passed"   // the time of a visit came before the run did
	DayFull      = "day-full"      // the provider has as many visits that day as they may
	Shut         = "shut"          // the provider is off then, or the facility closed
	NoRoomLeft   = "no-room"       // the provider or the facility may have no more patients
	Unsuited     = "unsuited"      // the provider no longer works, or not there
	Unattempted  = "not-attempted" // the operation ended before; stored outcomes say so with their state alone
)

// OutcomeTitles are the headings under which outcomes are listed.
var OutcomeTitles = map[string]string{
	ChangedSince: "Changed since the preview",
	LockedSince:  "Locked since the preview",
	Gone:         "Record no longer there",
	Unwritable:   "The record could not be written",
	MailRefused:  "The message was refused",
	MailUnknown:  "The message may have been sent",
	MailBounced:  "The message came back",
	SlotTaken:    "Slot taken since the preview",
	SlotPassed:   "Time of the visit has passed",
	DayFull:      "Provider’s day is full since the preview",
	Shut:         "Closed or off since the preview",
	NoRoomLeft:   "No room left since the preview",
	Unsuited:     "Provider cannot take them since the preview",
	Unattempted:  "Not attempted",
}

// Outcome is what became of one subject. Code and Sentence are empty for Done.
type Outcome struct {
	Subject   string       `json:"subject"`
	State     OutcomeState `json:"state"`
	Code      string       `json:"code,omitempty"`
	Sentence  string       `json:"sentence,omitempty"`
	Retryable bool         `json:"retryable,omitempty"` // whether running it again can help
}

// Reason is the code under which the outcome is counted and chosen; "" for Done.
func (o Outcome) Reason() string {
	if o.State == NotAttempted {
		return Unattempted
	}
	return o.Code
}

// Left counts those whom a run left as they were for one reason.
type Left struct {
	Code      string `json:"code"`
	Count     int    `json:"count"`
	Retryable bool   `json:"retryable,omitempty"` // whether running it again can help
}

// Result records that a group of a batch was written, in the transaction that
// wrote it. Subjects of the group that Others does not name are done. Others
// names one as not attempted where the operation ended amid its notices. The
// result of a Closed group records that it was not attempted and never will be,
// because the operation ended before.
type Result struct {
	Batch  int       `json:"batch"`
	Group  int       `json:"group"`
	Others []Outcome `json:"others,omitempty"`
	Closed bool      `json:"closed,omitempty"`
}

// Tally counts the outcomes of the result's group, which has size subjects.
func (r Result) Tally(size int) Tally {
	if r.Closed {
		return Tally{}
	}
	return TallyOf(size, r.Others)
}

// Outcome returns what became of a subject of the result's group.
func (r Result) Outcome(subject string) Outcome {
	if r.Closed {
		return Outcome{Subject: subject, State: NotAttempted}
	}
	for _, o := range r.Others {
		if o.Subject == subject {
			return o
		}
	}
	return Outcome{Subject: subject, State: Done}
}

// Tally counts outcomes.
type Tally struct {
	Done    int `json:"done"`
	Skipped int `json:"skipped"`
	Failed  int `json:"failed"`
}

// TallyOf counts the outcomes of a group of size subjects.
func TallyOf(size int, others []Outcome) Tally {
	t := Tally{Done: size - len(others)}
	for _, o := range others {
		switch o.State {
		case Failed:
			t.Failed++
		case Skipped:
			t.Skipped++
		}
	}
	return t
}

// Plus is the sum of two tallies.
func (t Tally) Plus(u Tally) Tally {
	return Tally{t.Done + u.Done, t.Skipped + u.Skipped, t.Failed + u.Failed}
}

// Attempted is how many subjects have an outcome.
func (t Tally) Attempted() int { return t.Done + t.Skipped + t.Failed }
