// Package browser_test uses the portal as people do: in a real Chromium,
// against the real template deployed on the local AWS with the sample clinic.
// People sign in on Cognito's page, fill in forms, read mail and watch a run;
// on every page that they reach, look checks what no person should have to
// notice: accessibility rules, sideways scrolling, the HTML standard, and
// anything that the browser complains about.
//
// One stack and one Chromium serve all tests. Every person has a browser
// context of their own, as if on a machine of their own. Tests that change
// patients keep to a facility of the sample each (see the table in
// clinic_test.go), so they run side by side.
//
// To keep a stack between runs while writing a test, name a folder for it; to
// see every page that was reached, name one for the pictures:
//
//	BULKOPS_BROWSER_STACK=FOLDER go test ./test/browser -run TestName
//	BULKOPS_BROWSER_PICTURES=FOLDER go test ./test/browser
//
// The kept stack is filled again only when it is started anew, so tests that
// change patients pass on it once; "kill $(cut -d' ' -f1 FOLDER/gateway.pid)"
// ends it. The second command also makes the picture of the README:
// FOLDER/readme-plan.png is docs/images/plan.png.
package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"bulkops/local/progress"
	"bulkops/local/stack"
	"bulkops/local/tools"
)

var (
	live   *clinic         // the stack under test
	chrome context.Context // the one Chromium
	axe    string          // axe-core's source
	pages  string          // folder of the HTML of every page looked at
)

// patients is how many the sample clinic has here.
const patients = 1200

// pictures is the folder for screenshots; empty: none are taken.
var pictures = os.Getenv("BULKOPS_BROWSER_PICTURES")

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	stop, err := prepare(context.Background())
	defer func() {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, "browser:", err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		return 1
	}
	code = m.Run()
	if err := validatePages(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "--- FAIL: the HTML of the pages\n", err)
		return 1
	}
	return code
}

// prepare gets ready what every test uses. stop undoes what was done, also
// after an error.
func prepare(ctx context.Context) (stop func() error, err error) {
	var undo []func() error
	stop = func() error {
		var errs []error
		for i := len(undo) - 1; i >= 0; i-- {
			errs = append(errs, undo[i]())
		}
		return errors.Join(errs...)
	}
	root, err := stack.Root()
	if err != nil {
		return stop, err
	}
	source, err := os.ReadFile(filepath.Join(tools.Node.Dir(root), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		return stop, fmt.Errorf("axe-core is missing, install it with: go run ./local tools test (%w)", err)
	}
	axe = string(source)
	if pages, err = os.MkdirTemp("", "bulkops-pages-"); err != nil {
		return stop, err
	}
	undo = append(undo, func() error { return os.RemoveAll(pages) })
	if pictures != "" {
		if err := os.MkdirAll(pictures, 0o755); err != nil {
			return stop, err
		}
	}
	closeChrome, err := startChrome()
	if err != nil {
		return stop, err
	}
	undo = append(undo, closeChrome)
	s, stopStack, err := startStack(ctx)
	if err != nil {
		return stop, err
	}
	undo = append(undo, stopStack)
	live, err = newClinic(ctx, s)
	return stop, err
}

// startStack starts a stack with the sample clinic, or finds the one that is kept.
func startStack(ctx context.Context) (s *stack.Stack, stop func() error, err error) {
	// One batch after the other: a run lasts long enough to be watched.
	options := stack.Options{Params: map[string]string{"BatchConcurrency": "1"}}
	if options.Dir = os.Getenv("BULKOPS_BROWSER_STACK"); options.Dir != "" {
		if s, err := stack.Open(options.Dir); err == nil {
			return s, s.StopEngine, nil
		}
		options.Detach = true
	}
	s, fresh, err := stack.Start(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	stop = s.Stop
	if options.Detach {
		stop = s.StopEngine
	}
	if fresh {
		// Fewer than usual: each record that is loaded is audited, too.
		if err := os.Setenv("PATIENTS", strconv.Itoa(patients)); err != nil {
			return nil, nil, errors.Join(err, s.Stop())
		}
		err = progress.Step(os.Stderr, "load the sample clinic", func() error { return s.LoadSample(ctx, os.Stderr) })
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.Stop())
	}
	return s, stop, nil
}

// chromium is where Debian puts it.
const chromium = "/usr/bin/chromium"

// startChrome starts the browser without a window and with an empty profile.
func startChrome() (stop func() error, err error) {
	if _, err := os.Stat(chromium); err != nil {
		return nil, fmt.Errorf("Chromium is missing, install it with: go run ./local tools test (%w)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WindowSize(wide, height))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	stop = func() error {
		defer cancel()
		return chromedp.Cancel(ctx)
	}
	if err := chromedp.Do(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", chromium, err), stop())
	}
	chrome = ctx
	return stop, nil
}
