package tools

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// project makes an empty project with one list of versions and a tool that counts its installations.
func project(t *testing.T, install func(context.Context, place) error) (root string, tool Tool, list string) {
	t.Helper()
	root = t.TempDir()
	list = filepath.Join(root, "local", "tools", "versions.txt")
	if err := os.MkdirAll(filepath.Dir(list), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, []byte("one 1.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return root, Tool{"one", "install one", []string{"versions.txt"}, install}, list
}

func TestAToolIsInstalledOnceForEachListOfVersions(t *testing.T) {
	var installed atomic.Int32
	root, tool, list := project(t, func(context.Context, place) error { installed.Add(1); return nil })
	ensure := func() {
		t.Helper()
		// Twice at once, as two test programs do it.
		if err := Ensure(t.Context(), root, io.Discard, tool, tool); err != nil {
			t.Fatal(err)
		}
	}
	ensure()
	ensure()
	if got := installed.Load(); got != 1 {
		t.Errorf("installed %d times with one list, want 1", got)
	}
	if err := os.WriteFile(list, []byte("one 1.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ensure()
	if got := installed.Load(); got != 2 {
		t.Errorf("installed %d times with two lists, want 2", got)
	}
}

func TestAFailedInstallationIsTriedAgain(t *testing.T) {
	fail := true
	root, tool, _ := project(t, func(_ context.Context, p place) error {
		if _, err := os.Stat(filepath.Join(p.dir, "half")); err == nil {
			t.Error("the remains of the failed installation are still there")
		}
		if fail {
			return errors.Join(os.WriteFile(filepath.Join(p.dir, "half"), nil, 0o600), errors.New("the network is down"))
		}
		return nil
	})
	if err := Ensure(t.Context(), root, io.Discard, tool); err == nil || !strings.Contains(err.Error(), "the network is down") {
		t.Fatalf("error is %v", err)
	}
	fail = false
	if err := Ensure(t.Context(), root, io.Discard, tool); err != nil {
		t.Fatal(err)
	}
}

func TestStylesAreThoseThatPagesNeed(t *testing.T) {
	root := t.TempDir()
	dist := filepath.Join(Node.Dir(root), "node_modules", "@uswds", "uswds", "dist")
	for name, content := range map[string]string{
		"css/uswds.min.css":       "a{background:url(../img/close.svg)}b{background:url(../img/hero.jpg)}c{src:url(\"../fonts/one.woff2\")}\n/*# sourceMappingURL=uswds.min.css.map */",
		"js/uswds.min.js":         "run()\n//# sourceMappingURL=uswds.min.js.map\n",
		"js/uswds-init.min.js":    "init()",
		"img/sprite.svg":          "<svg/>",
		"img/us_flag_small.png":   "png",
		"img/close.svg":           "<svg/>",
		"img/hero.jpg":            "large",
		"img/other.svg":           "<svg/>",
		"fonts/one.woff2":         "font",
		"../../../../installed":   "version 1",
		"fonts/one.ttf":           "font",
		"../../../../unimportant": "",
	} {
		file := filepath.Join(dist, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := CopyStyles(root); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(root, StylesDir)
	for name, want := range map[string]bool{
		"css/uswds.min.css": true, "js/uswds.min.js": true, "js/uswds-init.min.js": true, "img/sprite.svg": true,
		"img/close.svg": true, "fonts/one.woff2": true,
		"img/hero.jpg": false, "img/other.svg": false, "fonts/one.ttf": false,
	} {
		if _, err := os.Stat(filepath.Join(target, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	for _, name := range []string{"css/uswds.min.css", "js/uswds.min.js"} {
		if text, _ := os.ReadFile(filepath.Join(target, name)); strings.Contains(string(text), "sourceMappingURL") {
			t.Errorf("%s asks for a source map that is not shipped", name)
		}
	}
}

func TestTheRealStylesFitIntoAFunction(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Ensure(t.Context(), root, os.Stderr, Node), CopyStyles(root)); err != nil {
		t.Fatal(err)
	}
	var size int64
	err = filepath.Walk(filepath.Join(root, StylesDir), func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return err
	})
	if err != nil || size < 500_000 || size > 4_000_000 {
		t.Errorf("the styles have %d bytes, %v; want 0.5 to 4 MB", size, err)
	}
}

// A list of versions must install the same from any mirror.
func TestListsOfVersionsNameNoRegistry(t *testing.T) {
	for _, name := range []string{"requirements.txt", "requirements-checkov.txt", "requirements-readers.txt", "package.json", "package-lock.json", ".npmrc", "pom.xml", "go.txt"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{`"resolved"`, "--index-url", "<repository>", "registry=", "proxy="} {
			if strings.Contains(string(text), mark) {
				t.Errorf("%s says %s: it must leave the registry to the machine", name, mark)
			}
		}
	}
}
