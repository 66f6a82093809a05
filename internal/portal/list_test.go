package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/registry"
)

// A selection is kept while turning pages, and across filters.
func TestASelectionSurvivesPagesAndFilters(t *testing.T) {
	w := newWorld(t, 1000)
	sam := w.signedIn("sam")
	p := sam.get("/patients")
	first := controls(p.id("patients"))["shown"]
	p = p.press("tick-page", nil).want(200, "50 selected", "Untick this page")
	p = p.pressPage("2").want(200, "50 selected", "Tick this page")
	if strings.Contains(p.path, first[0]) || p.title() != "Patients, page 2 of "+lastPage(p)+" – bulkops" {
		t.Errorf("at %s with the title %q", p.path, p.title())
	}
	second := controls(p.id("patients"))["shown"]
	if slices.Contains(second, first[0]) {
		t.Error("page 2 shows patients of page 1")
	}
	p = p.pressPage("1", second[:2]...).want(200, "52 selected")
	p = p.press("apply", url.Values{"status": {"On Hold"}}).want(200, "52 selected")
	p = p.press("clear-filter", nil).want(200, "52 selected")
	p.press("bulk-operations", nil).want(200, "52 patients ticked one by one")
	w.settle()
}

// "Select all" is everybody who matches, but those unticked after it.
func TestSelectingAllThatMatch(t *testing.T) {
	w := newWorld(t, 1000)
	sam := w.signedIn("sam")
	p := sam.get("/patients").press("apply", url.Values{"status": {"Active"}})
	p = p.press("select-all", nil)
	shown := controls(p.id("patients"))["shown"]
	p = p.pressPage("2", shown[3:]...).want(200, "3 left out")
	if p.id("select-all") != nil {
		t.Error("everybody is selected already")
	}
	p = p.press("apply", url.Values{"status": {"Pending"}}).want(200, "None selected", "“All that match” was for the former filter")
	sam.get(p.path).want(200)
	p.press("bulk-operations", nil).want(422, "No patients are selected. Tick at least one")
}

func TestSearchingByNameOrID(t *testing.T) {
	w := newWorld(t, 300)
	sam := w.signedIn("sam")
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef("000200"), registry.Fields{registry.FacilityField: "riverside"}, "Rita", noon))
	sam.get("/patients").press("search", url.Values{"text": {"000200"}}).want(200, "1 patient matches")
	p := sam.get("/patients").press("search", url.Values{"text": {"zqxvCANARY"}}).want(200, "1 patient matches", "Zqxvcanary Testperson")
	if strings.Contains(strings.ToLower(p.path), "canary") || !strings.HasPrefix(p.path, "/patients/lists/") {
		t.Errorf("the address %s", p.path)
	}
	// A patient of another facility is not found.
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef("000001"), registry.Fields{registry.FacilityField: "mesa"}, "Rita", noon))
	sam.get("/patients").press("search", url.Values{"text": {"canary"}}).want(200, "No patient matches")
	sam.get("/patients").press("search", url.Values{"text": {"000001"}}).want(200, "No patient matches")
	sam.get(p.path).want(200)
	sam.get("/patients").press("search", url.Values{"text": {strings.Repeat("x", 101)}}).want(422, "Shorten the name or id")
}

// A page that is not there is the first.
func TestAPageOutOfRange(t *testing.T) {
	w := newWorld(t, 300)
	sam := w.signedIn("sam")
	for _, page := range []string{"0", "-1", "99", "x", "99999999999999999999"} {
		sam.get("/patients?page="+page).want(200, "Patients")
		if p := sam.get("/patients?page=" + page); !strings.HasPrefix(p.title(), "Patients, page 1 of") {
			t.Errorf("page %s: %q", page, p.title())
		}
	}
}

// pressPage turns to a page of the list, with these ticked besides.
func (p *page) pressPage(number string, ticks ...string) *page {
	p.b.t.Helper()
	values := controls(p.id("patients"))
	if ticks != nil {
		values["tick"] = ticks
	}
	values.Set("do", "page-"+number)
	return p.b.post(attr(p.id("patients"), "action"), values)
}

func lastPage(p *page) string {
	_, rest, _ := strings.Cut(p.title(), " of ")
	last, _, _ := strings.Cut(rest, " ")
	return last
}
