package walk_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bulkops/test/walk"
)

const page = `<!doctype html><html><head><title>Choose – test</title><script>never()</script></head><body><main>
<h1>Choose   patients</h1><p hidden>secret</p><p>12 <b>pat</b>ients</p><a href="/other">Go <span>on</span></a>
<table><caption>Plan</caption><tr><th>Patient</th><th>New</th></tr><tr><td>000001</td><td>On Hold</td></tr></table>
<form method="post" action="/take" id="main">
<input type="hidden" name="token" value="t-1">
<label for="name">Name <span>or id</span></label><input id="name" name="name" value="Ann">
<label>Why<textarea name="why">
line 1
line 2</textarea></label>
<label for="s">Status</label><select id="s" name="status"><option value="">Any</option><option>Active</option><option value="h" selected>On Hold</option></select>
<input type="radio" id="r1" name="to" value="a" checked><label for="r1">First</label>
<input type="radio" id="r2" name="to" value="b"><label for="r2">Second</label>
<input type="checkbox" name="tick" value="1" aria-label="Select Ann"><input type="checkbox" name="tick" value="2" aria-label="Select Bo" checked>
<input name="off" value="x" disabled>
<button name="do" value="save">Save</button><button type="button">Script only</button>
<button formaction="/file" formenctype="multipart/form-data" name="do" value="send">Send the file</button>
<input type="file" id="f" name="f"><label for="f">CSV file</label>
</form>
<form action="/search"><label for="q">Words</label><input id="q" name="q"><input type="submit" value="Search"></form>
<button form="main" name="do" value="far">Far away</button>
</main></body></html>`

// server shows the page, and what forms sent as text.
func server(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: "s-1", Path: "/", Secure: true, HttpOnly: true})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
	})
	shown := func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseMultipartForm(1 << 20) // a form that is none has no parts
		cookie, _ := r.Cookie("__Host-session")
		if err := new(http.CrossOriginProtection).Check(r); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s %s form=%q cookie=%v origin=%s site=%s", r.Method, r.URL, r.Form.Encode(), cookie, r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site"))
		if file, header, err := r.FormFile("f"); err == nil {
			content, _ := io.ReadAll(file)
			fmt.Fprintf(w, " file=%s:%s", header.Filename, content)
		}
	}
	mux.HandleFunc("POST /take", shown)
	mux.HandleFunc("POST /file", shown)
	mux.HandleFunc("GET /search", shown)
	mux.HandleFunc("GET /other", shown)
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/other?code=1", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusSeeOther) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func open(t *testing.T) *walk.Page {
	t.Helper()
	p, err := walk.New(nil).Open(context.Background(), server(t)+"/")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReading(t *testing.T) {
	p := open(t)
	if p.Title() != "Choose – test" || !p.Says("Choose patients 12 patients Go on") || p.Says("never") || p.Says("secret") {
		t.Errorf("title %q, text %q", p.Title(), p.Text())
	}
	if n, err := p.Find(`(\d+) patients`); n != "12" || err != nil {
		t.Error(n, err)
	}
	rows, err := p.Rows("Plan")
	if err != nil || fmt.Sprint(rows) != "[[Patient New] [000001 On Hold]]" {
		t.Error(rows, err)
	}
	if _, err := p.Need("Goodbye"); err == nil || !strings.Contains(err.Error(), "Choose patients") {
		t.Errorf("the error does not show the page: %v", err)
	}
}

func TestFormsAreSentAsABrowserSendsThem(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		fill func(*walk.Page) *walk.Form
		want []string
	}{
		"as it is": {func(p *walk.Page) *walk.Form { return p.Form("Save") },
			[]string{"POST /take", "do=save&f=&name=Ann&status=h&tick=2&to=a&token=t-1&why=line+1%0D%0Aline+2", "cookie=__Host-session=s-1", "site=same-origin"}},
		"filled in": {func(p *walk.Page) *walk.Form {
			return p.Form("Save").Fill("Name or id", "Bo").Fill("Why", "x").Choose("Status", "Active").Tick("Second").Tick("Select Ann").Untick("Select Bo")
		}, []string{"do=save&f=&name=Bo&status=Active&tick=1&to=b&token=t-1&why=x"}},
		"with a file": {func(p *walk.Page) *walk.Form {
			return p.Form("Send the file").Attach("CSV file", "a.csv", []byte("id\n1"))
		},
			[]string{"POST /file", "do=send", "file=a.csv:id\n1"}},
		"by a search":            {func(p *walk.Page) *walk.Form { return p.Form("Search").Fill("Words", "a b") }, []string{"GET /search?q=a+b"}},
		"by a button outside":    {func(p *walk.Page) *walk.Form { return p.Form("Far away").TickAll() }, []string{"do=far", "tick=1&tick=2"}},
		"with a forged token":    {func(p *walk.Page) *walk.Form { return p.Form("Save").Set("token", "t-2") }, []string{"token=t-2"}},
		"found by how it begins": {func(p *walk.Page) *walk.Form { return p.Form("Send").Fill("Name", "Cy") }, []string{"name=Cy"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := c.fill(open(t)).Press(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(p.Content), want) {
					t.Errorf("sent %s, want %s", p.Content, want)
				}
			}
		})
	}
}

func TestWhatAPersonCannotDoIsAnError(t *testing.T) {
	ctx := context.Background()
	p := open(t)
	for name, err := range map[string]error{
		"no such button": second(p.Press(ctx, "Delete")),
		"script button":  second(p.Press(ctx, "Script only")),
		"no such field":  second(p.Form("Save").Fill("Colour", "red").Press(ctx)),
		"a disabled one": second(p.Form("Save").Set("off", "1").Press(ctx)),
		"no such option": second(p.Form("Save").Choose("Status", "Gone").Press(ctx)),
		"no such link":   second(p.Follow(ctx, "Nowhere")),
		"a circle":       second(walk.New(nil).Open(ctx, p.URL.Scheme+"://"+p.URL.Host+"/circle")),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestLinksAndRedirections(t *testing.T) {
	ctx := context.Background()
	v := walk.New(nil)
	at := server(t)
	p, err := v.Open(ctx, at+"/away")
	if err != nil || p.URL.RequestURI() != "/other?code=1" {
		t.Fatal(p, err)
	}
	if fmt.Sprint(v.Visited()) != fmt.Sprintf("[GET %s/away GET %s/other?code=1]", at, at) {
		t.Error(v.Visited())
	}
	if p, err = open(t).Follow(ctx, "Go on"); err != nil || p.URL.Path != "/other" {
		t.Error(p, err)
	}
}
