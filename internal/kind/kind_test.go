package kind_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/kind"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

func TestEveryKindIsWhole(t *testing.T) {
	names := map[string]bool{}
	for _, k := range kind.All {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(k.Name) || names[k.Name] {
			t.Errorf("%q is no name of its own", k.Name)
		}
		names[k.Name] = true
		if k.Title == "" || k.Summary == nil || k.Check == nil || k.New == nil {
			t.Errorf("%s lacks a part", k.Name)
		}
		if k.Approver != staff.TeamLead && k.Approver != staff.Manager {
			t.Errorf("%s is approved by %q", k.Name, k.Approver)
		}
		if found, ok := kind.Find(k.Name); !ok || found.Name != k.Name {
			t.Errorf("%s is not found by its name", k.Name)
		}
	}
	if _, ok := kind.Find("tagging"); ok {
		t.Error("an unknown kind was found")
	}
}

// The names are stored, and the guide says who decides.
func TestWhoDecidesOnWhat(t *testing.T) {
	for name, role := range map[string]staff.Role{
		"communication": staff.Manager, "status-change": staff.Manager, "tags": staff.TeamLead, "insurance-change": staff.Manager, "data-correction": staff.Manager,
	} {
		if k, ok := kind.Find(name); !ok || k.Approver != role {
			t.Errorf("%s is decided by %q", name, k.Approver)
		}
	}
}

// docs/status-changes.md is what people read; Transitions is what happens.
func TestTheDocumentShowsTheTransitionTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/status-changes.md")
	if err != nil {
		t.Fatal(err)
	}
	var header []string
	shown := map[registry.Status]bool{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if header == nil {
			header = cells
			continue
		}
		from := registry.Status(cells[0])
		shown[from] = true
		for i, cell := range cells[1:] {
			to := registry.Status(header[i+1])
			want := "no"
			switch {
			case from == to:
				want = ""
			case slices.Contains(kind.Transitions[from], to):
				want = "yes"
			}
			if cell != want {
				t.Errorf("%s to %s: the document says %q, the table %q", from, to, cell, want)
			}
		}
	}
	if len(header) != len(registry.Statuses)+1 || len(shown) != len(registry.Statuses) {
		t.Errorf("the document shows %d columns and %d rows", len(header), len(shown))
	}
	for _, reason := range kind.HoldReasons {
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), reason) {
			t.Errorf("the document does not name the reason %q", reason)
		}
	}
}
