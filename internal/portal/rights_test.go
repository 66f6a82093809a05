package portal_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"bulkops/internal/kind"
	"bulkops/internal/portal"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// columns are the people of the matrix: nobody; Sam, who asked for the
// operation; Ana, of the staff like Sam; a team lead, a manager, an
// administrator and an auditor who may see it; and Vera, a manager of another
// facility.
var columns = []string{"nobody", "sam", "ana", "theo", "maria", "ida", "omar", "vera"}

// matrix says for every address what each of them is answered: the status
// without following a redirect. Operations are Sam's, at Riverside. {op:…}
// stands for one in that state; a POST sends only the form's token. A row with
// {kind} is one for every kind that is offered and has no row of its own.
var matrix = forEveryKind(map[string]string{
	//                                               target                                  nobody sam ana theo maria ida omar vera
	"GET /{$}":                                         "/                                          303 200 200 200 200 200 200 200",
	"GET /sign-in":                                     "/sign-in                                   303 303 303 303 303 303 303 303",
	"GET /signed-in":                                   "/signed-in                                 400 400 400 400 400 400 400 400",
	"POST /sign-out":                                   "/sign-out                                  303 303 303 303 303 303 303 303",
	"GET /signing-in":                                  "/signing-in                                303 303 303 303 303 303 303 303",
	"GET /welcome":                                     "/welcome                                   303 303 303 303 303 303 303 303",
	"GET /signed-out":                                  "/signed-out                                200 303 303 303 303 303 303 303",
	"GET /still-here":                                  "/still-here                                401 204 204 204 204 204 204 204",
	"POST /still-here":                                 "/still-here                                401 204 204 204 204 204 204 204",
	"GET /resume/{form}":                               "/resume/none                               303 404 404 404 404 404 404 404",
	"GET /patients":                                    "/patients                                  303 200 200 200 200 200 200 200",
	"POST /patients":                                   "/patients                                  303 303 303 303 303 303 303 303",
	"GET /patients/lists/{list}":                       "/patients/lists/{list}                     303 200 404 404 404 404 404 404",
	"POST /patients/lists/{list}":                      "/patients/lists/{list}                     303 303 404 404 404 404 404 404",
	"GET /patients/without-provider":                   "/patients/without-provider                 303 200 200 200 200 200 200 200",
	"POST /patients/without-provider":                  "/patients/without-provider                 303 303 303 303 303 303 303 303",
	"GET /patients/{patient}":                          "/patients/{patient}                        303 200 200 200 200 200 200 404",
	"GET /operations":                                  "/operations                                303 200 200 200 200 200 200 200",
	"GET /operations/new":                              "/operations/new                            303 200 200 200 200 200 403 200",
	"GET /operations/new/{kind}":                       "/operations/new/{kind}              303 200 200 200 200 200 403 200",
	"POST /operations/new/{kind}":                      "/operations/new/{kind}              303 422 422 422 422 422 403 422",
	"GET /operations/new/{kind}/{draft}/who":           "/operations/new/{kind}/{draft}/who  303 200 404 404 404 404 403 404",
	"POST /operations/new/{kind}/{draft}/who":          "/operations/new/{kind}/{draft}/who  303 422 404 404 404 404 403 404",
	"GET /operations/new/{kind}/{draft}/what":          "/operations/new/{kind}/{draft}/what 303 200 404 404 404 404 403 404",
	"POST /operations/new/{kind}/{draft}/what":         "/operations/new/{kind}/{draft}/what 303 422 404 404 404 404 403 404",
	"GET /operations/new/data-correction/example.csv":  "/operations/new/data-correction/example.csv  303 200 200 200 200 200 403 200",
	"GET /operations/new/insurance-change/example.csv": "/operations/new/insurance-change/example.csv  303 200 200 200 200 200 403 200",
	// A form without questions has nothing to be wrong.
	"POST /operations/new/data-correction/{draft}/what": "/operations/new/data-correction/{draft}/what 303 303 404 404 404 404 403 404",
	"GET /operations/{operation}":                       "/operations/{op:ready}                     303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/progress":              "/operations/{op:running}/progress          401 200 404 200 200 200 200 404",
	"GET /operations/{operation}/left-out/{code}":       "/operations/{op:ready}/left-out/unknown    303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/notices/{notice}":      "/operations/{op:sent}/notices/1-1           303 200 200 200 200 200 200 404", // who holds the facility
	"GET /operations/{operation}/outcomes/{code}":       "/operations/{op:ended}/outcomes/changed-since 303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/overlap/{other}":       "/operations/{overlap}                       303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/outcomes.csv":          "/operations/{op:ended}/outcomes.csv        303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/not-changed.csv":       "/operations/{op:ended}/not-changed.csv        303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/left-out.csv":          "/operations/{op:ended}/left-out.csv        303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/audit":                 "/operations/{op:ended}/audit               303 200 404 200 200 200 200 404",
	"GET /operations/{operation}/tasks":                 "/operations/{op:ended}/tasks               303 303 404 303 303 303 303 404",
	"POST /operations/{operation}/tasks":                "/operations/{op:ended}/tasks               303 422 404 422 422 422 403 404",
	"GET /operations/{operation}/submit":                "/operations/{op:ready}/submit              303 200 404 403 403 403 403 404",
	"POST /operations/{operation}/submit":               "/operations/{op:ready}/submit              303 409 404 403 403 403 403 404",
	"GET /operations/{operation}/take-back":             "/operations/{op:ready}/take-back           303 200 404 403 403 403 403 404",
	"POST /operations/{operation}/take-back":            "/operations/{op:ready}/take-back           303 303 404 403 403 403 403 404",
	"GET /operations/{operation}/edit":                  "/operations/{op:waiting}/edit              303 200 404 403 403 403 403 404",
	"POST /operations/{operation}/edit":                 "/operations/{op:waiting}/edit              303 303 404 403 403 403 403 404",
	"GET /operations/{operation}/stop":                  "/operations/{op:running}/stop              303 200 404 403 200 200 403 404",
	"POST /operations/{operation}/stop":                 "/operations/{op:running}/stop              303 303 404 403 303 303 403 404",
	"GET /operations/{operation}/rerun":                 "/operations/{op:ended}/rerun               303 200 404 200 200 200 403 404",
	"POST /operations/{operation}/rerun":                "/operations/{op:ended}/rerun               303 422 404 422 422 422 403 404",
	"GET /operations/{operation}/rollback":              "/operations/{op:ended}/rollback            303 200 404 200 200 200 403 404",
	"POST /operations/{operation}/rollback":             "/operations/{op:ended}/rollback            303 422 404 422 422 422 403 404",
	"GET /operations/{operation}/decision":              "/operations/{op:waiting}/decision          303 403 403 200 200 200 403 404",
	"POST /operations/{operation}/decision":             "/operations/{op:waiting}/decision          303 403 403 403 422 422 403 404",
	"GET /operations/{operation}/reassign":              "/operations/{op:waiting}/reassign          303 200 404 403 200 200 403 404",
	"POST /operations/{operation}/reassign":             "/operations/{op:waiting}/reassign          303 422 404 403 422 422 403 404",
	"GET /approvals":                                    "/approvals                                 303 403 403 200 200 200 403 200",
	"GET /approvals/{ref}":                              "/approvals/{ref}                           303 403 403 404 200 404 403 404",
	"POST /approvals/{ref}":                             "/approvals/{ref}                           303 403 403 404 422 404 403 404",
	"GET /audit":                                        "/audit                        303 200 200 200 200 200 200 200",
	"POST /audit":                                       "/audit                        303 303 303 303 303 303 303 303",
	"GET /audit/logs/{log}":                             "/audit/logs/{log}             303 200 404 404 404 404 404 404",
	"POST /audit/logs/{log}":                            "/audit/logs/{log}             303 303 404 404 404 404 404 404",
	"GET /audit/logs/{log}/audit.csv":                   "/audit/logs/{log}/audit.csv 303 200 404 404 404 404 404 404",
	"GET /away":                                         "/away                                      303 403 403 200 200 200 403 200",
	"POST /away":                                        "/away                                      303 403 403 422 422 422 403 422",
	"GET /admin/staff":                                  "/admin/staff                               303 403 403 403 403 200 403 403",
	"GET /admin/staff/{person}":                         "/admin/staff/sub-sam                       303 403 403 403 403 200 403 403",
	"POST /admin/staff/{person}":                        "/admin/staff/sub-sam                       303 403 403 403 403 422 403 403",
	"GET /admin/facilities":                             "/admin/facilities                          303 403 403 403 403 200 403 403",
	"GET /admin/facilities/{facility}":                  "/admin/facilities/riverside                303 403 403 403 403 200 403 403",
	"POST /admin/facilities/{facility}":                 "/admin/facilities/riverside                303 403 403 403 403 422 403 403",
	"GET /admin/providers/{provider}":                   "/admin/providers/P001                      303 403 403 403 403 200 403 403",
	"POST /admin/providers/{provider}":                  "/admin/providers/P001                      303 403 403 403 403 409 403 403",
	"GET /help":                                         "/help                                      303 200 200 200 200 200 200 200",
	"POST /help":                                        "/help                                      303 200 200 200 200 200 200 200",
	"GET /help/{topic}":                                 "/help/plan                                 303 200 200 200 200 200 200 200",
})

