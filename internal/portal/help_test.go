package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
	"bulkops/internal/portal"
)

func TestHelpNamesEveryReasonWhyNothingIsChanged(t *testing.T) {
	sam := newWorld(t, 20).signedIn("sam")
	left, failed := sam.get("/help/plan"), sam.get("/help/errors")
	for code, title := range bulk.ExclusionTitles {
		left.want(http.StatusOK, title, portal.RemedyLeftOut(code))
	}
	for code, title := range bulk.OutcomeTitles {
		failed.want(http.StatusOK, title, portal.Remedy(code))
	}
}

// Each installation is set up differently; the help must not say otherwise.
func TestHelpSaysWhatTheInstallationIsSetTo(t *testing.T) {
	w := newWorld(t, 20)
	w.engine.Limits = engine.Limits{MaxSubjects: 5_000, KeepFiles: 3 * 24 * time.Hour}
	w.portal = w.newPortal(func(c *portal.Config) { c.Idle, c.Max = 20*time.Minute, 8*time.Hour })
	sam := w.signedIn("sam")
	sam.get("/help/privacy").want(http.StatusOK, "signed out after 20 minutes without doing anything", "after 8 hours")
	sam.get("/help/choose-patients").want(http.StatusOK, "up to 5,000 patients")
	sam.get("/help/export").want(http.StatusOK, "deleted 3 days after")
}

// A rollback has no role of its own: whoever decided on what it undoes decides.
func TestHelpNamesNoRoleForRollbacks(t *testing.T) {
	sam := newWorld(t, 20).signedIn("sam")
	for _, p := range []*page{
		sam.get("/help/overview").want(http.StatusOK, "Status Change Manager", "A rollback of an operation is decided by whoever may decide on that operation."),
		sam.get("/help/approval").want(http.StatusOK, "Status Change by a Manager", "A rollback is decided like the operation that it undoes."),
	} {
		if strings.Contains(p.text(), kind.Rollback.Title+" ") {
			t.Errorf("%s names a role for %s:\n%s", p.path, kind.Rollback.Title, p.text())
		}
	}
}
