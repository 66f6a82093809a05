package e2e_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
	"bulkops/internal/sample"
	"bulkops/test/walk"
)

// The gateway lets nobody through without an access token of ours.
func TestTheAPITakesAccessTokensOnly(t *testing.T) {
	t.Parallel()
	ana := signInToAPI(t, "ana.staff@example.org")
	var me struct{ Name string }
	if status, problem := ana.do(t, "GET", "/me", nil, &me); status != http.StatusOK || me.Name != "Ana Lindqvist" {
		t.Fatalf("with her token Ana is %q: %d %+v", me.Name, status, problem)
	}
	head, rest, _ := strings.Cut(ana.token, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"no token":              "",
		"a token that is none":  "let-me-in",
		"another signature":     head + "." + claims + "." + strings.Repeat("A", len(signature)),
		"no signature":          head + "." + claims + ".",
		"the algorithm none":    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + claims + ".",
		"claims of another one": head + "." + strings.Replace(claims, claims[20:24], "AAAA", 1) + "." + signature,
	} {
		for _, path := range []string{"/me", "/operations", "/openapi.json"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, live.PortalURL+"/v1"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if token != "" {
				request.Header.Set("Authorization", "Bearer "+token)
			}
			response, err := live.httpClient().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s at %s: %s", name, path, response.Status)
			}
		}
	}
}

// An operation from the terminal: sign-in with a browser, request from a file,
// plan, submission, approval by somebody else, progress until the end, results.
func TestTheTerminalDrivesAnOperation(t *testing.T) {
	t.Parallel()
	w := newWard(t, "terminal", 250, 1)
	w.dismissManagers(t)
	// Each has a home of their own. The sign-ins follow one another: both listen
	// on the one address that the identity provider sends the browser back to.
	ana, jonas := t.TempDir(), t.TempDir()
	signInAtTerminal(t, ana, "ana.staff@example.org", "You are signed in as Ana Lindqvist (staff).")
	signInAtTerminal(t, jonas, "jonas.manager@example.org", "You are signed in as Jonas Weber (manager).")

	list := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(list, []byte("Patient ID\n"+strings.Join(w.patients, "\n")+"\nnobody\n"+w.patients[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says := func(home string, want []string, args ...string) string {
		t.Helper()
		said, problems, code := bulkops(t, home, args...)
		if code != 0 {
			t.Fatalf("bulkops %s ends with %d: %s%s", strings.Join(args, " "), code, said, problems)
		}
		for _, text := range want {
			if !strings.Contains(said, text) {
				t.Errorf("bulkops %s does not say %q:\n%s", strings.Join(args, " "), text, said)
			}
		}
		return said
	}
	said := says(ana, []string{"250 patients changed", "250 visits", "No patient with this id: 1", "bulkops submit"}, "request", "status-change", "--to", "Inactive", "--csv", list)
	id := regexp.MustCompile(`OP-[0-9A-Z]{6}-[0-9A-Z]{4}`).FindString(said)
	digest := regexp.MustCompile(`[0-9a-f]{4}( [0-9a-f]{4}){3}`).FindString(said)
	says(ana, []string{w.patients[0], sample.Canary, "Status: Active → Inactive", "nobody"}, "changes", id)
	if said, _, code := bulkops(t, ana, "submit", id, "--reason", "Moved away with the whole ward."); code != 1 || !strings.Contains(said, "--confirm") {
		t.Errorf("a submission without the checklist ends with %d: %s", code, said)
	}
	says(ana, []string{"awaiting-approval", "Jonas Weber, Priya Nair"}, "submit", id, "--reason", "Moved away with the whole ward.", "--confirm")
	if _, problems, code := bulkops(t, ana, "approve", id, "--digest", digest); code != 1 || !strings.Contains(problems, "You asked for this operation yourself") {
		t.Errorf("the requester's own approval ends with %d: %s", code, problems)
	}
	says(jonas, []string{id}, "list", "waiting")
	if _, problems, code := bulkops(t, jonas, "approve", id); code != 1 || !strings.Contains(problems, "say which one you approve") {
		t.Errorf("an approval of no certain plan ends with %d: %s", code, problems)
	}
	says(jonas, []string{id + " is approved by Jonas Weber."}, "approve", id, "--digest", digest, "--comment", "Fine.")
	says(ana, []string{id + " completed [##############################] 250 of 250: 250 done, 0 skipped, 0 failed, 0 not attempted"}, "follow", id)
	says(ana, []string{w.patients[249], "done"}, "outcomes", id)
	op := await(t, id, bulk.Completed)
	awaitAudit(t, id, 500)
	says(ana, []string{"Ana Lindqvist", "Jonas Weber"}, "audit", id)
	for _, p := range live.patients(t, w.patients...) {
		if p.Status() != registry.Inactive || p.Stamp.Operation != op.ID {
			t.Errorf("%s is %s, stamped by %q", p.ID(), p.Status(), p.Stamp.Operation)
		}
	}
	says(ana, nil, "sign-out")
	if _, problems, code := bulkops(t, ana, "list"); code != 1 || !strings.Contains(problems, "Nobody is signed in.") {
		t.Errorf("after signing out, the list ends with %d: %s", code, problems)
	}
}

// signInAtTerminal runs the sign-in, and opens the address that it prints in a
// browser, which comes back to the command.
func signInAtTerminal(t *testing.T, home, email, want string) {
	t.Helper()
	cmd := command(t, home, "sign-in")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, address := bufio.NewReader(out), ""
	for !strings.HasPrefix(address, "http") {
		if address, err = lines.ReadString('\n'); err != nil {
			_ = cmd.Wait()
			t.Fatalf("the sign-in shows no address: %s", problems.String())
		}
	}
	page, err := walk.New(live.Transport()).Open(t.Context(), strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	page, err = page.Form("Sign in").Fill("Username", email).Fill("Password", sample.Password).Press(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !page.Says("Signed in") {
		t.Errorf("the browser ends at %q", page.Text())
	}
	said, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(string(said), want) {
		t.Fatalf("the sign-in ends with %v: %s%s", err, said, problems.String())
	}
}
