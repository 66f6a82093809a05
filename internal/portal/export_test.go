package portal

import (
	"bulkops/internal/bulk"
)

// RouteTable is every address of the portal, for tests that must know all.
func RouteTable() (table []string) {
	for _, rt := range (&portal{}).routes() {
		table = append(table, rt.method+" "+rt.pattern)
	}
	return table
}

// AnsweredAgain are the parameters that a kind's form sends when it is filled in
// for parameters and sent as it is.
func AnsweredAgain(kind string, p bulk.Params) bulk.Params {
	f := kindForms[kind]
	return (&request{form: answered(f, p)}).answers(f)
}

// Remedy says what somebody can do about outcomes with the code.
func Remedy(code string) string { return outcomeRemedies[code] }

// RemedyLeftOut says what somebody can do about those left out with the code.
func RemedyLeftOut(code bulk.ExclusionCode) string { return remedies[code] }

// ReadAtMost lets the audit record of an operation read so many changes, until
// back is called.
func ReadAtMost(changes int) (back func()) {
	was := auditRead
	auditRead = changes
	return func() { auditRead = was }
}
