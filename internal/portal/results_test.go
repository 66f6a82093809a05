package portal_test

import (
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/portal"
)

// Nobody is left with patients who were not changed and no word on what to do.
func TestEveryReasonSaysWhatToDoAboutIt(t *testing.T) {
	for code, title := range bulk.OutcomeTitles {
		if portal.Remedy(code) == "" {
			t.Errorf("nothing is said about %q (%s)", title, code)
		}
	}
	for code, title := range bulk.ExclusionTitles {
		if portal.RemedyLeftOut(code) == "" {
			t.Errorf("nothing is said about %q (%s)", title, code)
		}
	}
}
