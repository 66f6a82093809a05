package portal_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
)

// unkind are words that no page uses.
var unkind = regexp.MustCompile(`(?i)\b(invalid|please|sorry|forbidden|oops|illegal|error occurred|click here)\b`)

// checkMarkup names what a page's HTML lacks.
func checkMarkup(t *testing.T, p *page) {
	t.Helper()
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf(p.path+": "+format, args...)
	}
	if n := len(all(p.doc, isTag("h1"))); n != 1 {
		wrong("%d h1", n)
	}
	if p.title() == "" || !strings.HasSuffix(p.title(), " – bulkops") {
		wrong("title %q", p.title())
	}
	ids := map[string]bool{}
	focusable := map[string]bool{}
	labelled := map[string]bool{}
	for _, n := range all(p.doc, func(*html.Node) bool { return true }) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				wrong("the id %q is there twice", id)
			}
			ids[id] = true
			focusable[id] = has(n, "tabindex") || slices.Contains([]string{"input", "select", "textarea", "button", "a", "summary"}, n.Data)
		}
		if n.Data == "label" {
			labelled[attr(n, "for")] = true
		}
	}
	level := 0
	for _, n := range all(p.doc, func(*html.Node) bool { return true }) {
		switch n.Data {
		case "h1", "h2", "h3", "h4":
			now := int(n.Data[1] - '0')
			if now > level+1 && (level != 0 || now != 2) { // a list of problems stands before the h1
				wrong("%s %q follows h%d", n.Data, squeeze(text(n)), level)
			}
			level = now
		case "input", "select", "textarea":
			if attr(n, "type") != "hidden" && !labelled[attr(n, "id")] {
				wrong("the field %q has no label", attr(n, "name"))
			}
			if has(n, "required") {
				wrong("the field %q is required by the browser", attr(n, "name"))
			}
		case "form":
			if attr(n, "method") == "post" && find(n, func(c *html.Node) bool { return attr(c, "name") == "form_token" }) == nil {
				wrong("a form has no token")
			}
			if attr(n, "method") == "post" && (!strings.HasPrefix(attr(n, "action"), "/") || strings.HasPrefix(attr(n, "action"), "/resume")) {
				wrong("a form goes to %q", attr(n, "action"))
			}
		case "button":
			if attr(n, "type") == "" || squeeze(text(n)) == "" {
				wrong("a button without type or words")
			}
		case "table":
			if find(n, isTag("caption")) == nil {
				wrong("a table without a caption")
			}
			for _, cell := range all(n, isTag("td")) {
				if slices.Contains(strings.Fields(attr(n, "class")), "stack") && attr(cell, "data-label") == "" && attr(cell, "class") != "tick" && !has(cell, "colspan") {
					wrong("a cell without the head of its column: %q", squeeze(text(cell)))
				}
			}
		case "th":
			if attr(n, "scope") == "" {
				wrong("a head cell without scope: %q", squeeze(text(n)))
			}
		case "fieldset":
			if find(n, isTag("legend")) == nil {
				wrong("a fieldset without a legend")
			}
		case "a":
			to := attr(n, "href")
			if squeeze(text(n)) == "" {
				wrong("a link without words to %q", to)
			}
			if id, ok := strings.CutPrefix(to, "#"); ok && !ids[id] {
				wrong("a link to %q, which is not on the page", to)
			}
			if id, ok := strings.CutPrefix(to, "#"); ok && within(n, "problems") && !focusable[id] {
				wrong("a problem leads to %q, which cannot have the focus", to)
			}
		case "script":
			if attr(n, "src") == "" || text(n) != "" && n.FirstChild != nil {
				wrong("a script in the page")
			}
		case "style", "iframe", "object", "embed", "b", "marquee", "img":
			wrong("an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				wrong("an attribute %s", a.Key)
			}
			for _, id := range strings.Fields(a.Val) {
				if strings.HasPrefix(a.Key, "aria-") && (a.Key == "aria-describedby" || a.Key == "aria-labelledby") && !ids[id] {
					wrong("%s names %q, which is not on the page", a.Key, id)
				}
			}
		}
		if n.Data == "meta" && attr(n, "http-equiv") != "" {
			wrong("a meta %s", attr(n, "http-equiv"))
		}
	}
	if word := unkind.FindString(p.text()); word != "" {
		wrong("says %q", word)
	}
	if strings.Contains(p.body, "ZgotmplZ") || strings.Contains(p.text(), "<no value>") || strings.Contains(p.text(), "%!") {
		wrong("a template went wrong")
	}
}

