package kind

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Questions of a status change.
const (
	StatusTo     = "to"            // one of registry.Statuses
	HoldReason   = "hold_reason"   // one of HoldReasons; only for On Hold
	CancelVisits = "cancel_visits" // "yes" cancels future visits; only for On Hold, the ending statuses always do
)

// insuranceLapse is the hold reason of those whose insurance plan has ended.
const insuranceLapse = "Insurance lapse"

// HoldReasons are the reasons for which a patient's care can be put on hold.
var HoldReasons = []string{"Transfer in progress", insuranceLapse, "Family request", "Payment"}

// Transitions says which status may follow which. It is the only place that
// does; docs/status-changes.md shows the same table, and a test compares them.
// Nothing leaves Deceased, and nothing leaves Inactive.
var Transitions = map[registry.Status][]registry.Status{
	registry.Pending:      {registry.Active, registry.Inactive},
	registry.Active:       {registry.OnHold, registry.Hospitalized, registry.Discharged, registry.Deceased, registry.Inactive},
	registry.OnHold:       {registry.Active, registry.Discharged, registry.Deceased, registry.Inactive},
	registry.Hospitalized: {registry.Active, registry.Deceased, registry.Inactive},
	registry.Discharged:   {registry.Active, registry.Inactive},
	registry.Deceased:     {},
	registry.Inactive:     {},
}

// notAllowed is why a patient cannot get the status; nil where they can.
func notAllowed(from, to registry.Status) *bulk.Exclusion {
	if slices.Contains(Transitions[from], to) {
		return nil
	}
	return &bulk.Exclusion{Code: bulk.NotAllowed, Sentence: fmt.Sprintf("A patient who is %s cannot become %s.", from, to)}
}

// endsCare are the statuses after which no visit takes place.
var endsCare = []registry.Status{registry.Discharged, registry.Deceased, registry.Inactive}

// EndsCare reports whether future visits are cancelled with the status.
func EndsCare(s registry.Status) bool { return slices.Contains(endsCare, s) }

// StatusChange gives patients a new status.
var StatusChange = Kind{
	Name:     "status-change",
	Title:    "Status Change",
	Approver: staff.Manager,
	Undoable: true,
	Summary: func(p bulk.Params, _ registry.Directory) string {
		words := "Change status to " + p[StatusTo]
		if p[HoldReason] != "" {
			words += " (" + strings.ToLower(p[HoldReason]) + ")"
		}
		if cancelsVisits(p) {
			words += " and cancel future visits"
		}
		return words
	},
	Check: checkStatusChange,
	New: func(p bulk.Params, w World) Planner {
		return statusPlanner{to: registry.Status(p[StatusTo]), why: p[HoldReason], cancel: cancelsVisits(p), at: w.At}
	},
}

func cancelsVisits(p bulk.Params) bool {
	return EndsCare(registry.Status(p[StatusTo])) || p[CancelVisits] == "yes"
}

func checkStatusChange(p bulk.Params, _ registry.Directory) []Problem {
	c := checker{params: p, kind: "A status change"}
	to := registry.Status(p[StatusTo])
	switch {
	case to == "":
		c.add(StatusTo, "Choose the new status.")
	case !registry.ValidStatus(to):
		c.add(StatusTo, "Choose one of the listed statuses.")
	case to == registry.Pending:
		c.add(StatusTo, "No status may change to Pending. Choose another status.")
	}
	if c.goesWith(HoldReason, to == registry.OnHold, "A hold reason goes only with the status On Hold. Remove it or choose On Hold.") {
		c.oneOf(HoldReason, "Choose why these patients are put on hold.", HoldReasons...)
	}
	c.goesWith(CancelVisits, to == registry.OnHold, "Whether to cancel visits can be chosen only for the status On Hold.")
	c.oneOf(CancelVisits, "Answer yes, or leave it out.", "", "yes")
	return c.done(StatusTo, HoldReason, CancelVisits)
}

type statusPlanner struct {
	to     registry.Status
	why    string
	cancel bool
	at     time.Time
}

func (s statusPlanner) Plan(subject Subject) (bulk.Change, *bulk.Exclusion) {
	p := subject.Patient
	from := p.Status()
	if from == s.to {
		return bulk.Change{}, &bulk.Exclusion{Code: bulk.AlreadySo,
			Sentence: fmt.Sprintf("The status is already %s.", s.to)}
	}
	if x := notAllowed(from, s.to); x != nil {
		return bulk.Change{}, x
	}
	wanted := registry.Fields{registry.StatusField: string(s.to)}
	if p.Get(registry.HoldReason) != s.why {
		wanted[registry.HoldReason] = s.why
	}
	profile := profileEdit(p, wanted)
	edits := []bulk.Edit{profile}
	if s.cancel {
		edits = append(edits, cancelVisits(profile, p, future(p, s.at), "Patient is "+string(s.to))...)
	}
	return changeOf(p, edits...), nil
}