func forEveryKind(rows map[string]string) map[string]string {
	every := map[string]string{}
	for route, row := range rows {
		for _, k := range kind.All {
			own := strings.ReplaceAll(route, "{kind}", k.Name)
			if _, said := rows[own]; !k.Follows && (own == route || !said) {
				every[own] = strings.ReplaceAll(row, "{kind}", k.Name)
			}
		}
	}
	return every
}

// fixture makes what the targets of the matrix name.
type fixture struct {
	*world
	sam, maria *browser
	all        map[string]*browser
	unused     []string // patients whom no operation has yet
}

func newFixture(t *testing.T) *fixture {
	w := newWorld(t, 2000)
	vera := staff.Person{Sub: "sub-vera", Name: "Vera Mesa", Email: "vera.mesa@example.org", Role: staff.Manager, Facilities: []string{"mesa"}}
	w.people["vera"] = vera
	must(t, w.store.PutPerson(t.Context(), vera))
	f := &fixture{world: w, sam: w.signedIn("sam"), maria: w.signedIn("maria"), all: map[string]*browser{"nobody": w.browser()}}
	for _, name := range columns[1:] {
		f.all[name] = w.signedIn(name)
	}
	f.unused = activeIn(w, "riverside", 1000)
	return f
}

// operation makes one of Sam's in a state.
func (f *fixture) operation(state string) string {
	t := f.t.(*testing.T)
	ids := f.unused[:2]
	f.unused = f.unused[2:]
	if state == "exported" {
		return exported(f.sam, f.all["theo"], ids...)
	}
	p := (*page)(nil)
	if state == "sent" {
		p = plannedAs(f.sam, "communication", url.Values{"type": {"facility-notification"}, "heading": {"x"}, "text": {"x"}}, ids...)
	} else {
		p = planned(f.sam, registry.Hospitalized, ids[0], ids[1], "no-such-patient")
	}
	op := p.operation()
	if state == "ready" {
		return op
	}
	submitted(p)
	f.settle()
	if state == "waiting" {
		return op
	}
	f.maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	if state == "running" {
		f.machine.step(t.Context())
		return op
	}
	must(t, f.store.WriteByHand(t.Context(), registry.ProfileRef(ids[0]), registry.Fields{registry.StatusField: "Pending"}, "Rita", noon))
	f.settle()
	return op
}

