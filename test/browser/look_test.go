package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"bulkops/local/stack"
	"bulkops/local/tools"
)

// Widths at which every page is looked at: a desk, and the narrowest window
// that WCAG asks about (1.4.10).
const (
	wide   = 1280
	narrow = 320
	height = 900
)

// seen are the names of the pages looked at; a name stands for one state of
// one page, so none comes twice.
var seen sync.Map

// look checks the page that is shown, which was answered with 200. name says
// which page it is, in which state.
func (p *person) look(name string) {
	p.t.Helper()
	p.lookAt(name, 200)
}

// lookAt checks a page that was answered with a status: axe finds nothing,
// nothing but a marked region scrolls sideways at either width. Its HTML is
// kept for validatePages.
func (p *person) lookAt(name string, status int64) {
	p.t.Helper()
	if _, twice := seen.LoadOrStore(name, true); twice {
		p.t.Fatalf("two pages are named %q", name)
	}
	if p.status != status {
		p.t.Errorf("%s was answered with %d, want %d", name, p.status, status)
	}
	for _, width := range []int64{wide, narrow} {
		p.size(width)
		for _, wrong := range evaluate[[]string](p, layoutScript) {
			p.t.Errorf("%s at %d px: %s", name, width, wrong)
		}
		for _, wrong := range p.violations(rules[width]) {
			p.t.Errorf("%s at %d px: %s", name, width, wrong)
		}
		p.photograph(fmt.Sprintf("%s-%d", name, width), 6000)
	}
	p.size(wide)
	if err := os.WriteFile(filepath.Join(pages, name+".html"), p.html(), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// size sets the window's width.
func (p *person) size(width int64) {
	p.t.Helper()
	call(p.t, p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

// photograph keeps a picture of the page, down to a height, where pictures are
// wanted.
func (p *person) photograph(name string, most float64) {
	p.t.Helper()
	if pictures == "" {
		return
	}
	size, whole := evaluate[[2]float64](p, `[innerWidth, document.documentElement.scrollHeight]`), true
	shot := call(p.t, p.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole,
		Clip: &page.Viewport{Width: size[0], Height: min(size[1], most), Scale: 1}})
	if err := os.WriteFile(filepath.Join(pictures, name+".png"), shot.Data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// layoutScript lists what is wrong with a page's layout: the page scrolls
// sideways, or a part of it does that the keyboard cannot reach or that a
// screen reader cannot name.
const layoutScript = `(() => {
  const wrong = [], page = document.scrollingElement;
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.classList.length ? "." + [...e.classList].join(".") : "");
  if (page.scrollWidth > innerWidth) {
    wrong.push("the page is " + page.scrollWidth + " px wide and scrolls sideways");
    for (const e of document.body.querySelectorAll("*")) {
      const box = e.getBoundingClientRect();
      if (box.width && box.right > innerWidth + 1 && !e.closest(".scroll")) wrong.push(name(e) + " reaches to " + Math.round(box.right));
    }
  }
  for (const e of document.body.querySelectorAll("*")) {
    if (e.scrollWidth <= e.clientWidth + 1 || !["auto", "scroll"].includes(getComputedStyle(e).overflowX)) continue;
    if (e.matches("textarea, input, select")) continue;
    const label = e.getAttribute("aria-label") || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent;
    if (e.tabIndex !== 0 || e.getAttribute("role") !== "region" || !label) wrong.push(name(e) + " scrolls sideways and is no named region that has a place in the order of Tab");
  }
  return wrong.slice(0, 8);
})()`

// rules are what every page keeps: WCAG up to 2.2 AA, and what axe-core's
// authors call best practice. In a narrow window those are looked at again that
// depend on where things stand; the others see the same page.
var rules = map[int64]string{
	wide:   `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`,
	narrow: `{type: "rule", values: ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]}`,
}

// axeRun is the check; each violation becomes a line with the elements.
const axeRun = `axe.run(document, {runOnly: RULES, resultTypes: ["violations"]}).then((found) => found.violations.map((v) =>
  "axe " + v.id + ": " + v.help + ": " + v.nodes.slice(0, 4).map((n) => n.target.join(" ") + " (" + n.failureSummary.replace(/\s+/g, " ") + ")").join("; ")))`

// violations runs axe-core on the page. It runs in a world of its own beside
// the page's scripts, so neither the page's content policy nor switched-off
// scripts keep it out.
func (p *person) violations(rules string) []string {
	p.t.Helper()
	// What axe-core waits for never comes where scripts are switched off. Those
	// of the page were left out when it was loaded and stay so.
	p.runsScript(true)
	defer p.runsScript(!p.scriptless)
	frame := call(p.t, p.ctx, page.GetFrameTree, cdp.Empty{}).FrameTree.Frame.ID
	world := call(p.t, p.ctx, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: frame, WorldName: "axe"}).ExecutionContextID
	yes := true
	answer := call(p.t, p.ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: axe + ";" + strings.Replace(axeRun, "RULES", rules, 1), ContextID: world, AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if answer.ExceptionDetails != nil {
		p.t.Fatalf("axe-core failed: %v", answer.ExceptionDetails)
	}
	var violations []string
	if err := json.Unmarshal(answer.Result.Value, &violations); err != nil {
		p.t.Fatalf("axe-core answered %s: %v", answer.Result.Value, err)
	}
	return violations
}

// validatePages checks the HTML of all pages looked at.
func validatePages(ctx context.Context) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	return tools.ValidatePages(ctx, root, pages)
}
