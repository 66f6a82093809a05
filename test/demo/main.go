// Command demo does the main job unattended on the running stack ("make
// start"), through what people use: the sign-in page, the portal's forms
// without JavaScript, the mailbox. It prints each step with its figures.
//
// BULKOPS_STATE names the state folder of another stack than the one of "make
// start".
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"bulkops/internal/sample"
	"bulkops/local/stack"
	"bulkops/test/walk"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	running, err := stack.Open(cmp.Or(os.Getenv("BULKOPS_STATE"), filepath.Join(root, ".local")))
	if err != nil {
		return err
	}
	d := &demo{ctx: ctx, out: out, stack: running}
	began := time.Now()
	for _, act := range []func() error{d.choose, d.plan, d.submit, d.mail, d.decide, d.run, d.results, d.audit} {
		if err := act(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nThe whole job took %s; the operation stays at %s/operations/%s\n", time.Since(began).Round(100*time.Millisecond), running.PortalURL, d.operation)
	return nil
}

// demo is where the job stands.
type demo struct {
	ctx       context.Context
	out       io.Writer
	stack     *stack.Stack
	page      *walk.Page // that the person at work looks at
	requester *walk.Visitor
	operation string
	patients  string // how many, as the pages write it
	link      string // in the approval mail
	approved  time.Time
}

// Who takes part, of the sample clinic's staff.
const (
	requesterMail = "ana.staff@example.org"
	managerMail   = "jonas.manager@example.org"
)

// patience is how long anything may take that happens by itself.
const patience = time.Minute

// step does something and prints what and how long it took; the words that do
// returns follow it.
func (d *demo) step(what string, do func() (string, error)) error {
	began := time.Now()
	found, err := do()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if found != "" {
		found = ": " + found
	}
	fmt.Fprintf(d.out, "%7.2f s  %s%s\n", time.Since(began).Seconds(), what, found)
	return nil
}

// headline begins a part of the job.
func (d *demo) headline(words string) { fmt.Fprintf(d.out, "\n%s\n", words) }

// until opens the page again and again until it says one of the words.
func (d *demo) until(words ...string) error {
	deadline := time.Now().Add(patience)
	for {
		for _, w := range words {
			if d.page.Says(w) {
				return nil
			}
		}
		if time.Now().After(deadline) {
			_, err := d.page.Need(strings.Join(words, " or "))
			return fmt.Errorf("still after %s: %w", patience, err)
		}
		select {
		case <-d.ctx.Done():
			return d.ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		page, err := d.page.Reload(d.ctx)
		if err != nil {
			return err
		}
		d.page = page
	}
}

// signIn opens an address in a new browser and signs in where the portal asks for it.
func (d *demo) signIn(address, mail string) (*walk.Visitor, error) {
	browser := walk.New(d.stack.Transport())
	page, err := browser.Open(d.ctx, address)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(page.URL.Path, "/oauth2/") && page.Status == 200 {
		return nil, fmt.Errorf("%s was shown to somebody who is not signed in", address)
	}
	page, err = page.Form("Sign in").Fill("Username", mail).Fill("Password", sample.Password).Press(d.ctx)
	d.page = page
	return browser, err
}
