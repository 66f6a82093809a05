// Package kind holds what operations can do, one file per kind. A kind is a
// planner without I/O, clock or globals: everything it needs is handed to it,
// so the preview, the run, the audit and the rollback all follow from one plan.
package kind

import (
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// Kind is one kind of operation.
type Kind struct {
	Name     string     // stored: a contract
	Title    string     // as the guide calls it
	Approver staff.Role // who decides
	// Summary says in a few words what the parameters ask for, e.g.
	// "Change status to On Hold (family request)".
	Summary func(bulk.Params, registry.Directory) string
	// Check names what is wrong with the parameters; it also refuses
	// parameters that the kind does not know.
	Check func(bulk.Params, registry.Directory) []Problem
	// New makes a planner for checked parameters. at is the moment of planning:
	// visits that start after it are in the future.
	New func(p bulk.Params, d registry.Directory, at time.Time) Planner
}

// Planner works out the change to one patient after the other.
type Planner interface {
	// Plan returns the patient's change, or the reason why there is none. The
	// engine has already left out unknown, repeated, foreign and locked ones.
	Plan(registry.Patient) (bulk.Change, *bulk.Exclusion)
}

// Problem is what is wrong with one answer of a form.
type Problem struct {
	Field    string `json:"field"`
	Sentence string `json:"sentence"`
}

// All lists every kind in the order in which pages offer them.
var All = []Kind{StatusChange}

// Find returns the kind with the stored name.
func Find(name string) (Kind, bool) {
	for _, k := range All {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}
