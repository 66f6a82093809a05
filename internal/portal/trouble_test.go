package portal_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"bulkops/internal/audit"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/kind"
)

// troubled is an engine's store in which reading an operation fails.
type troubled struct {
	engine.Operations
	trouble func() error
}

func (o troubled) Operation(ctx context.Context, id string) (bulk.Operation, error) {
	if err := o.trouble(); err != nil {
		return bulk.Operation{}, err
	}
	return o.Operations.Operation(ctx, id)
}

func (o troubled) OperationsByID(ctx context.Context, ids []string) (map[string]bulk.Operation, error) {
	if err := o.trouble(); err != nil {
		return nil, err
	}
	return o.Operations.OperationsByID(ctx, ids)
}

var nothing map[string]int

// Whatever goes wrong, people get a page with a reference, and only the log
// says more.
func TestTroubleIsAPageWithAReference(t *testing.T) {
	for name, trouble := range map[string]func() error{
		"an error":            func() error { return fmt.Errorf("table Operations: secret detail") },
		"a panic":             func() error { panic("secret detail") },
		"a panic of an error": func() error { panic(fmt.Errorf("secret detail")) },
		"a nil map":           func() error { nothing["secret detail"]++; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 50)
			sam := w.signedIn("sam")
			op := planned(sam, "Inactive", activeIn(w, "riverside", 1)...).operation()
			maria := w.signedIn("maria")
			w.engine.Operations = troubled{w.store, trouble}
			for _, b := range []*browser{sam, maria} { // Maria's menu needs the store too
				p := b.get("/operations/"+op).want(500, "Something went wrong on our side", "Nothing was changed by this step")
				_, reference, _ := strings.Cut(p.text(), "the reference ")
				reference, _, _ = strings.Cut(reference, ".")
				if len(reference) != 8 || !strings.Contains(strings.Join(w.logs, "\n"), reference) {
					t.Errorf("the reference %q is not in the log:\n%s", reference, strings.Join(w.logs, "\n"))
				}
				if strings.Contains(p.body, "secret") {
					t.Error("the page says what the log should")
				}
			}
		})
	}
}

type breaking struct{ engine.Machine }

func (breaking) Start(context.Context, string) (bool, error) { panic("secret detail") }

// A form that broke off may have been done: its page says so, and the audit
// has it.
func TestAFormThatBrokeOffIsWrittenDown(t *testing.T) {
	w := newWorld(t, 50)
	sam := w.signedIn("sam")
	form := whatPage(sam, kind.StatusChange.Name, activeIn(w, "riverside", 1)...)
	w.engine.Machine = breaking{w.machine}
	p := form.press("continue", url.Values{"to": {"Inactive"}}).want(500, "may have been done all the same", "the reference ")
	if strings.Contains(p.body, "secret") {
		t.Error("the page says what the log should")
	}
	written := w.journal.accesses()
	if last := written[len(written)-1]; last.What != audit.Sent || last.Result != audit.Failed || last.Operator.Name != w.people["sam"].Name {
		t.Errorf("written down is %+v", last)
	}
}
