package bulk

import (
	"slices"
	"strings"
)

// State is where an operation stands. Stored: a contract.
type State string

const (
	Planning            State = "planning"
	Ready               State = "ready"             // planned, waiting for its requester to read and submit
	AwaitingApproval    State = "awaiting-approval" // submitted, waiting for a decision
	Scheduled           State = "scheduled"         // approved, not yet running
	Running             State = "running"
	Stopping            State = "stopping" // no new group begins
	Completed           State = "completed"
	CompletedWithErrors State = "completed-with-errors" // every subject attempted, some skipped or failed
	Stopped             State = "stopped"               // ended before every subject was attempted
	FailedState         State = "failed"                // ended before any subject was attempted
	Rejected            State = "rejected"
	Expired             State = "expired"
	Cancelled           State = "cancelled"
)

// steps says which state may follow which. Every write of a state is
// conditional on the old one, so no other step can happen.
var steps = map[State][]State{
	Planning:         {Ready, FailedState, Cancelled},
	Ready:            {AwaitingApproval, Cancelled, Expired, FailedState},
	AwaitingApproval: {Scheduled, Rejected, Expired, Cancelled, FailedState},
	Scheduled:        {Running, Cancelled, FailedState},
	Running:          {Stopping, Completed, CompletedWithErrors, Stopped, FailedState},
	Stopping:         {Stopped, Completed, CompletedWithErrors, FailedState},
}

// MayBecome reports whether next may follow s.
func (s State) MayBecome(next State) bool { return slices.Contains(steps[s], next) }

// Ended reports whether nothing follows s.
func (s State) Ended() bool { return len(steps[s]) == 0 }

// StateText is what pages say of a state: its name and the next thing to happen.
type StateText struct{ Title, Sentence string }

// Texts has the words for every state.
var Texts = map[State]StateText{
	Planning:            {"Planning", "The patients are being looked up and every change is being worked out. Nothing has been changed."},
	Ready:               {"Ready to submit", "Read the plan, give the reason and send it for approval. Nothing has been changed."},
	AwaitingApproval:    {"Waiting for approval", "An approver has to read the plan and decide. Nothing has been changed."},
	Scheduled:           {"Approved", "The operation was approved and starts by itself."},
	Running:             {"Running", "The changes are being made, batch by batch."},
	Stopping:            {"Stopping", "The changes under way are being finished; no further ones begin."},
	Completed:           {"Completed", "Every patient in the plan was changed."},
	CompletedWithErrors: {"Completed with errors", "Every patient in the plan was attempted; some could not be changed. Their reasons are listed below."},
	Stopped:             {"Stopped", "The operation ended before every patient was attempted. What was done and what was not is listed below."},
	FailedState:         {"Failed", "The operation ended before any patient was changed."},
	Rejected:            {"Rejected", "The approver decided against it. Nothing was changed."},
	Expired:             {"Expired", "Its time ran out. Nothing was changed. You can ask again with the same selection."},
	Cancelled:           {"Cancelled", "The request was taken back before it ran. Nothing was changed."},
}

// Title is the name of s for people.
func (s State) Title() string { return Texts[s].Title }

// InSentence is that name within a sentence, e.g. after "It is".
func (s State) InSentence() string { return strings.ToLower(s.Title()) }
