package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

const (
	sessionCookie = "__Host-bulkops"
	sessionKind   = "SESSION"
)

// falls silent: the session of the person's browser was last used so long ago
// that it has ended. The browser knows nothing of it.
func (p *person) fallsSilent() {
	p.t.Helper()
	for _, c := range p.cookies() {
		if c.Name != sessionCookie {
			continue
		}
		var session map[string]any
		if err := live.access.Get(p.t.Context(), sessionKind, c.Value, &session, time.Now()); err != nil {
			p.t.Fatal(err)
		}
		session["seen"] = time.Now().Add(-time.Hour)
		if err := live.access.Put(p.t.Context(), sessionKind, c.Value, session, time.Now().Add(time.Hour)); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	p.t.Fatalf("%s has no session", p.name)
}

// A session that ends in the middle of a form costs a sign-in and nothing that
// was typed; nothing is sent by itself either.
func TestWhatWasTypedSurvivesTheEndOfASession(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]option{"with script": nil, "without script": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana := signedIn(t, "Ana Lindqvist", options...)
			operation := ana.plans(registry.Hospitalized, some(2, planFacility, registry.Active)...)
			ana.press("#to-submit")
			const typed = `The "ward" moves <soon> – für alle.`
			ana.fillsInTheSubmission(typed)
			ana.fallsSilent()
			ana.press("#submit")
			ana.isAskedToSignIn()
			ana.signIn()
			ana.sees("#banner", "You were signed out", "Nothing was sent")
			if got := ana.value("#reason"); got != typed {
				t.Errorf("the reason is now %q", got)
			}
			if n := ana.count("input[name=checklist]:checked"); n != 4 {
				t.Errorf("%d items of the checklist are ticked, want all four", n)
			}
			if op := live.operation(t, operation); op.State != bulk.Ready {
				t.Errorf("the operation is %s before it was sent again", op.State)
			}
			ana.look("signed-out-meanwhile-" + strings.ReplaceAll(name, " ", "-"))
			ana.press("#submit")
			ana.sees("#confirmation", "Sent for approval", operation)
			ana.press("#to-take-back")
			ana.press("#confirm")
		})
	}
}

// A form of an earlier session of the same person is shown again, not sent.
func TestAFormOfAnEarlierSessionIsShownAgain(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/operations/new/status-change")
	ana.choose("way-paste")
	ana.set("main input[name=form_token]", "FROM-AN-EARLIER-SESSION")
	ana.press("#continue")
	ana.sees("#banner", "This form was out of date", "Nothing was sent")
	if !evaluate[bool](ana, `document.getElementById("way-paste").checked`) {
		t.Error("what was chosen is gone")
	}
	ana.look("form-out-of-date")
}

// Before a session ends for want of activity the page says so, and one key
// keeps it.
func TestTheEndOfASessionIsAnnounced(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	// Minutes pass in a moment.
	call(t, ana.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `{ const wait = setTimeout; let once = true; window.setTimeout = (f, ms) => { const soon = once && ms > 60000; once &&= !soon; return wait(f, soon ? 100 : ms); }; }`})
	ana.visit("/operations/new/status-change")
	ana.waits("the end is announced", `!!document.querySelector(".ending button")`)
	ana.sees(".ending", "You will be signed out in about two minutes")
	ana.look("about-to-be-signed-out")
	if !evaluate[bool](ana, `document.activeElement === document.querySelector(".ending button")`) {
		t.Error("the button that keeps the session has not the focus")
	}
	ana.do("press Enter", chromedp.KeyEvent(kb.Enter))
	ana.waits("the announcement is gone", `!document.querySelector(".ending")`)
	ana.choose("way-paste")
	ana.press("#continue")
	ana.heading("Paste the patient ids")
}

// hurries makes the minutes of a page's script pass in two seconds.
func (p *person) hurries() {
	p.t.Helper()
	call(p.t, p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `{ const wait = setTimeout; window.setTimeout = (f, ms) => wait(f, ms > 60000 ? 2000 : ms); }`})
}

// A page that is left alone does not stay: when its session has ended, it gives
// way to one that says so, and the password is asked for.
func TestAPageThatIsLeftGivesWay(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.hurries()
	ana.visit("/patients?status=Active")
	ana.fallsSilent()
	ana.waits("the page says that she was signed out", `document.querySelector("h1")?.textContent === "You were signed out"`)
	ana.sees("#why", "nothing was done for 15 minutes")
	ana.look("you-were-signed-out")
	ana.press("#sign-in")
	ana.isAskedToSignIn()
	ana.signIn()
	if at := evaluate[string](ana, `location.pathname + location.search`); at != "/patients?status=Active" {
		t.Errorf("after the sign-in she is at %s", at)
	}
}

// What somebody has typed stays, and is there after the next sign-in.
func TestATypedFormStaysWhenTheSessionEnds(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/operations/new/status-change")
	ana.choose("way-paste")
	ana.press("#continue")
	ana.hurries()
	ana.reload()
	ana.write("#ids", "000001 000002")
	ana.fallsSilent()
	ana.waits("the page says that she was signed out", `document.querySelector(".ending")?.textContent.includes("You were signed out")`)
	ana.press("#continue")
	ana.isAskedToSignIn()
	ana.signIn()
	ana.sees("#banner", "You were signed out", "Nothing was sent")
	if got := ana.value("#ids"); got != "000001 000002" {
		t.Errorf("the ids are now %q", got)
	}
}

// Who signs out is signed out, here and with the Back button.
func TestSigningOut(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/patients")
	ana.press("#sign-out")
	ana.heading("You are signed out")
	ana.look("signed-out")
	ana.back()
	ana.isAskedToSignIn()
	ana.visit("/signed-in?state=OF-ANOTHER-BROWSER&code=x")
	ana.lookAt("not-signed-in", 400)
}