// target puts what the fixture makes into the place of the names.
func (f *fixture) target(target string) string {
	for _, state := range []string{"ready", "waiting", "running", "ended", "sent", "exported"} {
		if name := "{op:" + state + "}"; strings.Contains(target, name) {
			target = strings.ReplaceAll(target, name, f.operation(state))
		}
	}
	if strings.Contains(target, "{ref}") {
		f.operation("waiting")
		target = strings.TrimSuffix(target, "/approvals/{ref}") + f.linkTo(f.t.(*testing.T), "maria.manager@example.org")
	}
	if strings.Contains(target, "{log}") {
		target = strings.Replace(target, "/audit/logs/{log}", f.sam.get("/audit").press("search", nil).path, 1)
	}
	if strings.Contains(target, "{overlap}") {
		ids := f.unused[:1]
		f.unused = f.unused[1:]
		sent := submitted(planned(f.sam, registry.Hospitalized, ids...)).operation()
		target = strings.ReplaceAll(target, "{overlap}", planned(f.sam, registry.Inactive, ids...).operation()+"/overlap/"+sent)
	}
	if strings.Contains(target, "{list}") {
		target = f.sam.get("/patients").press("tick-page", nil).path
	}
	if strings.Contains(target, "data-correction/{draft}") {
		p := f.sam.get("/operations/new/data-correction").pressWith("continue", nil, &upload{"a.csv", "id,phone\n000001,+15125550123\n"})
		target = strings.TrimSuffix(p.path, "/what") + target[strings.LastIndex(target, "/"):]
	}
	if form, _, ok := strings.Cut(target, "/{draft}"); ok {
		p := f.sam.get(form).press("continue", url.Values{"way": {"paste"}})
		if strings.HasSuffix(target, "/what") {
			p = p.press("continue", url.Values{"ids": {"000001"}})
		}
		target = p.path
	}
	return strings.ReplaceAll(target, "{patient}", activeIn(f.world, "riverside", 1)[0])
}

