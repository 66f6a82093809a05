package staff

import "time"

// Absence is when somebody is away, both days included and counted in UTC, and
// who decides in their place.
type Absence struct {
	From     string `json:"from"`               // 2006-01-02
	Until    string `json:"until"`              // 2006-01-02
	Delegate string `json:"delegate,omitempty"` // sub; "" for nobody
}

// Covers reports whether the moment lies in the absence.
func (a Absence) Covers(at time.Time) bool {
	day := at.UTC().Format(time.DateOnly)
	return a.From <= day && day <= a.Until
}

// Past reports whether the absence is over, or there is none.
func (a Absence) Past(at time.Time) bool { return a.Until < at.UTC().Format(time.DateOnly) }

// Meets reports whether the two have a day in common.
func (a Absence) Meets(b Absence) bool { return a.From <= b.Until && b.From <= a.Until }

// MayStandInFor reports whether the person could decide in the place of
// somebody else, on one request or another. Whether they may decide on a
// particular one is MayApprove's to say.
func (p Person) MayStandInFor(other Person) bool {
	role := other.Role
	if role == Admin { // who decides no more than a manager
		role = Manager
	}
	if p.Sub == other.Sub || p.Disabled || !role.AtLeast(TeamLead) || !p.Role.AtLeast(role) {
		return false
	}
	for _, f := range other.Facilities {
		if p.Holds(f) || f == AllFacilities && len(p.Facilities) > 0 {
			return true
		}
	}
	return false
}
