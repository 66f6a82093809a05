package bulk

import "time"

// Extract is what an export takes of one subject, as counted for the plan: the
// rows of each sheet, by its name, and the length of their text.
type Extract struct {
	Rows  map[string]int `json:"rows"`
	Bytes int            `json:"bytes"`
}

// File is the file that an export has made. An operation has one only when it
// is complete and was read back.
type File struct {
	Attempt  string         `json:"attempt"`  // which attempt at writing it this is
	Patients int            `json:"patients"` // whose rows are in it
	Rows     map[string]int `json:"rows"`     // by sheet
	Size     int64          `json:"size"`
	Digest   string         `json:"digest"`            // SHA-256 of the encrypted file
	Remarks  []string       `json:"remarks,omitempty"` // what had to be written otherwise than it is kept
	Ready    time.Time      `json:"ready"`
	Expires  time.Time      `json:"expires"`
	Shown    time.Time      `json:"shown,omitzero"`   // when its passphrase was shown
	Deleted  time.Time      `json:"deleted,omitzero"` // since then there is none
}

// AllRows is the number of rows in all sheets.
func AllRows(bySheet map[string]int) int {
	sum := 0
	for _, n := range bySheet {
		sum += n
	}
	return sum
}
