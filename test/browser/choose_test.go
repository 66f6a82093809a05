package browser_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"bulkops/internal/registry"
)

// On the list of patients: tick a page, select all that match, leave one out,
// and go to the bulk operation with exactly those.
func TestAllThatMatchButOneAreChosenOnTheList(t *testing.T) {
	t.Parallel()
	here := live.those(planFacility)
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/patients")
	ana.look("patients")
	ana.click("details summary:has(+ .filter__grid)")
	ana.chooseNamed("facility", planFacility)
	ana.press("#apply")
	ana.sees("#match-count", shown(len(here))+" patients match")
	ana.look("patients-filtered")

	ana.press("#tick-page")
	ana.sees("#selection-text", "50 selected")
	ana.press(`.usa-pagination button[value="page-2"]`)
	ana.sees("#selection-text", "50 selected")
	ana.choose("tick-3")
	ana.sees("#selection-text", "51 selected")
	ana.press("#select-all")
	ana.sees("#selection-text", shown(len(here))+" selected")
	out := ana.value("#tick-5")
	ana.choose("tick-5")
	ana.sees("#selection-text", shown(len(here)-1)+" selected, 1 left out")
	ana.press(`.usa-pagination button[value="page-3"]`)
	ana.sees("#selection-text", shown(len(here)-1)+" selected, 1 left out")
	ana.look("patients-all-but-one")

	ana.click("#actions")
	ana.press("#bulk-operations")
	ana.sees("main", shown(len(here))+" patients", "1 left out")
	ana.look("kinds-for-patients")
	ana.press(statusChange)
	ana.chooseNamed("to", string(registry.Inactive))
	ana.press("#continue")
	ana.seesThePlan()
	if got := number(t, ana.text("#changes-count")) + number(t, ana.text("#excluded-count")); got != len(here)-1 {
		t.Errorf("the plan is about %d patients, want the %d that were selected", got, len(here)-1)
	}
	if ana.readsThePlan()[out] != "" {
		t.Errorf("patient %s, who was left out, is in the plan", out)
	}
}

// A search, a tick, another search, another tick: what was ticked stays. Names
// that are code to careless programs are names.
func TestPatientsArePickedFromSearches(t *testing.T) {
	t.Parallel()
	ana := signedIn(t, "Ana Lindqvist")
	ana.visit("/patients")
	var picked []string
	for _, name := range []string{`<script>alert("x")</script>`, "=SUM(A1:A9)", "محمد"} {
		ana.write("#text", name)
		ana.press("#search")
		ana.sees("#match-count", "1 patient matches")
		ana.sees("#patients tbody", name)
		picked = append(picked, ana.value("#tick-0"))
		ana.choose("tick-0")
		ana.sees("#selection-text", shown(len(picked))+" selected")
	}
	ana.look("patients-one-found")
	ana.write("#text", "nobody is called this")
	ana.press("#search")
	ana.sees("main", "No patient matches")
	ana.look("patients-none-found")
	ana.write("#text", "")
	ana.press("#search")
	ana.sees("#selection-text", "3 selected")
	ana.click("#actions")
	ana.press("#bulk-operations")
	ana.sees("main", "3 patients ticked one by one")
	ana.press(statusChange)
	ana.chooseNamed("to", string(registry.Inactive))
	ana.press("#continue")
	ana.seesThePlan()
	if got, want := slices.Sorted(maps.Keys(ana.readsThePlan())), slices.Sorted(slices.Values(picked)); !slices.Equal(got, want) {
		t.Errorf("the plan has %q, want %q", got, want)
	}
}

