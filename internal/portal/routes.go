package portal

import (
	"net/http"
	"slices"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/intake"
	"bulkops/internal/journal"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// right is what somebody needs for a page.
type right int

const (
	anyone    right = iota // also without a session
	reader                 // an entry in the staff directory
	requester              // may ask for operations: Staff and up
	approver               // may decide on some operations: Team Lead and up
	admin                  // keeps the staff directory: Administrator
)

// route is one address. Each form's page and the form itself have the same
// path, so that a form that could not be taken can be shown again.
type route struct {
	method, pattern string
	right           right
	handle          func(*request) error
	fields          []string        // that its form may send; any other is refused
	limit           int64           // bytes of a POST; formLimit when 0
	kind            kind.Kind       // whose form it belongs to
	quiet           bool            // answers a script, and does not count as somebody being there
	event           string          // in the audit; audit.Viewed or audit.Sent when empty, none for unaudited
	noPage          bool            // a form that is on every page and has none of its own
	filter          registry.Filter // of the list of patients that begins there
	// keep turns what an interrupted POST sent into a form that can be shown
	// again; nil keeps the fields and the path as they are.
	keep func(*request) (path string, ok bool)
}

// fileField is the field of a form that takes a file; only such a form may be
// sent as multipart.
const fileField = "file"

func (rt route) takesFile() bool { return slices.Contains(rt.fields, fileField) }

// unaudited is the event of an address that shows nothing about patients,
// operations or people, and does nothing.
const unaudited = "-"

const (
	formLimit = 256 << 10
	whoLimit  = intake.MaxFile + formLimit // an uploaded file or a pasted list, sent as multipart
)

// routes is every address of the portal besides static files.
func (p *portal) routes() []route {
	all := []route{
		{method: "GET", pattern: "/{$}", right: reader, handle: home},

		{method: "GET", pattern: "/sign-in", right: anyone, handle: signIn, event: unaudited},
		{method: "GET", pattern: signingInPath, right: anyone, handle: enterPassword, event: unaudited},
		{method: "GET", pattern: signedInPath, right: anyone, handle: signedIn, event: unaudited},
		{method: "GET", pattern: welcomePath, right: anyone, handle: welcome, event: unaudited},
		{method: "POST", pattern: "/sign-out", right: anyone, handle: signOut, noPage: true, event: audit.SignOut},
		{method: "GET", pattern: signedOutPath, right: anyone, handle: signedOut, event: unaudited},
		{method: "GET", pattern: "/still-here", right: reader, handle: stillHere, quiet: true, event: unaudited},
		{method: "POST", pattern: "/still-here", right: reader, handle: stillHere, noPage: true, event: unaudited},
		{method: "GET", pattern: "/resume/{form}", right: reader, handle: resume},

		{method: "GET", pattern: "/patients", right: reader, handle: patients, event: audit.PatientsListed},
		{method: "POST", pattern: "/patients", right: reader, handle: changePatients, fields: listFields, event: audit.PatientsListed},
		{method: "GET", pattern: "/patients/lists/{list}", right: reader, handle: patients, event: audit.PatientsListed},
		{method: "POST", pattern: "/patients/lists/{list}", right: reader, handle: changePatients, fields: listFields, event: audit.PatientsListed},
		{method: "GET", pattern: "/patients/without-provider", right: reader, handle: patients, filter: unassigned, event: audit.PatientsListed},
		{method: "POST", pattern: "/patients/without-provider", right: reader, handle: changePatients, filter: unassigned, fields: listFields, event: audit.PatientsListed},
		{method: "GET", pattern: "/patients/{patient}", right: reader, handle: patientPage, event: audit.PatientViewed},

		{method: "GET", pattern: "/operations", right: reader, handle: operations},
		{method: "GET", pattern: "/operations/new", right: requester, handle: chooseKind},

		{method: "GET", pattern: "/operations/{operation}", right: reader, handle: operation, event: audit.OperationViewed},
		{method: "GET", pattern: "/operations/{operation}/progress", right: reader, handle: progressPart, quiet: true, event: audit.OperationViewed},
		{method: "GET", pattern: "/operations/{operation}/left-out/{code}", right: reader, handle: leftOut, event: audit.OperationViewed},
		{method: "GET", pattern: "/operations/{operation}/notices/{notice}", right: reader, handle: notice, event: audit.OperationViewed},
		{method: "GET", pattern: "/operations/{operation}/overlap/{other}", right: reader, handle: overlapPage, event: audit.OperationViewed},
		{method: "GET", pattern: "/operations/{operation}/outcomes/{code}", right: reader, handle: outcomes, event: audit.OperationViewed},
		{method: "GET", pattern: "/operations/{operation}/outcomes.csv", right: reader, handle: operationFile("outcomes"), event: audit.FileDownloaded},
		{method: "GET", pattern: "/operations/{operation}/not-changed.csv", right: reader, handle: operationFile("not-changed"), event: audit.FileDownloaded},
		{method: "GET", pattern: "/operations/{operation}/left-out.csv", right: reader, handle: operationFile("left-out"), event: audit.FileDownloaded},
		{method: "GET", pattern: "/operations/{operation}/audit", right: reader, handle: auditRecord, event: audit.AuditViewed},
		{method: "GET", pattern: "/operations/{operation}/submit", right: requester, handle: submitPage},
		{method: "POST", pattern: "/operations/{operation}/submit", right: requester, handle: submit, fields: submitFields},
		{method: "GET", pattern: "/operations/{operation}/take-back", right: requester, handle: takeBackPage},
		{method: "POST", pattern: "/operations/{operation}/take-back", right: requester, handle: takeBack},
		{method: "GET", pattern: "/operations/{operation}/edit", right: requester, handle: editPage},
		{method: "POST", pattern: "/operations/{operation}/edit", right: requester, handle: edit},
		{method: "GET", pattern: "/operations/{operation}/stop", right: requester, handle: stopPage},
		{method: "POST", pattern: "/operations/{operation}/stop", right: requester, handle: stop},
		{method: "GET", pattern: "/operations/{operation}/rerun", right: requester, handle: followPage(bulk.Rerun)},
		{method: "POST", pattern: "/operations/{operation}/rerun", right: requester, handle: follow(bulk.Rerun), fields: []string{"key", "code"}},
		{method: "GET", pattern: "/operations/{operation}/rollback", right: requester, handle: followPage(bulk.Rollback)},
		{method: "POST", pattern: "/operations/{operation}/rollback", right: requester, handle: follow(bulk.Rollback), fields: []string{"key"}},
		{method: "GET", pattern: "/operations/{operation}/decision", right: approver, handle: decisionPage},
		{method: "POST", pattern: "/operations/{operation}/decision", right: approver, handle: decide, fields: decisionFields},

		{method: "GET", pattern: "/operations/{operation}/tasks", right: reader, handle: tasksPage, event: audit.OperationViewed},
		{method: "POST", pattern: "/operations/{operation}/tasks", right: requester, handle: seeToTask, fields: []string{"task", "act", "to"}},
		{method: "GET", pattern: "/operations/{operation}/reassign", right: requester, handle: reassignPage},
		{method: "POST", pattern: "/operations/{operation}/reassign", right: requester, handle: reassign, fields: []string{"to"}},

		{method: "GET", pattern: "/operations/{operation}/file", right: requester, handle: filePage},
		{method: "POST", pattern: "/operations/{operation}/file", right: requester, handle: downloadFile, event: audit.FileDownloaded},
		{method: "GET", pattern: "/operations/{operation}/passphrase", right: requester, handle: passphrasePage},
		{method: "POST", pattern: "/operations/{operation}/passphrase", right: requester, handle: showPassphrase, event: audit.PassphraseShown},

		{method: "GET", pattern: "/exports", right: reader, handle: exports},

		{method: "GET", pattern: "/approvals", right: approver, handle: approvals},
		{method: "GET", pattern: "/approvals/{ref}", right: approver, handle: decisionPage},
		{method: "POST", pattern: "/approvals/{ref}", right: approver, handle: decide, fields: decisionFields},

		{method: "GET", pattern: "/audit", right: reader, handle: auditLogPage, event: audit.AuditViewed},
		{method: "POST", pattern: "/audit", right: reader, handle: changeAuditLog, fields: logFields, event: audit.AuditViewed},
		{method: "GET", pattern: "/audit/logs/{log}", right: reader, handle: auditLogPage, event: audit.AuditViewed},
		{method: "POST", pattern: "/audit/logs/{log}", right: reader, handle: changeAuditLog, fields: logFields, event: audit.AuditViewed},
		{method: "GET", pattern: "/audit/logs/{log}/audit.csv", right: reader, handle: auditFile, event: audit.AuditExported},
		{method: "GET", pattern: "/away", right: approver, handle: awayPage},
		{method: "POST", pattern: "/away", right: approver, handle: takeAway, fields: []string{"from", "until", "delegate", "back"}},

		{method: "GET", pattern: "/admin/staff", right: admin, handle: staffPage},
		{method: "GET", pattern: "/admin/staff/{person}", right: admin, handle: rightsPage},
		{method: "POST", pattern: "/admin/staff/{person}", right: admin, handle: setRights, fields: []string{"role", "facility", "disabled", "version"}},

		{method: "GET", pattern: "/admin/facilities", right: admin, handle: placesPage},
		{method: "GET", pattern: "/admin/facilities/{facility}", right: admin, handle: facilityPage},
		{method: "POST", pattern: "/admin/facilities/{facility}", right: admin, handle: setFacility,
			fields: []string{"time_zone", "provider", "hours", "lunch", "prefers", "closed", "capacity", "version"}},
		{method: "GET", pattern: "/admin/providers/{provider}", right: admin, handle: providerPage},
		{method: "POST", pattern: "/admin/providers/{provider}", right: admin, handle: setProvider, fields: []string{"hours", "away", "daily", "limit", "version"}},

		{method: "GET", pattern: "/help", right: reader, handle: help, event: unaudited},
		{method: "POST", pattern: "/help", right: reader, handle: help, fields: []string{"words"}, event: unaudited},
		{method: "GET", pattern: "/help/{topic}", right: reader, handle: helpTopic, event: unaudited},
	}
	for _, k := range kind.All {
		if !k.Follows {
			all = append(all, newOperationRoutes(k)...)
		}
	}
	return all
}

// newOperationRoutes are the addresses of the form of a kind, by its name: a
// placeholder would not tell them from those of an operation.
func newOperationRoutes(k kind.Kind) []route {
	at := "/operations/new/" + k.Name
	way := route{method: "POST", pattern: at, right: requester, handle: takeWay, kind: k, fields: []string{"way"}}
	who := route{method: "POST", pattern: at + "/{draft}/who", right: requester, handle: takeWho, kind: k,
		fields: append([]string{"ids", fileField}, filterFields...), limit: whoLimit, keep: keepUpload}
	if k.ByFile { // its first page takes the file
		way.fields, way.limit, way.keep = who.fields, who.limit, who.keep
	}
	all := []route{
		{method: "GET", pattern: at, right: requester, handle: chooseWay, kind: k}, way,
		{method: "GET", pattern: at + "/{draft}/who", right: requester, handle: chooseWho, kind: k}, who,
		{method: "GET", pattern: at + "/{draft}/what", right: requester, handle: chooseWhat, kind: k},
		{method: "POST", pattern: at + "/{draft}/what", right: requester, handle: takeWhat, kind: k, fields: kindForms[k.Name].Fields},
	}
	if len(k.Columns) > 0 {
		all = append(all, route{method: "GET", pattern: at + "/example.csv", right: requester, handle: exampleFile, kind: k, event: unaudited})
	}
	return all
}

// handler puts the routes together.
func (p *portal) handler() http.Handler {
	journal := journal.Journal{Log: p.Journal, Now: p.Now, Failed: p.notWrittenDown, Panicked: p.panicked}
	mux := http.NewServeMux()
	for _, rt := range p.routes() {
		mux.HandleFunc(rt.method+" "+rt.pattern, func(w http.ResponseWriter, r *http.Request) { p.serve(rt, mux, w, r) })
	}
	mux.Handle("GET /static/{version}/{name...}", p.static)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return p.secure(journal.Keep(p.orNotFound(mux)))
}

// orNotFound gives unknown addresses and methods pages of our own.
func (p *portal) orNotFound(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		rq := &request{portal: p, w: w, r: r}
		_ = rq.identify() // without it the page just has no menu
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "" {
				rq.showProblem(http.StatusMethodNotAllowed, "Nothing was done",
					"This address does not take what your browser sent. Go back and use the button on the page.")
				return
			}
		}
		rq.showProblem(http.StatusNotFound, "Page not found",
			"There is no page at this address. If you typed it, check it; if you pasted it, check that you copied all of it.")
	})
}
