package browser_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

// The main job without a mouse: every step by Tab, Space and Enter, and at each
// stop one sees where one is.
func TestTheWholeJobWorksWithTheKeyboard(t *testing.T) {
	t.Parallel()
	chosen := live.those(keyboardFacility, registry.OnHold)
	ana := newPerson(t, "Ana Lindqvist")
	ana.visit("/")
	ana.signsInByKeyboard()
	ana.keys(kb.Tab)
	if got := ana.focus(); got.Name != "Skip to main content" || !got.Visible {
		t.Errorf("the first stop is %+v, want the way past the menu", got)
	}
	ana.keys(kb.Enter)
	if at := evaluate[string](ana, `document.activeElement.id`); at != "main" {
		t.Errorf("the skip link leads to %q", at)
	}
	ana.visit("/")
	ana.tabTo(".menu__group summary")
	ana.keys(kb.Enter)
	ana.enters(`.menu__group a[href="/operations"]`)
	ana.enters("#start")
	ana.enters(statusChange)
	ana.tabTo("#way")
	ana.keys(" ")
	ana.enters("#continue")
	ana.tabTo(`input[name=status][value="On Hold"]`)
	ana.keys(" ")
	ana.tabTo(`input[name=facility][value="` + keyboardFacility + `"]`)
	ana.keys(" ")
	ana.enters("#continue")
	ana.sees("#chosen", shown(len(chosen))+" patients")
	ana.tabTo("#to") // Active is the first
	ana.keys(" ")
	ana.enters("#continue")
	operation := ana.seesThePlan()
	ana.enters("#to-submit")
	ana.tabTo("#reason")
	ana.keys("The families have confirmed that care goes on.")
	for i := range ana.count("input[name=checklist]") {
		ana.tabTo([]string{"#checklist", "#checklist-1", "#checklist-2", "#checklist-3"}[i])
		ana.keys(" ")
	}
	ana.enters("#submit")
	ana.sees("#confirmation", operation)

	jonas := newPerson(t, "Jonas Weber")
	jonas.visit(mailTo(t, jonas.name, "Approval needed", operation).link(t))
	jonas.signsInByKeyboard()
	jonas.tabTo("#comment")
	jonas.keys("Confirmed by the house.")
	jonas.enters("#approve")
	ana.enters(`.page__crumbs a[href="/operations"]`)
	ana.enters(`#operations a[href$="` + operation + `"]`)
	ana.waits("the run has ended", isIn(bulk.Completed))
	ana.sees("#done", shown(len(free(chosen))))
}

// On every kind of page Tab reaches each control once, in view and visibly, and
// leads out again.
func TestTabReachesEveryControlAndIsNeverTrapped(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	for _, address := range []string{"/", "/patients", "/operations", "/operations/new", "/operations/new/status-change",
		"/operations/OP-SAMPLE-0001", "/operations/OP-SAMPLE-0001/audit", "/help", "/help/status-change"} {
		ana.visit(address)
		ana.walks(address)
	}
	ana.visit("/operations/new/status-change")
	ana.choose("way")
	ana.press("#continue")
	ana.walks("the filter")
}

// stop is where the keyboard is.
type stop struct {
	Index   int    // among the controls of the page; -1 is none of them
	Name    string // for a message
	Visible bool   // it is in view and one sees that it has the focus
}

// controls lists what Tab has to reach: of a group of choices one.
const controls = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((e) =>
  e.checkVisibility() && !e.disabled && e.type !== "hidden" && e.tabIndex >= 0 &&
  (e.type !== "radio" || e === (document.querySelector('input[name="' + e.name + '"]:checked') || document.querySelector('input[name="' + e.name + '"]'))))`

// focus is where the keyboard is now. What comes into view when it is reached
// may take a moment.
func (p *person) focus() stop {
	p.t.Helper()
	var at stop
	for range 10 {
		if at = evaluate[stop](p, focusScript); at.Visible || at.Index < 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return at
}

const focusScript = `(() => {
		const e = document.activeElement, mark = e.labels?.[0] && ["checkbox", "radio"].includes(e.type) ? e.labels[0] : e;
		const ringed = (s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
		const box = mark.getBoundingClientRect();
		return {
			Index: ` + controls + `.indexOf(e),
			Name: (e.labels?.[0]?.innerText || e.innerText || e.name || e.tagName).trim().slice(0, 40),
			Visible: (ringed(getComputedStyle(e)) || ringed(getComputedStyle(mark, "::before"))) && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
		};
	})()`

func (p *person) keys(keys string) {
	p.t.Helper()
	p.do("type", chromedp.KeyEvent(keys))
}

const mostStops = 400

// tabTo presses Tab until the element has the focus; at each stop before it one
// sees where one is.
func (p *person) tabTo(selector string) {
	p.t.Helper()
	for range mostStops {
		p.keys(kb.Tab)
		if at := p.focus(); at.Index >= 0 && !at.Visible {
			p.t.Errorf("%s: one does not see that the focus is on %q", p.address(), at.Name)
		}
		if evaluate[bool](p, `document.activeElement.matches(`+quoted(selector)+`)`) {
			return
		}
	}
	p.t.Fatalf("%s: Tab does not reach %s\nThe page is %s", p.address(), selector, p.describe())
}

// enters goes to a link or a button and presses Enter, which leads to a page.
func (p *person) enters(selector string) {
	p.t.Helper()
	p.tabTo(selector)
	p.arrive("press Enter on "+selector, chromedp.KeyEvent(kb.Enter))
}

// walks presses Tab from the top of the page until it is left.
func (p *person) walks(name string) {
	p.t.Helper()
	all := evaluate[[]string](p, controls+`.map((e) => (e.labels?.[0]?.innerText || e.innerText || e.name || e.tagName).trim().slice(0, 40))`)
	var order []int
	for range mostStops {
		p.keys(kb.Tab)
		at := p.focus()
		if at.Index < 0 || len(order) > 1 && at.Index == order[0] {
			break
		}
		if !at.Visible {
			p.t.Errorf("%s: one does not see that the focus is on %q", name, at.Name)
		}
		if len(order) == 0 || order[len(order)-1] != at.Index { // a date has several parts
			order = append(order, at.Index)
		}
	}
	if !slices.IsSorted(order) {
		p.t.Errorf("%s: the order of Tab is not that of the page: %v", name, order)
	}
	for i, control := range all {
		if !slices.Contains(order, i) {
			p.t.Errorf("%s: Tab does not reach %q", name, control)
		}
	}
}

// signsInByKeyboard fills in the sign-in page, which has the focus on its first
// field.
func (p *person) signsInByKeyboard() {
	p.t.Helper()
	p.isAskedToSignIn()
	p.waits("the first field has the focus", `document.hasFocus() && document.activeElement.id === "username"`)
	p.keys(live.email(p.name))
	p.keys(kb.Tab)
	p.keys(sample.Password)
	p.arrive("press Enter", chromedp.KeyEvent(kb.Enter))
}
