package portal_test

import (
	"net/url"
	"strings"
	"testing"

	"bulkops/internal/registry"
)

// download is the text of a file that the page leads to, without its mark.
func download(p *page, words string) string {
	p.b.t.Helper()
	return strings.TrimPrefix(p.click(words).body, "\ufeff")
}

// Who could not be changed comes back in the columns of the file, and goes in
// again as it is once the reason is gone.
func TestTheFileOfThoseNotChangedIsUploadedAgain(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 3)
	lock := func(id, by string) {
		must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(id), registry.Fields{registry.LockedBy: by}, "Rita", noon))
	}
	lock(ids[0], "Rita")
	send := func(file string) *page {
		p := sam.get("/operations/new/data-correction").pressWith("continue", nil, &upload{"a.csv", file}).want(200, "Is this what the file should change?")
		if strings.Contains(p.text(), "Outcome") {
			t.Error("the columns that we added are spoken of")
		}
		p = p.press("continue", nil)
		w.settle()
		return sam.get(p.path).want(200, "Ready to submit")
	}
	approve := func(p *page) *page {
		op := submitted(p).operation()
		w.settle()
		maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
		if p.operation() != op {
			t.Error("another operation")
		}
		return p
	}
	p := send("remark;MRN;Phone\n=keep;" + ids[0] + ";+15125550100\nb;" + ids[1] + ";+15125550101\nc;" + ids[2] + ";+15125550102\n")
	leftOut := download(p, "Download those left out (CSV)")
	if want := "remark,MRN,Phone,Outcome code,Outcome reason\r\n'=keep," + ids[0] + ",'+15125550100,locked,The record is locked by Rita.\r\n"; leftOut != want {
		t.Errorf("those left out:\n%s\nwant\n%s", leftOut, want)
	}
	approve(p)
	lock(ids[1], "Rita")
	w.settle()
	p = sam.get("/operations/"+p.operation()).want(200, "Completed with errors", "has the columns of the file that was uploaded")
	checkMarkup(t, p)
	notChanged := download(p, "Download those not changed (CSV)")
	if want := "remark,MRN,Phone,Outcome code,Outcome reason\r\nb," + ids[1] + ",'+15125550101,locked,The record is locked by Rita.\r\n"; notChanged != want {
		t.Errorf("those not changed:\n%s\nwant\n%s", notChanged, want)
	}
	// What an approver gets of it are the ids.
	approvers := download(maria.get("/operations/"+p.operation()), "Download those not changed (CSV)")
	if want := "patient_id,Outcome code,Outcome reason\r\n" + ids[1] + ",locked,The record is locked by Rita.\r\n"; approvers != want {
		t.Errorf("those not changed, for an approver:\n%s\nwant\n%s", approvers, want)
	}
	lock(ids[0], "")
	lock(ids[1], "")
	_, rest, _ := strings.Cut(leftOut, "\r\n")
	p = approve(send(notChanged+rest).want(200, "2 patients to change"))
	w.settle()
	sam.get("/operations/"+p.operation()).want(200, "Completed")
	for i, id := range ids {
		records, err := w.store.Records(t.Context(), []registry.Ref{registry.ProfileRef(id)})
		must(t, err)
		if got, want := records[registry.ProfileRef(id)].Get(registry.Phone), "+1512555010"+string(rune('0'+i)); got != want {
			t.Errorf("%s has the phone %q, want %q", id, got, want)
		}
	}
}

// Whom another run can help is ticked; ticks are taken away and set, and each
// reason is run again once. The file of a rerun has the columns of the first one's.
func TestReasonsForARerunAreTicked(t *testing.T) {
	w := newWorld(t, 200)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	ids := activeIn(w, "riverside", 3)
	p := sam.get("/operations/new/status-change").press("continue", map[string][]string{"way": {"upload"}})
	p = p.pressWith("continue", nil, &upload{"a.csv", "id,ward\n" + ids[0] + ",A\n" + ids[1] + ",B\n" + ids[2] + ",C\n"}).want(200, "What should be changed?")
	p = p.press("continue", map[string][]string{"to": {"Hospitalized"}})
	w.settle()
	op := submitted(sam.get(p.path)).operation()
	w.settle()
	maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.LockedBy: "Rita"}, "Rita", noon))
	w.store.Remove(registry.ProfileRef(ids[1]))
	w.settle()
	p = sam.get("/operations/"+op).want(200, "Locked since the preview: 1", "Record no longer there: 1")
	checkMarkup(t, p)
	if !has(p.id("code-locked"), "checked") || has(p.id("code-gone"), "checked") {
		t.Error("ticked are others than those whom a rerun can help")
	}
	none := p.press("run-again", url.Values{"code": nil}).want(422, "Tick at least one reason.", "Run it again for those who were not changed?")
	checkMarkup(t, none)
	if has(none.id("code-locked"), "checked") {
		t.Error("a tick that was taken away is there again")
	}
	gone := none.press("run-again", url.Values{"code": {"gone"}})
	p = sam.get("/operations/"+op).press("run-again", nil)
	w.settle()
	p = sam.get(p.path)
	if got, want := download(p, "Download those left out (CSV)"), "id,ward,Outcome code,Outcome reason\r\n"+ids[0]+",A,locked,The record is locked by Rita.\r\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	sam.get(gone.path).want(200, "No patient can be changed", "record no longer there")

	// Nobody is in the way: what found nobody to change is not the one that goes on.
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.LockedBy: ""}, "Rita", noon))
	again := sam.get("/operations/"+op).press("run-again", nil)
	w.settle()
	p = sam.get("/operations/"+op).want(200, "Locked since the preview: 1 ", "Run again as "+again.operation())
	checkMarkup(t, p)
	if p.id("code-locked") != nil || p.id("code-gone") == nil {
		t.Error("a rerun is offered for those who are in one, or none for the others")
	}
}
