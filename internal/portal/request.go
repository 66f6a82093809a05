package portal

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/staff"
)

// request is one request with who made it and what was typed.
type request struct {
	*portal
	w     http.ResponseWriter
	r     *http.Request
	route route

	sessionID string
	session   *session // nil when nobody is signed in
	expired   string   // sub of the session that has ended, if its cookie is known
	person    staff.Person
	known     bool // person is an entry of the staff directory that is not disabled

	form    url.Values            // of a POST
	file    *multipart.FileHeader // of an upload
	tooBig  bool                  // the POST was larger than its route takes and was not read
	typed   *typedForm            // of a form that is shown again
	waiting []bulk.Operation      // operations that wait for this person's decision
	counted bool                  // waiting has been read
}

func (rq *request) ctx() context.Context { return rq.r.Context() }

// errDone ends a handler that has written its answer.
var errDone = errors.New("answered")

// serve does what is the same for every address: origin, size, session, form
// token, right, unknown fields; then the route's own part; then errors.
func (p *portal) serve(rt route, mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	rq := &request{portal: p, w: w, r: r, route: rt}
	if r.Method == http.MethodHead && rt.right == anyone {
		w.WriteHeader(http.StatusNoContent) // scanners follow links with HEAD: nothing may come of it
		return
	}
	if r.Method == http.MethodPost {
		if err := p.csrf.Check(r); err != nil {
			_ = rq.identify() // without it the page just has no menu
			rq.showProblem(http.StatusForbidden, "Nothing was sent",
				"This form was sent from another site than this one. Open the page here and send it again.")
			return
		}
		if !rq.readForm() {
			return
		}
	}
	if again, ok := r.Context().Value(resumeKey{}).(resumed); ok {
		rq.typed = again.form
	}
	if err := rq.identify(); err != nil {
		rq.fail(err)
		return
	}
	if rq.typed == nil && strings.HasPrefix(rt.pattern, "/resume/") {
		rq.r = r.WithContext(context.WithValue(r.Context(), resumeKey{}, resumed{mux: mux}))
	}
	if err := rq.admit(); err != nil {
		rq.fail(err)
		return
	}
	rq.fail(rt.handle(rq))
}

// admit checks that the person may use the address and, of a form, that it is
// ours and complete. errDone when it has answered itself.
func (rq *request) admit() error {
	post := rq.r.Method == http.MethodPost
	if rq.route.right == anyone {
		if post && rq.session != nil && !rq.tokenFits() {
			return rq.keepForm(formOutOfDate)
		}
		return nil
	}
	if rq.session == nil {
		switch {
		case rq.route.quiet || rq.route.pattern == "/still-here":
			rq.w.WriteHeader(http.StatusUnauthorized)
			return errDone
		case post:
			return rq.keepForm(formSignedOut)
		}
		return rq.redirect("/sign-in?to=" + url.QueryEscape(rq.r.URL.RequestURI()))
	}
	if !rq.known {
		return rq.showNoAccess()
	}
	// Of a form that is too large nothing was read, and nothing is done with it.
	if post && !rq.tooBig && !rq.tokenFits() {
		return rq.keepForm(formOutOfDate)
	}
	if err := rq.mayUse(); err != nil {
		return err
	}
	if post {
		for name := range rq.form {
			if !slices.Contains(rq.route.fields, name) {
				return errUnknownField
			}
		}
	}
	return nil
}

var errUnknownField = fault.New(fault.Invalid, "This form was sent with a field that it does not have. Open the page again and send it from there.")

func (rq *request) mayUse() error {
	who := rq.person.Role.Title()
	switch {
	case rq.route.right == requester && !rq.person.MayRequest():
		return fault.New(fault.Forbidden, "This page takes the right Staff or higher; yours is %s. Ask an administrator if you need it.", who)
	case rq.route.right == approver && !rq.person.Role.AtLeast(staff.TeamLead):
		return fault.New(fault.Forbidden, "Deciding on operations takes the right Team Lead or higher; yours is %s. Ask an administrator if you need it.", who)
	case rq.route.right == admin && !rq.person.Role.AtLeast(staff.Admin):
		return fault.New(fault.Forbidden, "This page takes the right Administrator; yours is %s. Ask an administrator for what you need.", who)
	}
	return nil
}

