package portal_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/portal"
	"bulkops/internal/registry"
)

// What was sent with a mistake is taken back and sent again, without anything
// being typed twice.
func TestARequestIsTakenBackAndEdited(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	ids := activeIn(w, "riverside", 2)
	p := plannedAs(sam, "status-change", url.Values{"to": {"On Hold"}, "hold_reason": {"Payment"}}, ids...)
	old := submitted(p).operation()
	w.settle()
	p = sam.get("/operations/"+old).click("Edit").want(200, "Edit this request?", old+" is taken back")
	p = p.press("confirm", nil).want(200, "What should be changed?", "2 patient ids pasted", "takes the place of "+old)
	sam.get("/operations/"+old).want(200, "Cancelled")
	if got := controls(p.doc).Get("hold_reason"); got != "Payment" {
		t.Errorf("the answer before was Payment, and the form says %q", got)
	}
	if who := p.click("Change"); who.value("ids") != ids[0]+"\n"+ids[1] {
		t.Errorf("the ids to change are %q", who.value("ids"))
	}
	p = p.press("continue", url.Values{"hold_reason": {"Family request"}}).want(200, "Planning")
	w.settle()
	p = sam.get(p.path).want(200, "Change status to On Hold (family request)", "Edit of", old)
	sam.get("/operations/"+old).want(200, "Followed by", p.operation())
	submitted(p)
}

func TestARejectedRequestIsEdited(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	list := sam.get("/patients").press("apply", url.Values{"status": {"Active"}, "facility": {"riverside"}}).press("select-all", nil)
	p := list.press("bulk-operations", nil).click("Status Change").press("continue", url.Values{"to": {string(registry.Hospitalized)}})
	w.settle()
	old := submitted(sam.get(p.path)).operation()
	w.settle()
	w.signedIn("maria").get("/operations/"+old+"/decision").press("reject", url.Values{"comment": {"Only those of last week."}}).want(200)
	p = sam.get("/operations/"+old).click("Edit").press("confirm", nil).want(200, "All that match the filter", "Status: Active", "Facility: Riverside")
	who := p.click("Change").want(200, "Which patients?")
	p = who.press("continue", url.Values{"registered_from": {"2020-01-01"}}).want(200, "Registered: from 1 Jan 2020")
	p.press("continue", nil).want(200, "Planning")
	sam.get("/operations/"+old).want(200, "Rejected", "Followed by")
}

func TestWhatIsApprovedIsNotEdited(t *testing.T) {
	w := newWorld(t, 200)
	sam := w.signedIn("sam")
	op := submitted(planned(sam, registry.Hospitalized, activeIn(w, "riverside", 1)...)).operation()
	w.settle()
	form := sam.get("/operations/" + op).click("Edit")
	w.signedIn("maria").get("/operations/"+op+"/decision").press("approve", nil).want(200)
	form.press("confirm", nil).want(200, "It has moved on")
	w.settle()
	if p := sam.get("/operations/"+op).want(200, "Completed"); p.id("to-edit") != nil {
		t.Error("what has run is offered to be edited")
	}
}

// The form of every kind, filled in from an earlier request and sent as it is,
// asks for the same.
func TestAnEditedRequestBeginsWithTheSameAnswers(t *testing.T) {
	for _, k := range kind.All {
		if k.Follows || !kindtest.Drawn(k) {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				params := maps.Clone(kindtest.DrawOf(t, k))
				maps.DeleteFunc(params, func(_, answer string) bool { return answer == "" })
				sameWords := func(a, b string) bool { // what is ticked has no order
					return slices.Equal(slices.Sorted(strings.FieldsSeq(a)), slices.Sorted(strings.FieldsSeq(b)))
				}
				if got := portal.AnsweredAgain(k.Name, params); !maps.EqualFunc(got, params, sameWords) {
					t.Fatalf("asked %v, and then %v", params, got)
				}
			})
		})
	}
}
