// Package e2e_test drives the real template, deployed on the local AWS with IAM
// enforcement on, as people, programs and accidents do: sign-in, forms, mail,
// the JSON API, killed workers, hand edits, lost answers. One stack serves all
// tests of the package; each test has patients of its own, so they run side by
// side.
//
// To keep a stack between runs while writing a test, name a folder for it:
//
//	BULKOPS_E2E_STACK=FOLDER go test ./test/e2e -run TestName
//
// The first such run starts a stack there, later ones find it, with the functions
// as they were built then. This ends it:
//
//	for s in gateway mailbox; do kill -- -$(cut -d' ' -f1 FOLDER/$s.pid); done
package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"bulkops/local/progress"
	"bulkops/local/stack"
)

// patience is how long a test waits for what the stack does. It is long, as a
// machine may be slow; a test that passes does not wait for it.
const patience = 3 * time.Minute

// live is the stack that every test uses.
var live *clinic

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx := context.Background()
	running, stop, err := start(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer func() {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			code = 1
		}
	}()
	live = newClinic(running)
	// Tests wait for the stack more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	code = m.Run()
	if err := searchForCanary(ctx, live); err != nil {
		fmt.Fprintln(os.Stderr, "--- FAIL: the canary patient's name\n", err)
		return 1
	}
	return code
}

// start starts a stack with the sample clinic, or finds the one that is kept.
func start(ctx context.Context) (s *stack.Stack, stop func() error, err error) {
	var options stack.Options
	if options.Dir = os.Getenv("BULKOPS_E2E_STACK"); options.Dir != "" {
		if s, err := stack.Open(options.Dir); err == nil {
			return s, s.StopEngine, nil
		}
		options.Detach = true
	}
	s, _, err = stack.Start(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	stop = s.Stop
	if options.Detach {
		stop = s.StopEngine
	}
	// Tests bring patients of their own; each record that is loaded is audited, too.
	if err := os.Setenv("PATIENTS", "200"); err != nil {
		return nil, nil, err
	}
	err = progress.Step(os.Stderr, "load the sample clinic", func() error { return s.LoadSample(ctx, os.Stderr) })
	if err != nil {
		return nil, nil, errors.Join(err, s.Stop())
	}
	return s, stop, nil
}
