package fhir

import "fmt"

// Count says what became of the resources of one type.
type Count struct {
	Read      int `json:"read"`
	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`    // differs, but was changed here since: left alone
	Ignored   int `json:"ignored"` // a type, or an organization, that the registry has no place for
	Refused   int `json:"refused"` // with a problem that says why
}

// Problem is something that could not be used. Its reason never holds
// anything from the resource.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // of a Bundle: which entry; 0 is the whole file
	Reason string `json:"reason"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Reason
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Reason)
}

// listedProblems is how many problems a report names.
const listedProblems = 1_000

// Unreadable is the type under which lines are counted that show none.
const Unreadable = "(unreadable)"

// Report is what an import did. Every resource that was read is counted in
// exactly one of the other numbers of its type.
type Report struct {
	Counts   map[string]*Count `json:"counts"`   // by resource type
	Problems []Problem         `json:"problems"` // the first 1,000
	Total    int               `json:"total"`    // of problems
}

func (r *Report) count(kind string) *Count {
	if r.Counts[kind] == nil {
		r.Counts[kind] = &Count{}
	}
	return r.Counts[kind]
}

// problem reports what is wrong with an item that is imported all the same.
func (r *Report) problem(it item, reason string) {
	r.Total++
	if len(r.Problems) < listedProblems {
		r.Problems = append(r.Problems, Problem{it.file, it.line, reason})
	}
}

func (r *Report) refuse(it item, reason string) {
	r.count(it.kind).Refused++
	r.problem(it, reason)
}