// send makes a request as the matrix means it.
func (f *fixture) send(method, target, who string) *page {
	b := f.all[who]
	if method == http.MethodPost {
		form := url.Values{}
		if who != "nobody" {
			form.Set("form_token", tokenOf(b.get("/help")))
		}
		p := b.do(b.formRequest(target, form))
		if target == "/sign-out" && who != "nobody" {
			f.all[who] = f.signedIn(who)
		}
		return p
	}
	return b.do(httptest.NewRequest(method, target, nil))
}

func TestWhoMayWhat(t *testing.T) {
	routes := portal.RouteTable()
	for _, route := range routes {
		if _, ok := matrix[route]; !ok {
			t.Errorf("%s has no row in the matrix", route)
		}
	}
	for route := range matrix {
		if !slices.Contains(routes, route) {
			t.Errorf("the matrix has a row for %s, which is not there", route)
		}
	}
	f := newFixture(t)
	for _, route := range slices.Sorted(maps.Keys(matrix)) {
		method, _, _ := strings.Cut(route, " ")
		cells := strings.Fields(matrix[route])
		target := ""
		for i, who := range columns {
			if method == http.MethodPost || target == "" {
				target = f.target(cells[0])
			}
			before := len(f.journal.accesses())
			p := f.send(method, target, who)
			f.checkWrittenDown(route, who, p.status, f.journal.accesses()[before:])
			if got, want := fmt.Sprint(p.status), cells[i+1]; got != want {
				t.Errorf("%s %s as %s: %s, want %s\n%.300s", method, cells[0], who, got, want, p.text())
			}
			if p.doc != nil && p.id("main") != nil && len(all(p.doc, isTag("main"))) != 1 {
				t.Errorf("%s as %s is answered by two pages", target, who)
			}
			if p.status == 403 && !strings.Contains(p.text(), "right") && !strings.Contains(p.text(), "Only ") && !strings.Contains(p.text(), "yourself") {
				t.Errorf("%s as %s does not say which right is missing: %.300s", target, who, p.text())
			}
		}
	}
}

