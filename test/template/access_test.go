package template_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The portal may write only what it keeps, by the names that it has for it, and
// entries of the staff directory.
func TestThePortalsRoleNamesWhatThePortalKeeps(t *testing.T) {
	source, err := os.ReadFile("../../internal/portal/portal.go")
	if err != nil {
		t.Fatal(err)
	}
	kept := []string{"APPROVAL#*"} // what the mails' links stand for
	for _, m := range regexp.MustCompile(`keep\w+ += "([A-Z]+)"`).FindAllStringSubmatch(string(source), -1) {
		kept = append(kept, m[1]+"#*")
	}
	slices.Sort(kept)
	want := map[string]string{
		"dynamodb:PutItem dynamodb:LeadingKeys " + strings.Join(kept, " "):    "",
		"dynamodb:DeleteItem dynamodb:LeadingKeys " + strings.Join(kept, " "): "",
		"dynamodb:PutItem dynamodb:LeadingKeys STAFF#*":                       "",
		"dynamodb:ConditionCheckItem dynamodb:LeadingKeys STAFF#*":            "",
		"dynamodb:GetItem": "",
	}
	for _, p := range permissions(t, load(t)) {
		if p.role != "PortalRole" || p.resource != "${AccessTable.Arn}" {
			continue
		}
		may := strings.TrimSpace(p.action + " " + strings.TrimPrefix(strings.TrimPrefix(p.condition, "if"), " "))
		if _, ok := want[may]; !ok {
			t.Errorf("the portal may %s", may)
		}
		delete(want, may)
	}
	for may := range want {
		t.Errorf("the portal may not %s", may)
	}
}
