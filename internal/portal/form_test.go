package portal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
)

// A form counts only with the same origin and the token of the session.
func TestFormsOfOtherSitesDoNotCount(t *testing.T) {
	w := newWorld(t, 300)
	sam := w.signedIn("sam")
	for _, site := range []string{"", "same-origin", "none", "same-site", "cross-site"} {
		for _, origin := range []string{"", portalURL, "https://evil.example", "null"} {
			for _, token := range []string{"right", "wrong", "none", "another's"} {
				t.Run(fmt.Sprintf("site %q origin %q token %s", site, origin, token), func(t *testing.T) {
					op := planned(sam, "Inactive", activeIn(w, "riverside", 1)...).operation()
					form := sam.get("/operations/" + op + "/take-back")
					values := controls(form.id("confirm").Parent.Parent)
					switch token {
					case "wrong":
						values.Set("form_token", strings.Repeat("A", 26))
					case "none":
						values.Del("form_token")
					case "another's":
						values.Set("form_token", tokenOf(w.signedIn("maria").get("/")))
					}
					r := httptest.NewRequest(http.MethodPost, "/operations/"+op+"/take-back", strings.NewReader(values.Encode()))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					if site != "" {
						r.Header.Set("Sec-Fetch-Site", site)
					}
					if origin != "" {
						r.Header.Set("Origin", origin)
					}
					p := sam.follow(sam.do(r))
					// Sec-Fetch-Site decides where it is sent; else the origin does, where it is sent.
					ours := site == "same-origin" || site == "none" || site == "" && (origin == "" || origin == portalURL) || origin == portalURL
					done := w.header(t, op).State == bulk.Cancelled
					if want := ours && token == "right"; done != want {
						t.Fatalf("taken back: %t, want %t (%d %s)", done, want, p.status, p.heading())
					}
					switch {
					case !ours:
						p.want(403, "Nothing was sent", "another site")
					case token != "right":
						p.want(200, "This form was out of date", "Nothing was sent", "Take this request back?")
					}
				})
			}
		}
	}
}

func tokenOf(p *page) string {
	return attr(find(p.doc, func(n *html.Node) bool { return attr(n, "name") == "form_token" }), "value")
}

// Whoever is signed out in the middle of a form finds what they typed.
func TestWhatWasTypedSurvivesTheEndOfTheSession(t *testing.T) {
	w := newWorld(t, 100)
	sam := w.signedIn("sam")
	op := planned(sam, "Inactive", activeIn(w, "riverside", 2)...).operation()
	form := sam.get("/operations/" + op + "/submit")
	w.pass(20 * time.Minute)
	typed := url.Values{"reason": {"Typed for half an hour, with “quotes” & <tags>."}, "checklist": engine.Checklist[:2]}
	p := form.press("submit", typed)
	if p.outside == "" {
		t.Fatalf("leads to %s", p.path)
	}
	if w.header(t, op).State != bulk.Ready {
		t.Fatal("a form without a session was taken")
	}
	p = sam.back(p, "sam").want(200, "You were signed out", "Nothing was sent. Check and send again.", "Check and send for approval")
	if p.value("reason") != typed.Get("reason") || !has(p.id("checklist"), "checked") || has(p.id("checklist-2"), "checked") {
		t.Errorf("what was typed is not there: %q", p.value("reason"))
	}
	if !strings.HasPrefix(p.path, "/resume/") {
		t.Errorf("at %s", p.path)
	}
	// Somebody else does not see it.
	w.signedIn("ana").get(p.path).want(404, "What you typed is no longer kept")
	p.press("submit", url.Values{"checklist": engine.Checklist, "typed": {"2"}}).want(200, "Sent for approval")
	w.pass(2 * time.Hour)
	w.signedIn("sam").get(p.path).want(404, "What you typed is no longer kept")
}

// Without a session that is known, what was typed belongs to the browser.
func TestWhatWasTypedWithoutAnySessionBelongsToTheBrowser(t *testing.T) {
	w := newWorld(t, 100)
	sam := w.signedIn("sam")
	op := planned(sam, "Inactive", activeIn(w, "riverside", 2)...).operation()
	form := sam.get("/operations/" + op + "/submit")
	delete(sam.cookies, "__Host-bulkops")
	p := sam.back(form.press("submit", url.Values{"reason": {"Typed before."}}), "sam").want(200, "You were signed out")
	if p.value("reason") != "Typed before." {
		t.Errorf("reason %q", p.value("reason"))
	}
	other := w.signedIn("sam") // the same person in another browser
	other.get(p.path).want(404)
}