// Somebody whom the identity provider knows and the staff directory does not
// may only sign out.
func TestAStrangerMayNothing(t *testing.T) {
	f := newFixture(t)
	stranger := f.browser()
	stranger.signIn("nobody-known", "/")
	for route, row := range matrix {
		method, _, _ := strings.Cut(route, " ")
		target := f.target(strings.Fields(row)[0])
		if strings.HasPrefix(target, "/sign") {
			continue
		}
		r := httptest.NewRequest(method, target, nil)
		if method == http.MethodPost {
			r = stranger.formRequest(target, url.Values{})
		}
		p := stranger.do(r).want(403, "You are signed in, but you have no access")
		if len(all(p.doc, isTag("main"))) != 1 {
			t.Errorf("%s: more than one page", target)
		}
	}
}

// An id of another facility and an id that does not exist are answered the
// same, byte for byte but for the id.
func TestAForeignIDIsAnUnknownID(t *testing.T) {
	f := newFixture(t)
	op, unknown := f.operation("ended"), "OP-000000-0000"
	for _, under := range []string{"", "/progress", "/outcomes.csv", "/audit", "/submit", "/take-back", "/stop", "/decision", "/left-out/unknown", "/outcomes/changed-since"} {
		foreign, none := f.send("GET", "/operations/"+op+under, "vera"), f.send("GET", "/operations/"+unknown+under, "vera")
		if foreign.status != 404 || foreign.status != none.status || strings.ReplaceAll(foreign.body, op, unknown) != none.body {
			t.Errorf("%s: %d and %d, or other words", under, foreign.status, none.status)
		}
	}
	mine, other := activeIn(f.world, "riverside", 1)[0], "999999"
	if a, b := f.send("GET", "/patients/"+mine, "vera"), f.send("GET", "/patients/"+other, "vera"); a.status != 404 || a.body != strings.ReplaceAll(b.body, other, mine) {
		t.Error("a patient of another facility is not the same as an unknown one")
	}
}

// No GET and no HEAD changes anything, whoever sends it, before and after the
// people have acted.
func TestReadingChangesNothing(t *testing.T) {
	f := newFixture(t)
	var targets []string
	for _, route := range slices.Sorted(maps.Keys(matrix)) {
		if strings.HasPrefix(route, "GET ") {
			targets = append(targets, f.target(strings.Fields(matrix[route])[0]))
		}
	}
	dump := func() string {
		var b strings.Builder
		for _, who := range []string{"sam", "maria"} {
			ops, err := f.engine.Mine(t.Context(), f.people[who], 1000)
			must(t, err)
			for _, op := range ops {
				text, err := json.Marshal(op)
				must(t, err)
				_, _ = fmt.Fprintf(&b, "%s\n", text)
			}
		}
		_, _ = fmt.Fprintln(&b, len(f.store.Changes()), len(f.mails))
		return b.String()
	}
	before := dump()
	for _, target := range targets {
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions, http.MethodGet} {
			for _, who := range columns {
				f.send(method, target, who)
			}
		}
	}
	if dump() != before {
		t.Error("reading has changed something")
	}
	// A link that scanners have opened still works.
	link := f.target("/approvals/{ref}")
	for range 5 {
		f.send(http.MethodHead, link, "nobody")
		f.send(http.MethodGet, link, "nobody")
	}
	f.maria.get(link).press("approve", nil).want(200, "Success")
}

// The menu shows only what somebody may use.
func TestTheMenuShowsWhatSomebodyMayUse(t *testing.T) {
	f := newFixture(t)
	for who, want := range map[string]string{
		"sam": "Home Patients Patient Operations Bulk Operations Start a bulk operation Exports Audit Help", "omar": "Home Patients Patient Operations Bulk Operations Exports Audit Help",
		"theo": "Home Patients Patient Operations Bulk Operations Start a bulk operation Exports Approvals 0 waiting for you Audit Help",
	} {
		nav := find(f.all[who].get("/").doc, func(n *html.Node) bool { return n.Data == "nav" && attr(n, "aria-label") == "Main" })
		if got := squeeze(text(nav)); got != want {
			t.Errorf("%s is shown %q, want %q", who, got, want)
		}
	}
}

