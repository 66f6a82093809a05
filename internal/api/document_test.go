package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"bulkops/internal/api"
	"bulkops/internal/auditlog"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/kind"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

const documentFile = "../../docs/openapi.json"

func document(t *testing.T) []byte {
	t.Helper()
	text, err := api.Document()
	must(t, err)
	var pretty bytes.Buffer
	must(t, json.Indent(&pretty, text, "", "  "))
	pretty.WriteByte('\n')
	return pretty.Bytes()
}

// The document in the repository is for reading; the code makes it. After a
// wanted change: go test ./internal/api -run Document -update
func TestDocumentInTheRepositoryIsTheServedOne(t *testing.T) {
	text := document(t)
	if *update {
		must(t, os.WriteFile(documentFile, text, 0o644))
	}
	stored, err := os.ReadFile(documentFile)
	must(t, err)
	if !bytes.Equal(stored, text) {
		t.Error("docs/openapi.json is not what the code makes: go test ./internal/api -run Document -update")
	}
	served := newClinic(t).with(t, nil, "GET", "/v1/openapi.json", nil)
	var pretty bytes.Buffer
	must(t, json.Indent(&pretty, served.Body.Bytes(), "", "  "))
	if !bytes.Equal(append(bytes.TrimSpace(pretty.Bytes()), '\n'), text) {
		t.Error("/v1/openapi.json is another one")
	}
}

// A program that reads answers by the document meets no value that it does not name.
func TestDocumentNamesEveryCode(t *testing.T) {
	var d struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	must(t, json.Unmarshal(document(t), &d))
	named := func(schema, property string) []string {
		return slices.Sorted(slices.Values(d.Components.Schemas[schema].Properties[property].Enum))
	}
	var exclusions []string
	for code := range bulk.ExclusionTitles {
		exclusions = append(exclusions, string(code))
	}
	slices.Sort(exclusions)
	if got := named("ExclusionView", "code"); !slices.Equal(got, exclusions) {
		t.Errorf("codes of exclusions: %q, want %q", got, exclusions)
	}
	if got, want := named("OutcomeView", "code"), slices.Sorted(maps.Keys(bulk.OutcomeTitles)); !slices.Equal(got, want) {
		t.Errorf("codes of outcomes: %q, want %q", got, want)
	}
}

func TestDocumentDescribesEveryAddressAndItsProblems(t *testing.T) {
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Tags        []string
			Responses   map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
		}
		Components struct {
			Schemas map[string]struct {
				Required             []string
				AdditionalProperties any
				Properties           map[string]any
			}
		}
	}
	must(t, json.Unmarshal(document(t), &d))
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", d.OpenAPI)
	}
	var addresses []string
	for path, methods := range d.Paths {
		for method, op := range methods {
			addresses = append(addresses, strings.ToUpper(method)+" "+path)
			problem, ok := op.Responses["default"].Content["application/problem+json"]
			if strings.HasSuffix(path, ".csv") {
				ok = true
			} else if ok && problem.Schema["$ref"] != "#/components/schemas/Problem" {
				ok = false
			}
			if !ok || op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s is not described: %+v", method, path, op)
			}
		}
	}
	slices.Sort(addresses)
	want := []string{
		"DELETE /v1/me/away",
		"GET /v1/directory",
		"GET /v1/kinds",
		"GET /v1/me",
		"GET /v1/me/delegates",
		"GET /v1/operations",
		"GET /v1/operations/{id}",
		"GET /v1/operations/{id}/approvers",
		"GET /v1/operations/{id}/audit",
		"GET /v1/operations/{id}/changes",
		"GET /v1/operations/{id}/events",
		"GET /v1/operations/{id}/exclusions",
		"GET /v1/operations/{id}/left-out.csv",
		"GET /v1/operations/{id}/not-changed.csv",
		"GET /v1/operations/{id}/notices/{notice}",
		"GET /v1/operations/{id}/outcomes",
		"GET /v1/operations/{id}/outcomes.csv",
		"GET /v1/operations/{id}/overlaps",
		"GET /v1/operations/{id}/overlaps/{other}",
		"GET /v1/operations/{id}/sample",
		"GET /v1/operations/{id}/stale",
		"GET /v1/operations/{id}/tasks",
		"GET /v1/staff",
		"POST /v1/audit/search",
		"POST /v1/operations",
		"POST /v1/operations/{id}/cancel",
		"POST /v1/operations/{id}/decision",
		"POST /v1/operations/{id}/file",
		"POST /v1/operations/{id}/reassign",
		"POST /v1/operations/{id}/rerun",
		"POST /v1/operations/{id}/rollback",
		"POST /v1/operations/{id}/stop",
		"POST /v1/operations/{id}/submit",
		"POST /v1/operations/{id}/tasks/{task}",
		"POST /v1/patients/search",
		"PUT /v1/me/away",
		"PUT /v1/staff/{id}",
	}
	if !slices.Equal(addresses, want) {
		t.Errorf("addresses\n got %q\nwant %q", addresses, want)
	}
	for name, schema := range d.Components.Schemas {
		if schema.Properties != nil && schema.AdditionalProperties != false {
			t.Errorf("%s lets unknown fields through", name)
		}
	}
}

// Descriptions are tags, so they repeat numbers that the code has elsewhere; so
// do the pages for reading.
func TestNumbersInTextsAreThoseOfTheCode(t *testing.T) {
	for _, test := range []struct{ file, says string }{
		{"docs/openapi.json", fmt.Sprintf("at most %d days at a time", auditlog.MostDays)},
		{"docs/openapi.json", fmt.Sprintf("Without days the last %d are searched", auditlog.DefaultDays)},
		{"docs/openapi.json", fmt.Sprintf("its limit of %s records", english.Number(auditlog.MostRead))},
		{"docs/openapi.json", fmt.Sprintf("%d to %d characters", engine.MinReason, engine.MaxReason)},
		{"docs/openapi.json", fmt.Sprintf("half of at least %d patients were skipped or failed", bulk.DefaultStopRule.After)},
		{"docs/audit.md", fmt.Sprintf("at most %d days;", auditlog.MostDays)},
		{"docs/audit.md", fmt.Sprintf("A page reads at most %s records", english.Number(auditlog.MostRead))},
		{"docs/audit.md", fmt.Sprintf("A file has at most %s records", english.Number(auditlog.MostInFile))},
		{"README.md", fmt.Sprintf("capacity of %d to %d a day", kind.LeastCapacity, kind.MostCapacity)},
	} {
		text, err := os.ReadFile("../../" + test.file)
		must(t, err)
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), test.says) {
			t.Errorf("%s does not say %q", test.file, test.says)
		}
	}
}
