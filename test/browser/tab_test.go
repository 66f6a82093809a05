package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab hears what a browser reports about a person's pages: which document is
// shown, and everything that went wrong with it. The sign-in page and the
// mailbox are others' pages; what goes wrong there is not heard.
type tab struct {
	mu       sync.Mutex
	document string            // address of the page that is shown
	request  network.RequestID // by which its HTML can be had
	heard    []string
}

// hear takes one event; chromedp calls it for each.
func (t *tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			t.document, t.request = e.Response.URL, e.RequestID
		} else if e.Response.Status >= 400 && !asksForTheSession(e.Response.URL) {
			t.complain("%s answers %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		// A page that is left cancels what it still waits for; a download
		// ends the loading of a page that never comes.
		if !e.Canceled && e.Type != network.ResourceTypeDocument {
			t.complain("a %s could not be loaded: %s %s", e.Type, e.ErrorText, e.BlockedReason)
		}
	case *log.EventEntryAdded:
		// That a page itself answers 404 or 422 is what the test is about.
		ownStatus := e.Entry.Source == log.EntrySourceNetwork && e.Entry.URL == t.document
		if (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) && !ownStatus && !asksForTheSession(e.Entry.URL) {
			t.complain("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			t.complain("console.%s: %s", e.Type, words(e.Args))
		}
	case *runtime.EventExceptionThrown:
		t.complain("%s", (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	}
}

// asksForTheSession: an answer of 401 there is no fault of the page.
func asksForTheSession(address string) bool { return strings.HasSuffix(address, "/still-here") }

func (t *tab) complain(format string, args ...any) {
	if strings.HasPrefix(t.document, live.PortalURL) {
		t.heard = append(t.heard, fmt.Sprintf("on %s: ", strings.TrimPrefix(t.document, live.PortalURL))+fmt.Sprintf(format, args...))
	}
}

func (t *tab) complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.heard)
}

// html is the page that is shown, as the portal sent it.
func (p *person) html() []byte {
	p.t.Helper()
	p.tab.mu.Lock()
	request := p.tab.request
	p.tab.mu.Unlock()
	return call(p.t, p.ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: request}).Body
}

func words(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		all = append(all, string(a.Value)+a.Description)
	}
	return strings.Join(all, " ")
}

// call gives the browser a command of the devtools protocol.
func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], params P) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.Fatalf("devtools: %v", err)
	}
	return result
}

// quoted is a text as a script writes it.
func quoted(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("a text is always encodable: " + err.Error())
	}
	return string(quoted)
}

// eventually tries until attempt says yes, and fails the test after the time.
func eventually(t *testing.T, what string, attempt func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !attempt(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("within %s it did not come true that %s", patience, what)
		}
	}
}