// within reports whether a node is in the element with the id.
func within(n *html.Node, id string) bool {
	for ; n != nil; n = n.Parent {
		if attr(n, "id") == id {
			return true
		}
	}
	return false
}

// crawl looks at every page that somebody reaches by links.
func crawl(t *testing.T, b *browser, from ...string) map[string]*page {
	t.Helper()
	seen := map[string]*page{}
	for len(from) > 0 {
		target := from[0]
		from = from[1:]
		if seen[target] != nil || len(seen) > 400 {
			continue
		}
		p := b.get(target)
		seen[target] = p
		if p.doc == nil {
			continue
		}
		if p.status != 200 {
			t.Errorf("%s answers %d", target, p.status)
		}
		checkMarkup(t, p)
		for _, a := range all(p.doc, isTag("a")) {
			to, _, _ := strings.Cut(attr(a, "href"), "#")
			if strings.HasPrefix(to, "?") {
				path, _, _ := strings.Cut(target, "?")
				to = path + to
			}
			if to != "" && !strings.HasPrefix(to, "/static/") && !slices.Contains(from, to) {
				from = append(from, to)
			}
		}
	}
	return seen
}

// Every page that can be reached is well made, with names that try to break it,
// and no name gets into an address or a title.
func TestEveryPageIsWellMade(t *testing.T) {
	w := newWorld(t, 120)
	// Everybody at one facility, with the worst names.
	var ids []string
	for n := 1; n <= 30; n++ {
		id := sample.PatientID(n)
		ids = append(ids, id)
		must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(id),
			registry.Fields{registry.FacilityField: "riverside", registry.StatusField: "Active", registry.LockedBy: ""}, `Rita <i>"R"</i>`, noon))
	}
	must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(ids[6]), registry.Fields{registry.LockedBy: `<script>x</script>`, registry.LockedWhy: `"&'`}, "Rita", noon))
	sam, maria, omar := w.signedIn("sam"), w.signedIn("maria"), w.signedIn("omar")
	ready := planned(sam, registry.Inactive, append(ids, "<b>x</b>", "unknown-2")...).operation()
	waiting := submitted(planned(sam, registry.Discharged, ids...)).operation()
	ended := submitted(planned(sam, registry.Hospitalized, ids...)).operation()
	w.settle()
	maria.get("/operations/"+ended+"/decision").press("approve", url.Values{"comment": {"<b>Yes</b> & 'no'"}}).want(200)
	for _, id := range ids[:3] {
		must(t, w.store.WriteByHand(t.Context(), registry.ProfileRef(id), registry.Fields{registry.Upcoming: "2027-01-01T09:00Z/V1", registry.StatusField: "On Hold"}, `<b>Rita</b>`, noon))
	}
	w.settle()
	message := submitted(plannedAs(sam, "communication", url.Values{"type": {"facility-notification"}, "heading": {"<b>New</b> hours"},
		"text": {"Dear {recipient},\n<script>alert(1)</script> & {patients}"}}, ids...)).operation()
	w.settle()
	maria.get("/operations/"+message+"/decision").press("approve", nil).want(200)
	w.settle()
	checkMarkup(t, sam.get("/operations/"+message+"/notices/1-1").want(200, "Patients whom the message is about"))

	// Pages that only forms lead to, empty, with problems, and full.
	var starts []string
	for _, way := range []string{"filter", "paste", "upload"} {
		p := sam.get("/operations/new/status-change").press("continue", url.Values{"way": {way}})
		checkMarkup(t, p)
		starts = append(starts, p.path)
		checkMarkup(t, p.press("continue", url.Values{"registered_from": nil, "status": {"Deceased"}, "ids": nil, "tag": {"a b"}}))
	}
	for name, wrong := range map[string]url.Values{
		"status-change":         {"to": {"On Hold"}},
		"provider-reassignment": {"to": {"several"}, "providers": {`<b>"`}},
		"tags":                  {"add": {`<b>"x"</b>, VIP`}, "remove": {"vip"}},
		"export":                {"type": {"full-record"}, "format": {"csv"}, "columns": {"full-record/patient.name"}},
		"communication":         {"type": {"internal-alert"}, "heading": {`{<b>"x"</b>}`}, "text": {`<script>`}},
		"insurance-change":      {"plan": {`<i>"`}, "effective": {"2027-02-30"}, "ended": {"yes"}},
		"visit-scheduling":      {"type": {`<b>"`}, "from": {"2027-02-30"}, "minutes": {`"`}, "with": {"one"}, "at": {"between"}, "earliest": {"x"}, "times": {"1"}},
	} {
		form := whatPage(sam, name, ids[0])
		checkMarkup(t, form)
		checkMarkup(t, form.press("continue", wrong).want(422))
	}
	for _, k := range kind.All {
		if !k.Follows && !k.ByFile {
			checkMarkup(t, whatPage(sam, k.Name, ids[0]).press("continue", nil).want(422))
		}
	}
	checkMarkup(t, sam.get("/operations/new/status-change").press("continue", nil).want(422))
	file := exported(sam, w.signedIn("theo"), ids...)
	exported(sam, w.signedIn("theo"), ids[0])
	checkMarkup(t, sam.get("/operations/"+file+"/passphrase").press("show", nil).want(200))
	checkMarkup(t, sam.get("/operations/"+file+"/passphrase").want(200))
	checkMarkup(t, sam.get("/operations/"+ready+"/submit").press("submit", nil).want(422))
	checkMarkup(t, sam.get("/operations/"+ready+"/submit").press("submit", url.Values{"start_date": {"x"}, "start_time": {"1"}, "stop_percent": {"x"}, "stop_after": {"x"}}).want(422))
	checkMarkup(t, maria.get("/operations/"+waiting+"/decision").press("reject", nil).want(422))
	checkMarkup(t, maria.get("/operations/"+waiting+"/decision").press("reject", url.Values{"verdict": {"<b>"}, "comment": {"x"}}).want(422))
	checkMarkup(t, maria.get("/operations/"+waiting+"/reassign").press("confirm", url.Values{"to": {"<b>"}}).want(422))
	list := sam.get("/patients").press("search", url.Values{"text": {"<script>"}}).want(200, `<script>alert("x")</script>`)
	none := list.press("search", url.Values{"text": {`"nobody' <b>`}}).want(200, "No patient matches these filters")
	checkMarkup(t, none)
	list = none.press("clear-filter", nil).press("select-all", nil)
	starts = append(starts, list.path, list.press("bulk-operations", nil).path, "/", "/operations/"+ready, "/operations?state=waiting", "/operations?state=done")
	for _, who := range []string{"sam", "maria", "omar"} {
		b := map[string]*browser{"sam": sam, "maria": maria, "omar": omar}[who]
		from := []string{"/"}
		if who == "sam" {
			from = starts
		}
		for target, p := range crawl(t, b, from...) {
			for _, name := range append(sample.HostileNames, sample.Canary) {
				decoded, _ := url.QueryUnescape(target)
				if len(name) > 5 && (strings.Contains(decoded, name) || p.doc != nil && strings.Contains(p.title(), name)) {
					t.Errorf("the address or title of %s holds the name %q", target, name)
				}
			}
		}
	}
	auditLog := omar.get("/audit").press("search", url.Values{"show": {"changes"}}).want(200, "Record changed")
	checkMarkup(t, auditLog)
	checkMarkup(t, auditLog.press("older", nil).want(200))
	checkMarkup(t, auditLog.press("search", url.Values{"from": {"soon"}, "to": {"2026-13-01"}}).want(422, "Write the day as year-month-day"))
	checkMarkup(t, auditLog.press("search", url.Values{"operator": {`<b>"nobody'`}}).want(200, "Nothing"))
	checkMarkup(t, omar.get("/operations/"+ended+"/audit").want(200, "What happened", "Batch 1"))
	checkMarkup(t, omar.get("/operations/new").want(403))
	checkMarkup(t, sam.get("/no/such/page").want(404))
	checkMarkup(t, w.browser().signIn("nobody-known", "/").want(403))
	checkMarkup(t, w.browser().get("/signed-out"))
	checkMarkup(t, w.browser().get("/signed-in").want(400))

	// Each hostile name stands on the plan's page as it is.
	body := sam.get("/operations/" + ready).text()
	for _, name := range sample.HostileNames {
		if !strings.Contains(body, squeeze(name)) {
			t.Errorf("the plan does not show %q", name)
		}
	}
	for _, line := range w.logs {
		if strings.Contains(line, "Zqxvcanary") {
			t.Errorf("the log holds a name: %s", line)
		}
	}
}