func (rq *request) tokenFits() bool {
	return subtle.ConstantTimeCompare([]byte(rq.r.PostForm.Get(tokenField)), []byte(rq.session.Token)) == 1
}

const tokenField = "form_token"

const sentTooMuch = "What was sent is larger than this form takes. Go back, shorten it, and send it again."

// readForm reads a POST within its limit. One that is larger is not read; the
// form's own page says so when the person is known.
func (rq *request) readForm() bool {
	limit := rq.route.limit
	if limit == 0 {
		limit = formLimit
	}
	r := rq.r
	if r.ContentLength > limit {
		rq.tooBig = true
		r.PostForm, rq.form = url.Values{}, url.Values{}
		if rq.route.keep == nil {
			_ = rq.identify() // without it the page just has no menu
			rq.showProblem(http.StatusRequestEntityTooLarge, "Nothing was sent", sentTooMuch)
			return false
		}
		return true
	}
	r.Body = http.MaxBytesReader(rq.w, r.Body, limit)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var err error
	switch {
	case kind != "multipart/form-data":
		err = r.ParseForm()
	case !rq.route.takesFile():
		err = errUnknownField // whatever is in it, no form of this address is sent so
	default:
		if err = r.ParseMultipartForm(limit); err == nil {
			err = rq.takeFile(r.MultipartForm)
		}
	}
	if err != nil {
		status := http.StatusBadRequest
		sentence := "The form did not arrive completely. Go back and send it again."
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status, sentence = http.StatusRequestEntityTooLarge, sentTooMuch
		} else if errors.Is(err, errUnknownField) {
			status, sentence = fault.Status(err), fault.Sentence(err)
		}
		_ = rq.identify() // without it the page just has no menu
		rq.showProblem(status, "Nothing was sent", sentence)
		return false
	}
	rq.form = url.Values{}
	for name, values := range r.PostForm {
		if name != tokenField {
			rq.form[name] = values
		}
	}
	return true
}

// takeFile takes the values of a form that comes with a file, and the file where
// one was chosen.
func (rq *request) takeFile(form *multipart.Form) error {
	files := form.File[fileField]
	if others := len(form.File) - min(len(files), 1); others > 0 || len(files) > 1 {
		return errUnknownField
	}
	if len(files) == 1 && files[0].Filename != "" {
		rq.file = files[0]
	}
	rq.r.PostForm = form.Value
	return nil
}

// noted begins the audit record of what somebody who is signed in asked for.
// The handler adds what it alone knows.
func (rq *request) noted() {
	if rq.route.pattern == "" || rq.route.event == unaudited {
		return
	}
	note := journal.Note(rq.ctx())
	note.Quiet = rq.route.quiet
	switch {
	case rq.route.event != "":
		note.What = rq.route.event
	case rq.file != nil:
		note.What, note.Target = audit.FileUploaded, fmt.Sprintf("%d bytes", rq.file.Size)
	case rq.r.Method == http.MethodPost:
		note.What = audit.Sent
	default:
		note.What = audit.Viewed
	}
	note.Detail = rq.r.Method + " " + strings.TrimSuffix(rq.route.pattern, "{$}")
	note.Operator = audit.Person{Sub: rq.session.Sub, Name: rq.person.Name}
	if note.Operator.Name == "" {
		note.Operator.Name = audit.Stranger
	}
	if id := rq.r.PathValue("operation") + rq.r.PathValue("patient"); id != "" {
		note.Target = id
	}
}

// notTaken says in the audit of a form whose answer leads to another page that
// nothing was done with it, and why.
func (rq *request) notTaken(why string) {
	if rq.r.Method == http.MethodPost {
		note := journal.Note(rq.ctx())
		note.Result, note.Detail = audit.NotTaken, note.Detail+": "+why
	}
}

