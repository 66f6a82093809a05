// Package internal_test holds the rules about which package may know which.
package internal_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "bulkops/"

// imports returns what a package of this module imports, directly or, with
// deps, in the end too.
func imports(t *testing.T, pkg string, deps bool) []string {
	t.Helper()
	format := `{{join .Imports "\n"}}`
	if deps {
		format = `{{join .Deps "\n"}}`
	}
	out, err := exec.Command("go", "list", "-e", "-f", format, module+pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

// packages returns the packages of this module below the folders.
func packages(t *testing.T, folders ...string) []string {
	t.Helper()
	args := []string{"list", "-e"}
	for _, f := range folders {
		args = append(args, module+f+"/...")
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go %v: %v", args, err)
	}
	var found []string
	for _, p := range strings.Fields(string(out)) {
		found = append(found, strings.TrimPrefix(p, module))
	}
	return found
}

// What is decided about a patient depends on nothing outside: these packages
// know no cloud, no network and no files, and only each other.
func TestTheDomainIsPure(t *testing.T) {
	knows := map[string][]string{
		"internal/english":  {},
		"internal/registry": {"internal/english"},
		"internal/staff":    {},
		"internal/bulk":     {"internal/english", "internal/registry"},
		"internal/slots":    {"internal/registry"},
		"internal/kind":     {"internal/bulk", "internal/english", "internal/registry", "internal/slots", "internal/staff"},
	}
	for pkg, allowed := range knows {
		for _, dep := range imports(t, pkg, false) {
			own, ours := strings.CutPrefix(dep, module)
			switch {
			case ours && !slices.Contains(allowed, own):
				t.Errorf("%s imports %s", pkg, own)
			case !ours && (strings.Contains(dep, ".") || dep == "os" || dep == "net" || dep == "io" || dep == "log" ||
				strings.HasPrefix(dep, "os/") || strings.HasPrefix(dep, "net/") || strings.HasPrefix(dep, "log/") || dep == "database/sql" || dep == "context"):
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
		for _, dep := range imports(t, pkg, true) {
			if strings.HasPrefix(dep, "github.com/aws") || dep == "net" || dep == "net/http" {
				t.Errorf("%s depends on %s in the end", pkg, dep)
			}
		}
	}
}

// layers are the packages from the top down. A package imports nothing from the
// rows above its own.
var layers = [][]string{
	{"functions", "cmd", "local", "test"},
	{"internal/lambdastep", "internal/installation"},
	{"internal/portal", "internal/api", "internal/storetest"},
	{"internal/journal", "internal/seal", "internal/auditlog"},
	{"internal/dynamo", "internal/bucket", "internal/signing", "internal/stepfunctions", "internal/ses", "internal/s3", "internal/kms", "internal/memory", "internal/report", "internal/audit", "internal/sample", "internal/fhir", "internal/config", "internal/lambdahttp", "internal/intake"},
	{"internal/engine"},
	{"internal/kind"},
	{"internal/bulk", "internal/slots"},
	{"internal/registry", "internal/staff", "internal/export", "internal/fault", "internal/english", "internal/packed"},
}

// layer is the row of a package, -1 for one that has none.
func layer(pkg string) int {
	return slices.IndexFunc(layers, func(row []string) bool {
		return slices.ContainsFunc(row, func(p string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") })
	})
}

func TestArrowsPointDownOnly(t *testing.T) {
	for _, pkg := range packages(t, "internal", "functions", "cmd", "local") {
		from := layer(pkg)
		if from < 0 {
			if pkg != "internal" {
				t.Errorf("%s has no place: add it to the layers in this file", pkg)
			}
			continue
		}
		for _, dep := range imports(t, pkg, false) {
			own, ours := strings.CutPrefix(dep, module)
			if to := layer(own); ours && to >= 0 && to < from {
				t.Errorf("%s imports %s, which stands above it", pkg, own)
			}
		}
	}
}

// The use cases and the pages reach the cloud through ports, so that they run
// on the store in memory as they do on AWS.
func TestUseCasesAndPagesKnowNoCloud(t *testing.T) {
	for _, pkg := range packages(t, "internal") {
		switch pkg {
		case "internal/engine", "internal/portal", "internal/api", "internal/intake", "internal/report", "internal/journal", "internal/seal", "internal/auditlog", "internal/memory":
			for _, dep := range imports(t, pkg, true) {
				if strings.HasPrefix(dep, "github.com/aws/aws-sdk") || dep == module+"internal/dynamo" {
					t.Errorf("%s depends on %s in the end", pkg, dep)
				}
			}
		}
	}
}
