package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnExportIsDownloadedWhole(t *testing.T) {
	d := newDesk(t)
	broken := false
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content := d.Files.Content(strings.TrimPrefix(r.URL.Path, "/"))
		if broken {
			content[len(content)/2] ^= 1
		}
		_, _ = w.Write(content)
	}))
	defer files.Close()
	d.Files.Address = files.URL
	d.signIn("sam")
	wants(t, d.types(1, "request", "export", "--type", "everything", "--all"), `There is no export "everything"`)
	wants(t, d.types(1, "request", "export", "--type", "patient-list", "--without", "Visits", "--all"), `A Patient List has no column "Visits". It has: Name, Birth date`)
	text := d.types(0, "request", "export", "--type", "patient-list", "--format", "csv", "--without", "phone", "--without", "E-mail", "--all")
	id := idPattern.FindString(text)
	wants(t, text, "Export Patient List as CSV without Phone, E-mail", "200 patients exported, 200 rows, 0 left out; ")
	d.types(0, "submit", id, "--reason", "List for the winter round", "--confirm")
	d.signIn("maria")
	d.types(0, "approve", id, "--digest", digestPattern.FindStringSubmatch(d.types(0, "show", id))[1])
	wants(t, d.types(1, "download", id), "Only Sam Okafor, who asked for this export, can have its file and passphrase.")
	d.signIn("sam")
	wants(t, d.types(0, "show", id), "File", "200 rows of 200 patients", "Next: bulkops download "+id)
	wants(t, d.types(0, "list", "exports"), id)
	to := filepath.Join(t.TempDir(), "list.zip")
	broken = true
	wants(t, d.types(1, "download", id, "-o", to), "The file did not arrive as it was made. Try again.")
	if left, _ := filepath.Glob(filepath.Dir(to) + "/*"); len(left) > 0 {
		t.Errorf("what did not arrive left %q", left)
	}
	broken = false
	wants(t, d.types(0, "download", id, "-o", to), "Written to "+to)
	got, err := os.ReadFile(to)
	if err != nil || string(got) != string(d.Files.Content(id)) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