// lost says what Sam, who asked for the operations of the matrix, is answered
// about them when he no longer holds their facility, and a manager who still
// does.
var lost = map[string]string{
	//                                         target                                     sam maria
	"GET /operations/{operation}":                 "/operations/{op:ended}                        200 200",
	"GET /operations/{operation}/progress":        "/operations/{op:running}/progress             200 200",
	"GET /operations/{operation}/left-out/{code}": "/operations/{op:ready}/left-out/unknown       403 200",
	"GET /operations/{operation}/outcomes/{code}": "/operations/{op:ended}/outcomes/changed-since 403 200",
	"GET /operations/{operation}/overlap/{other}": "/operations/{overlap}                         403 200",
	"GET /operations/{operation}/outcomes.csv":    "/operations/{op:ended}/outcomes.csv           403 200",
	"GET /operations/{operation}/not-changed.csv": "/operations/{op:ended}/not-changed.csv        403 200",
	"GET /operations/{operation}/left-out.csv":    "/operations/{op:ended}/left-out.csv           403 200",
	"GET /operations/{operation}/audit":           "/operations/{op:ended}/audit                  403 200",
	"GET /operations/{operation}/take-back":       "/operations/{op:waiting}/take-back            200 403",
	"GET /operations/{operation}/edit":            "/operations/{op:waiting}/edit                 403 403",
	"POST /operations/{operation}/edit":           "/operations/{op:waiting}/edit                 403 403",
	"GET /operations/{operation}/stop":            "/operations/{op:running}/stop                 200 200",
	"GET /operations/{operation}/rerun":           "/operations/{op:ended}/rerun                  403 200",
	"POST /operations/{operation}/rerun":          "/operations/{op:ended}/rerun                  403 422",
	"GET /operations/{operation}/rollback":        "/operations/{op:ended}/rollback               403 200",
	"POST /operations/{operation}/rollback":       "/operations/{op:ended}/rollback               403 422",
}

// Who lost a facility sees of their own operations state and counts, and is told
// why no more.
func TestWhoLostAFacility(t *testing.T) {
	f := newFixture(t)
	sam := f.people["sam"]
	holding := func(facilities ...string) {
		p := sam
		p.Facilities = facilities
		must(t, f.store.PutPerson(t.Context(), p))
	}
	for route, row := range lost {
		method, _, _ := strings.Cut(route, " ")
		cells := strings.Fields(row)
		for i, who := range []string{"sam", "maria"} {
			holding(sam.Facilities...)
			target := f.target(cells[0])
			holding("mesa")
			if p := f.send(method, target, who); fmt.Sprint(p.status) != cells[i+1] {
				t.Errorf("%s %s as %s: %d, want %s\n%.300s", method, cells[0], who, p.status, cells[i+1], p.text())
			}
		}
	}
	holding(sam.Facilities...)
	for _, state := range []string{"ready", "waiting", "ended"} {
		holding(sam.Facilities...)
		op := f.operation(state)
		named := f.sam.get("/operations/"+op).want(200, "Every patient: old and new values", "no-such-patient")
		f.writeAudit()
		logged := f.sam.get("/audit").press("search", url.Values{"operation": {op}}).want(200)
		patient := find(named.id("plan"), func(n *html.Node) bool { return attr(n, "class") == "under" })
		holding("mesa")
		p := f.sam.get("/operations/"+op).want(200, "Only the numbers are shown", "You no longer hold every facility that "+op+" is about", "2 patients to change", "History")
		checkMarkup(t, p)
		for _, b := range []*page{p, f.sam.get("/operations"), f.sam.get(logged.path)} {
			if strings.Contains(b.body, text(patient)) || strings.Contains(b.body, "no-such-patient") {
				t.Errorf("%s, %s: still names the patients", b.path, state)
			}
		}
	}
}
