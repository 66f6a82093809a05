package portal_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/registry"
)

func TestADataCorrectionByFile(t *testing.T) {
	w := newWorld(t, 200)
	ids := activeIn(w, "riverside", 3)
	sam, maria := w.signedIn("sam"), w.signedIn("maria")
	p := sam.get("/operations/new").click("Data Correction").
		want(200, "Upload a CSV file with patient ids and new values", "Birth date", "Emergency phone", "<clear>", "Columns with other names are not used.")
	checkMarkup(t, p)
	p.press("continue", nil).want(422, "Choose a CSV file")

	p = p.pressWith("continue", nil, &upload{"a.csv", "id;note;E-Mail;Phone\n" + ids[0] + ";ok;a@example.org;\n" + ids[1] + ";<i>odd</i>;nobody;12\n"}).
		want(422, "There is a problem", "1 row has errors. Repair the file and upload it again.", "Rows with errors", "<i>odd</i>", "Write one e-mail address", "Write the number with +")
	checkMarkup(t, p)
	if strings.Contains(p.text(), "Only showing") || strings.Contains(p.text(), "a@example.org") {
		t.Error("a row without errors is shown, or rows are said to be missing")
	}
	if w.last(t, "sam") != "" {
		t.Error("something was planned")
	}
	// The same page takes the file again.
	p = p.pressWith("continue", nil, &upload{"a.csv", "id;note;E-Mail;Phone\n" + ids[0] + ";ok;a@example.org;\n" + ids[1] + ";fine;b@example.org;<clear>\n" + ids[2] + ";;;\n"}).
		want(200, "Is this what the file should change?", "3 patient ids from the uploaded file", "E-mail: 2 new values", "Phone: 1 to clear", "1 column is not used: note")
	checkMarkup(t, p)
	for _, line := range w.logs {
		if strings.Contains(line, "example.org") {
			t.Errorf("the log holds a value: %s", line)
		}
	}
	p.click("Change").want(200, "Upload a CSV file with patient ids and new values")
	p.press("continue", nil).want(200)
	w.settle()
	op := w.last(t, "sam")
	p = sam.get("/operations/"+op).want(200, "2 patients to change", "a@example.org", "b@example.org", "The file has no new value for this patient.")
	checkMarkup(t, p)
	submitted(p)
	w.settle()
	maria.get("/operations/"+op+"/decision").press("approve", nil).want(200)
	w.settle()
	records, err := w.store.Patients(t.Context(), ids)
	must(t, err)
	if records[ids[0]].Get(registry.Email) != "a@example.org" || records[ids[1]].Get(registry.Phone) != "" {
		t.Errorf("%v", records)
	}
}

// An insurance change takes member ids from the file that chooses the patients;
// who has none there is left out.
func TestMemberIDsComeFromTheFile(t *testing.T) {
	w := newWorld(t, 100)
	ids := activeIn(w, "riverside", 2)
	sam := w.signedIn("sam")
	p := sam.get("/operations/new/insurance-change").press("continue", url.Values{"way": {"upload"}}).want(200, "Member id", "example file")
	checkMarkup(t, p)
	p = p.pressWith("continue", nil, &upload{"a.csv", "MRN,Insurance member ID\n" + ids[0] + ",0077\n" + ids[1] + ",\n"}).
		want(200, "Member id: 1 new value", "Take them from the uploaded file")
	p.press("continue", url.Values{"plan": {"Aetna"}, "effective": {"2027-01-01"}, "member_ids": {"file"}}).want(200)
	w.settle()
	sam.get("/operations/"+w.last(t, "sam")).want(200, "1 patient to change", "member ids from the file", "→ 0077", "No value given: 1")
}

func TestAThousandRowsWithErrors(t *testing.T) {
	w := newWorld(t, 20)
	var file strings.Builder
	file.WriteString("id,birth date\n")
	for i := range 1234 {
		fmt.Fprintf(&file, "%d,1.2.%d\n", i, i)
	}
	p := w.signedIn("sam").get("/operations/new/data-correction").pressWith("continue", nil, &upload{"a.csv", file.String()}).
		want(422, "1,234 rows have errors.", "Only showing the first 50 rows with errors.", "1.2.49")
	if strings.Contains(p.text(), "1.2.50") {
		t.Error("the 51st row is shown")
	}
	checkMarkup(t, p)
}

// A file with values cannot become a pasted list, nor one with another kind.
func TestValuesAreNotLostOnTheWay(t *testing.T) {
	w := newWorld(t, 20)
	sam := w.signedIn("sam")
	file := &upload{"a.csv", "id,phone\n000001,+15125550123\n"}
	p := sam.get("/operations/new/data-correction").pressWith("continue", nil, file).want(200)
	sam.get(strings.Replace(p.path, "data-correction", "status-change", 1)).press("continue", url.Values{"to": {"Active"}}).
		want(422, "A status change takes no values for each patient.")

	list := sam.get("/patients").press("select-all", nil).press("bulk-operations", nil).want(200)
	list.click("Data Correction").want(200, "Upload a CSV file with patient ids and new values")

	form := sam.get("/operations/new/data-correction")
	w.pass(24 * time.Hour)
	form.pressWith("continue", nil, file)
	sam.signIn("sam", "/operations/new/data-correction").want(200, "Upload a CSV file with patient ids and new values")
	if op := w.last(t, "sam"); op != "" {
		t.Errorf("%s was made", op)
	}
}

func TestTheExampleFileIsReadAsItIs(t *testing.T) {
	w := newWorld(t, 20)
	sam := w.signedIn("sam")
	form := sam.get("/operations/new/data-correction")
	example := form.click("Download an example file (CSV)")
	if !strings.HasPrefix(example.body, "\ufeffpatient_id,Name,Birth date,") {
		t.Fatalf("%q", example.body)
	}
	form.pressWith("continue", nil, &upload{"example.csv", example.body}).want(200, "Phone: 1 new value, 1 to clear", "Name: 1 new value").press("continue", nil)
	w.settle()
	op, err := w.store.Operation(t.Context(), w.last(t, "sam"))
	must(t, err)
	if op.Plan.ByReason[bulk.UnknownSubject] != 2 || op.Plan.Changes != 0 {
		t.Errorf("%+v", op.Plan)
	}
}