// The ids of an uploaded file survive too, as a pasted list.
func TestAnUploadedFileSurvivesTheEndOfTheSession(t *testing.T) {
	w := newWorld(t, 100)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 3)
	form := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"upload"}})
	w.pass(time.Hour - time.Minute)
	p := sam.back(form.pressWith("continue", nil, &upload{"x.csv", "Patient ID\n" + strings.Join(ids, "\n")}), "sam")
	p.want(200, "You were signed out")
	if got := strings.Fields(p.value("ids")); strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Fatalf("the ids are %q", got)
	}
	p.press("continue", nil).want(200, "3 patient ids pasted")
}

// A selection on the list of patients survives as well.
func TestASelectionSurvivesTheEndOfTheSession(t *testing.T) {
	w := newWorld(t, 300)
	sam := w.signedIn("sam")
	p := sam.get("/patients").press("tick-page", nil).want(200, "50 selected")
	w.pass(20 * time.Minute)
	p = sam.back(sam.get(p.path), "sam").want(200, "50 selected")
	w.pass(20 * time.Minute)
	p = sam.back(p.press("bulk-operations", nil), "sam").want(200, "You were signed out")
	p.press("bulk-operations", nil).want(200, "50 patients ticked one by one")
}

// A field that the form does not have is refused, whatever it would set.
func TestUnknownFieldsAreRefused(t *testing.T) {
	w := newWorld(t, 100)
	sam := w.signedIn("sam")
	op := planned(sam, "Inactive", activeIn(w, "riverside", 2)...).operation()
	form := sam.get("/operations/" + op + "/submit")
	for _, extra := range []string{"state", "requester", "approval", "plan", "version", "Reason"} {
		form.press("submit", url.Values{"reason": {reason}, "checklist": engine.Checklist, "typed": {"2"}, extra: {"x"}}).
			want(422, "a field that it does not have")
	}
	if w.header(t, op).State != bulk.Ready {
		t.Error("a form with a field of its own was taken")
	}
}

// What is too large is refused before it is read.
func TestWhatIsTooLargeIsNotRead(t *testing.T) {
	w := newWorld(t, 10)
	sam := w.signedIn("sam")
	p := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {"upload"}})
	r := httptest.NewRequest(http.MethodPost, p.path, unreadable{t})
	r.ContentLength = 50 << 20
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	sam.do(r).want(422, "A file may have at most 4 MB", "This one has 50 MB")

	r = httptest.NewRequest(http.MethodPost, "/patients", unreadable{t})
	r.ContentLength = 50 << 20
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	sam.do(r).want(413, "larger than this form takes")

	r = httptest.NewRequest(http.MethodPost, "/patients", strings.NewReader("text="+strings.Repeat("x", 1<<20)))
	r.ContentLength = -1 // not stated
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	sam.do(r).want(413, "larger than this form takes")
}

// What is too large for a form chooses nobody, whichever way the draft was begun:
// an empty filter would take all patients.
func TestWhatIsTooLargeChoosesNobody(t *testing.T) {
	w := newWorld(t, 50)
	sam := w.signedIn("sam")
	for way, sentence := range map[string]string{
		"filter": "larger than this form takes", "paste": "longer than 4 MB", "upload": "A file may have at most 4 MB",
	} {
		who := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {way}}).path
		r := httptest.NewRequest(http.MethodPost, who, unreadable{t})
		r.ContentLength = 50 << 20
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		sam.do(r).want(422, sentence)
		if last := w.journal.last(); last.Result != audit.NotTaken {
			t.Errorf("%s: written down as %+v", way, last)
		}
		if p := sam.get(strings.TrimSuffix(who, "/who") + "/what"); p.path != who {
			t.Errorf("%s: somebody was chosen: %s says %s", way, p.path, p.heading())
		}
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, http.ErrBodyReadAfterClose
}