// notWrittenDown answers a request that could not be written into the audit.
func (p *portal) notWrittenDown(w http.ResponseWriter, r *http.Request, err error) {
	rq := &request{portal: p, w: w, r: r}
	rq.Log(r.Context(), "a request could not be written into the audit", err)
	sentence := "What you asked for could not be written into the audit log, so it is not shown. Try again in a moment."
	if r.Method == http.MethodPost {
		sentence = "What you sent could not be written into the audit log, so its answer is not shown. It may have been done: open the page again to see what became of it."
	}
	_ = rq.identify() // without it the page just has no menu
	rq.showProblem(http.StatusServiceUnavailable, "The audit log cannot be written", sentence)
}

// redirect answers with the page to go to.
func (rq *request) redirect(to string) error {
	http.Redirect(rq.w, rq.r, to, http.StatusSeeOther)
	return errDone
}

// fail answers with an error's page. What went wrong on our side gets a
// reference, and only the log gets the cause.
func (rq *request) fail(err error) {
	switch {
	case err == nil, errors.Is(err, errDone):
	case errors.Is(err, context.Canceled):
		rq.w.WriteHeader(http.StatusServiceUnavailable) // nobody is there to read it
	case fault.Is(err, fault.Internal):
		rq.internal(err)
	default:
		title := map[fault.Code]string{
			fault.Forbidden: "You may not do this", fault.NotFound: "Not found", fault.Conflict: "It has moved on",
			fault.Stale: "It has moved on", fault.TooLarge: "Too large", fault.Gone: "It was deleted", fault.Busy: "Too busy",
		}[fault.CodeOf(err)]
		if title == "" {
			title = "Nothing was done"
		}
		rq.showProblem(fault.Status(err), title, fault.Sentence(err))
	}
}

func (rq *request) internal(err error) {
	rq.broken(err, nothingChanged, "route", rq.route.pattern)
}

// panicked answers a request in which something broke off.
func (p *portal) panicked(w http.ResponseWriter, r *http.Request, err error, stack string) {
	sentence := nothingChanged
	if r.Method == http.MethodPost {
		sentence = "What you sent may have been done all the same: open the page again to see what became of it, and"
	}
	(&request{portal: p, w: w, r: r}).broken(err, sentence, "stack", stack)
}

const nothingChanged = "Nothing was changed by this step. Try again; if it happens again,"

// broken shows that something went wrong on our side; the sentence goes on with
// the reference by which the log has the rest.
func (rq *request) broken(err error, sentence string, args ...any) {
	ref := reference()
	rq.Log(rq.r.Context(), "a page failed", err, append(args, "reference", ref)...)
	rq.showProblem(http.StatusInternalServerError, "Something went wrong on our side", sentence+" tell your administrator the reference "+ref+".")
}

// problems are what is wrong with a form, by field where err says so.
func problems(err error) engine.Problems {
	var list engine.Problems
	if !errors.As(err, &list) || len(list) == 0 {
		return engine.Problems{{Sentence: fault.Sentence(err)}}
	}
	return list
}

// afterForm leads to where a form leads that was taken, and shows again one
// that was not, with what is wrong.
func (rq *request) afterForm(err error, to string, again func(engine.Problems, int) error) error {
	switch fault.CodeOf(err) {
	case "":
		return rq.redirect(to)
	case fault.Invalid, fault.Stale, fault.Conflict:
		return again(problems(err), fault.Status(err))
	}
	return err
}

// version is that of what the form showed.
func (rq *request) version() int {
	version, err := strconv.Atoi(rq.form.Get("version"))
	if err != nil {
		return -1 // not what anybody was shown
	}
	return version
}

// decisions returns the operations that wait for this person's decision.
func (rq *request) decisions() ([]bulk.Operation, error) {
	if rq.counted || !rq.known || !rq.person.Role.AtLeast(staff.TeamLead) {
		return rq.waiting, nil
	}
	waiting, err := rq.engine.Approvals(rq.ctx(), rq.person)
	if err == nil {
		rq.waiting, rq.counted = waiting, true
	}
	return rq.waiting, err
}
