// Package staff says what a signed-in person may do. Who somebody is comes
// from the identity provider; what they may do comes from the staff directory,
// which is read at every request, so a right that is taken away is gone at once.
package staff

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Role is what somebody may do, in the facilities they hold.
type Role string

const (
	Auditor  Role = "auditor"   // reads operations and audit records, changes nothing
	Staff    Role = "staff"     // asks for operations
	TeamLead Role = "team-lead" // also approves tags and exports
	Manager  Role = "manager"   // also approves everything else
	Admin    Role = "admin"     // also changes the staff directory
)

// Roles is every role, from the one that may most.
var Roles = []Role{Admin, Manager, TeamLead, Staff, Auditor}

// ladder orders the roles that act: each may do what those before it may.
var ladder = []Role{Staff, TeamLead, Manager, Admin}

// Title is the role as people say it.
func (r Role) Title() string {
	return map[Role]string{Auditor: "Auditor", Staff: "Staff", TeamLead: "Team Lead", Manager: "Manager", Admin: "Administrator"}[r]
}

// Valid reports whether r is a known role.
func (r Role) Valid() bool { return r == Auditor || slices.Contains(ladder, r) }

// AtLeast reports whether r includes the rights of want. An auditor includes
// no acting role.
func (r Role) AtLeast(want Role) bool {
	have, need := slices.Index(ladder, r), slices.Index(ladder, want)
	return have >= 0 && need >= 0 && have >= need
}

// AllFacilities in a person's list of facilities means every facility.
const AllFacilities = "*"

// Person is one entry of the staff directory.
type Person struct {
	Sub        string   `json:"sub"` // the identity provider's key; never the e-mail address, which can change hands
	Name       string   `json:"name"`
	Email      string   `json:"email"`
	Role       Role     `json:"role"`
	Facilities []string `json:"facilities"` // facility ids, or AllFacilities alone
	Disabled   bool     `json:"disabled,omitempty"`
	Away       Absence  `json:"away,omitzero"`
	Version    int      `json:"version"` // counts the writes of this entry
}

// longestName is how many characters a name may have.
const longestName = 100

// CheckName says what is wrong with a name, in a sentence; "" for nothing. Names
// stand in subjects and headers of mails, and in one line of lists.
func CheckName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "Give the person a name."
	case utf8.RuneCountInString(name) > longestName:
		return fmt.Sprintf("Shorten the name to %d characters.", longestName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return "Write the name in one line, without control characters."
	}
	return ""
}

// Holds reports whether the person may work with the facility's patients.
func (p Person) Holds(facility string) bool {
	return !p.Disabled && (slices.Contains(p.Facilities, AllFacilities) || slices.Contains(p.Facilities, facility))
}

// HoldsAll reports whether the person holds every one of the facilities.
func (p Person) HoldsAll(facilities []string) bool {
	return !p.Disabled && !slices.ContainsFunc(facilities, func(f string) bool { return !p.Holds(f) })
}

// MayRequest reports whether the person may ask for operations.
func (p Person) MayRequest() bool { return !p.Disabled && p.Role.AtLeast(Staff) }

// MayApprove reports whether the person may decide on an operation that asks
// for the role, touches the facilities and was asked for by requester. Nobody
// approves their own request, whatever their role.
func (p Person) MayApprove(role Role, facilities []string, requester string) bool {
	return p.Role.AtLeast(role) && p.HoldsAll(facilities) && p.Sub != requester
}

// ReadsAll reports whether the person may read every operation in every facility.
func (p Person) ReadsAll() bool {
	return !p.Disabled && (p.Role == Auditor || p.Role == Admin)
}
