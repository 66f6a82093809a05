package portal

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
)

// Why a form could not be taken although it may be right.
const (
	formSignedOut = "signed-out"
	formOutOfDate = "out-of-date"
)

// formKept is how long what was typed is kept.
const formKept = time.Hour

// typedForm is what somebody typed into a form that could not be taken. It is
// theirs: of the person whose session had ended, else of whoever signs in next
// with the same browser.
type typedForm struct {
	Path    string     `json:"path"`
	Values  url.Values `json:"values"`
	Why     string     `json:"why"`
	Sub     string     `json:"sub,omitempty"`
	Browser string     `json:"browser,omitempty"`
}

type resumeKey struct{}

// resumed travels with the request from /resume to the form's own page.
type resumed struct {
	form *typedForm
	mux  *http.ServeMux
}

// keepForm stores what was sent and leads to the page that shows it again,
// after a sign-in where that is what was missing. Nothing else is done.
func (rq *request) keepForm(why string) error {
	if note := journal.Note(rq.ctx()); note.What != "" {
		note.What = audit.Sent // and no more: not what the form would have done
		rq.notTaken("the form was out of date")
	}
	if rq.route.noPage {
		rq.showProblem(http.StatusForbidden, "This page is out of date", "Nothing was done. Open any page from the menu and try again there.")
		return errDone
	}
	f := typedForm{Path: rq.r.URL.Path, Values: rq.form, Why: why}
	if rq.route.keep != nil {
		path, ok := rq.route.keep(rq)
		if !ok {
			return rq.redirect("/sign-in?to=" + url.QueryEscape(path))
		}
		f.Path, f.Values = path, rq.form
	}
	switch {
	case rq.session != nil:
		f.Sub = rq.session.Sub
	case rq.expired != "":
		f.Sub = rq.expired
	case rq.r.ContentLength > formLimit:
		// Nobody knows who sent this much: it is not kept.
		return rq.redirect("/sign-in?to=" + url.QueryEscape(f.Path))
	default:
		f.Browser = rq.browser()
	}
	id := secret()
	if err := rq.putLarge(rq.ctx(), keepTyped, id, f, rq.Now().Add(formKept)); err != nil {
		return err
	}
	if why == formSignedOut {
		return rq.redirect("/sign-in?to=" + url.QueryEscape("/resume/"+id))
	}
	return rq.redirect("/resume/" + id)
}

// resume shows a form's page again with what was typed.
func resume(rq *request) error {
	var f typedForm
	err := rq.getLarge(rq.ctx(), keepTyped, rq.r.PathValue("form"), &f)
	mine := f.Sub == rq.session.Sub || f.Sub == "" && f.Browser != "" && f.Browser == rq.browserCookie()
	if fault.Is(err, fault.NotFound) || err == nil && !mine {
		return fault.New(fault.NotFound, "What you typed is no longer kept: that lasts an hour. Open the page from the menu and fill it in again.")
	}
	if err != nil {
		return err
	}
	again, ok := rq.ctx().Value(resumeKey{}).(resumed)
	if !ok {
		return fault.New(fault.Internal, "a form is resumed outside the portal")
	}
	again.form = &f
	r := rq.r.Clone(context.WithValue(rq.ctx(), resumeKey{}, again))
	r.URL = &url.URL{Path: f.Path}
	r.RequestURI = f.Path
	again.mux.ServeHTTP(rq.w, r)
	return errDone
}
