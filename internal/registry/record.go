// Package registry describes the system of record: patients, their visits and
// clinical notes, facilities and providers. It does no I/O.
package registry

import (
	"maps"
	"strings"
	"time"
)

// Fields are a record's values by field name. A field that is absent and one
// that is empty are the same thing. A list (tags, upcoming visits) is one text
// whose entries are parted by a space, so that comparing, storing and
// restoring a field is always comparing, storing and restoring a text.
type Fields map[string]string

// Names of the fields of a patient's profile and of a visit.
const (
	Name           = "name"
	BirthDate      = "birth_date" // 2006-01-02
	StatusField    = "status"
	HoldReason     = "hold_reason"
	FacilityField  = "facility"
	ProviderField  = "provider"
	Tags           = "tags" // a-b c-d: lower case, parted by a space, sorted
	InsurancePlan  = "insurance_plan"
	InsuranceID    = "insurance_member_id"
	InsuranceFrom  = "insurance_from"
	Phone          = "phone"
	Email          = "email"
	Address        = "address"
	EmergencyName  = "emergency_name"
	EmergencyPhone = "emergency_phone"
	Language       = "language"
	Registered     = "registered"      // 2006-01-02
	LastVisit      = "last_visit"      // 2006-01-02
	Upcoming       = "upcoming"        // VisitRefs of scheduled visits, oldest first
	NeedsSpecialty = "needs_specialty" // that the provider must have
	LockedBy       = "locked_by"
	LockedWhy      = "locked_why"

	VisitState    = "state"
	VisitType     = "type"
	VisitStart    = "start" // VisitTime layout
	VisitMinutes  = "minutes"
	VisitNote     = "note"
	HeldFor       = "held_for"   // of a slot: the patient
	HeldVisit     = "held_visit" // and the part of the visit
	CancelledWhy  = "cancelled_why"
	ClinicalKind  = "clinical" // condition, medication or allergy
	ClinicalCode  = "code"
	ClinicalText  = "text"
	ClinicalState = "clinical_status"
	ClinicalDate  = "recorded"
)

// Labels are the words that pages, files and mails use for a field.
var Labels = map[string]string{
	Name: "Name", BirthDate: "Birth date", StatusField: "Status", HoldReason: "Hold reason",
	FacilityField: "Facility", ProviderField: "Provider", Tags: "Tags",
	InsurancePlan: "Insurance plan", InsuranceID: "Insurance member id", InsuranceFrom: "Insured from",
	Phone: "Phone", Email: "E-mail", Address: "Address",
	EmergencyName: "Emergency contact", EmergencyPhone: "Emergency phone", Language: "Language",
	Registered: "Registered", LastVisit: "Last visit", Upcoming: "Upcoming visits",
	NeedsSpecialty: "Needs specialty",
	LockedBy:       "Locked by", LockedWhy: "Locked because",
	VisitState: "Visit state", VisitType: "Visit type", VisitStart: "Visit start", VisitMinutes: "Minutes",
	VisitNote: "Note", CancelledWhy: "Cancelled because",
	HeldFor: "Slot held for", HeldVisit: "Slot held for the visit",
}

// Label returns the words for a field, or its name where there are none.
func Label(field string) string {
	if l, ok := Labels[field]; ok {
		return l
	}
	return field
}

// Ref names one record: a patient and a part of what is kept about that
// patient. The part is the sort key of the record in the Registry table. A record
// that is no patient's (SlotRef) has only a part: both of its keys, with # between.
type Ref struct {
	Patient string `json:"patient"`
	Part    string `json:"part"`
}

// ProfilePart is the part that holds a patient's own fields. It sorts after
// VISIT# and CLINICAL#, whose parts begin with a capital letter.
const ProfilePart = "profile"

// ProfileRef names a patient's profile.
func ProfileRef(patient string) Ref { return Ref{patient, ProfilePart} }

// IsVisit reports whether the record is a visit.
func (r Ref) IsVisit() bool { return strings.HasPrefix(r.Part, visitPrefix) }

// IsClinical reports whether the record is a clinical note.
func (r Ref) IsClinical() bool { return strings.HasPrefix(r.Part, "CLINICAL#") }

// Stamp says who wrote a record last. Operation and Batch are empty for a
// change made by hand, outside any operation.
type Stamp struct {
	Operation string    `json:"operation,omitempty"`
	Batch     int       `json:"batch,omitempty"`
	By        string    `json:"by"`                 // the requester's name
	Approver  string    `json:"approver,omitempty"` // the approver's name
	At        time.Time `json:"at"`
}

// StampPrefix begins the names under which a stamp is stored with what it
// stamps. Stored: a contract.
const (
	StampPrefix    = "stamp_"
	StampOperation = StampPrefix + "op"
	StampBatch     = StampPrefix + "batch"
	StampBy        = StampPrefix + "by"
	StampApprover  = StampPrefix + "approver"
	StampAt        = StampPrefix + "at"
	StampSub       = StampPrefix + "sub"     // of an entry of the staff directory: who By is
	StampVersion   = StampPrefix + "version" // likewise: it counts the writes
)

// Record is one stored record.
type Record struct {
	Ref    Ref    `json:"ref"`
	Fields Fields `json:"fields"`
	Stamp  Stamp  `json:"stamp"`
}

// Get returns a field's value, "" when absent.
func (r Record) Get(field string) string { return r.Fields[field] }

// Empty reports whether the record has no field: it was taken away, or never made.
func (r Record) Empty() bool {
	for _, value := range r.Fields {
		if value != "" {
			return false
		}
	}
	return true
}

// Clone returns a copy that shares nothing with r.
func (r Record) Clone() Record {
	r.Fields = maps.Clone(r.Fields)
	return r
}