// Ids come pasted, with whatever stands between them.
func TestPatientsAreChosenByPastedIDs(t *testing.T) {
	t.Parallel()
	given := some(5, planFacility, registry.Active)
	ana := signedIn(t, "Ana Lindqvist")
	paste := func() {
		t.Helper()
		ana.visit("/operations/new/status-change")
		ana.choose("way-paste")
		ana.press("#continue")
	}
	paste()
	ana.look("paste")
	ana.press("#continue")
	ana.isToldOf("ids")
	ana.lookAt("paste-nothing", 422)
	paste()
	ana.set("#ids", given[0]+", "+given[1]+"\n"+given[2]+"\t"+given[3]+"; "+given[4]+" "+given[0]+"\n999999\nNOBODY-7")
	ana.press("#continue")
	ana.sees("#chosen", "7 patient ids pasted", "1 id was listed more than once and was merged")
	ana.back()
	if got := ana.value("#ids"); !strings.Contains(got, "NOBODY-7") {
		t.Errorf("back on the page, the ids are %q", got)
	}
	ana.press("#continue")
	ana.chooseNamed("to", string(registry.OnHold))
	ana.press("#continue")
	ana.isToldOf("hold_reason")
	ana.lookAt("what-no-reason-for-hold", 422)
	ana.chooseNamed("hold_reason", "Family request")
	ana.press("#continue")
	ana.seesThePlan()
	ana.sees("#excluded-count", "2")
	ana.click("#left-out-unknown summary")
	ana.sees("#left-out-unknown", "999999", "NOBODY-7")
	ana.look("plan-of-pasted-ids")
	if got, want := slices.Sorted(maps.Keys(ana.readsThePlan())), slices.Sorted(slices.Values(given)); !slices.Equal(got, want) {
		t.Errorf("the plan has %q, want %q", got, want)
	}
}

// A file comes as spreadsheets save it, or not quite.
func TestPatientsAreChosenByAFile(t *testing.T) {
	t.Parallel()
	given := some(3, planFacility, registry.Active)
	row := func(separator string) string {
		return "Name" + separator + "Patient ID\r\nx" + separator + strings.Join(given, "\r\nx"+separator) + "\r\n"
	}
	ana := signedIn(t, "Ana Lindqvist")
	upload := func(name string, content []byte) {
		t.Helper()
		ana.visit("/operations/new/status-change")
		ana.choose("way-upload")
		ana.press("#continue")
		if content != nil {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			ana.upload("#file", file)
		}
		ana.press("#continue")
	}
	for name, content := range map[string][]byte{
		"commas.csv":     []byte("\ufeff" + row(",")),
		"semicolons.csv": []byte(row(";")),
		"tabs.txt":       []byte(row("\t")),
		"utf-16.csv":     wideText(row(";")),
	} {
		upload(name, content)
		ana.sees("#chosen", "3 patient ids from the uploaded file")
	}
	for _, wrong := range []struct{ name, content, says string }{
		{"columns.csv", "Name,Born\nx,1990-01-01\n", "The file has no column with patient ids"},
		{"rounded.csv", "Patient ID\n1.23E+5\n", "Row 2"},
		{"picture.csv", "\x89PNG\r\n\x1a\n\x00\x00", "This is a picture"},
		{"headings.csv", "Patient ID\n", "no rows below them"},
	} {
		upload(wrong.name, []byte(wrong.content))
		ana.sees("#problems", wrong.says)
	}
	ana.lookAt("upload-again", 422)
	upload("", nil)
	ana.isToldOf("file")
	ana.lookAt("upload-nothing", 422)

	ana.upload("#file", bigFile(t))
	ana.click("#continue")
	ana.sees("#file-size", "at most 4 MB")

	file := []byte("Patient ID\n" + strings.Join(given, "\n") + "\n424242\n")
	upload("today.csv", file)
	ana.chooseNamed("to", string(registry.Hospitalized))
	ana.press("#continue")
	operation := ana.seesThePlan()
	ana.click("#left-out-unknown summary")
	ana.sees("#left-out-unknown", "424242", "5") // the row as a spreadsheet counts
	upload("today.csv", file)
	ana.sees("main", "This file was already used", operation)
	ana.look("what-same-file-again")
}

// wideText is UTF-16 with a byte order mark, as a spreadsheet's "Unicode text".
func wideText(text string) []byte {
	content := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		content = append(content, byte(u), byte(u>>8))
	}
	return content
}

func bigFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "big.csv")
	if err := os.WriteFile(file, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
