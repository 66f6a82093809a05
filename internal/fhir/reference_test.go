package fhir

import (
	"testing"

	"bulkops/internal/registry"
)

func TestReferencesAreFoundInEveryForm(t *testing.T) {
	x := newIndex(registry.Directory{Providers: []registry.Provider{{ID: "stored"}}})
	const npi = "http://hl7.org/fhir/sid/us-npi"
	x.practitioners["p1"], x.practitioners["p2"] = &practitioner{}, &practitioner{}
	x.add(item{kind: kindPractitioner, id: "p1", fullURL: "urn:uuid:1111"}, []identifier{{npi, "9001"}, {"", "plain"}, {npi, "shared"}})
	x.add(item{kind: kindPractitioner, id: "p2"}, []identifier{{npi, "9002"}, {npi, "shared"}, {npi, ""}})
	x.roles["r1"] = reference{Identifier: identifier{npi, "9002"}}

	for _, c := range []struct {
		reference reference
		id        string // "" when nothing may be found
	}{
		{reference{Reference: "Practitioner/p1"}, "p1"},
		{reference{Reference: "Practitioner/p1/_history/4"}, "p1"},
		{reference{Reference: "https://fhir.example.org/r4/Practitioner/p2"}, "p2"},
		{reference{Reference: "Practitioner/stored"}, "stored"}, // an earlier import brought it
		{reference{Reference: "Practitioner?identifier=" + npi + "|9001"}, "p1"},
		{reference{Reference: "Practitioner?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7C9001"}, "p1"},
		{reference{Reference: "Practitioner?identifier=plain"}, "p1"},
		{reference{Reference: "urn:uuid:1111"}, "p1"},
		{reference{Identifier: identifier{npi, "9002"}}, "p2"},
		{reference{Reference: "PractitionerRole/r1"}, "p2"},

		{reference{}, ""},
		{reference{Display: "Dr. Only A Name"}, ""},
		{reference{Reference: "Practitioner/p3"}, ""},
		{reference{Reference: "Organization/p1"}, ""},
		{reference{Reference: "p1"}, ""},
		{reference{Reference: "#p1"}, ""},
		{reference{Reference: "urn:uuid:2222"}, ""},
		{reference{Reference: "PractitionerRole/r2"}, ""},
		{reference{Reference: "Practitioner?name=p1"}, ""},
		{reference{Reference: "Practitioner?identifier=other|9001"}, ""},
		{reference{Reference: "Practitioner?identifier=" + npi + "|"}, ""},
		{reference{Reference: "Practitioner?identifier=" + npi + "|shared"}, ""}, // two have it: none is meant
	} {
		id, ok := x.practitioner(c.reference)
		if id != c.id || ok != (c.id != "") {
			t.Errorf("%+v is %q, %v; want %q", c.reference, id, ok, c.id)
		}
	}
}

func TestVisitStates(t *testing.T) {
	for status, want := range map[string][2]string{ // in the past, in the future
		"planned":          {registry.VisitMissed, registry.VisitScheduled},
		"arrived":          {registry.VisitCompleted, registry.VisitScheduled},
		"in-progress":      {registry.VisitCompleted, registry.VisitScheduled},
		"finished":         {registry.VisitCompleted, registry.VisitCompleted},
		"cancelled":        {registry.VisitCancelled, registry.VisitCancelled},
		"entered-in-error": {registry.VisitCancelled, registry.VisitCancelled},
		"booked":           {"", ""},
		"":                 {"", ""},
	} {
		past, _ := visitState(status, false)
		future, ok := visitState(status, true)
		if past != want[0] || future != want[1] || ok != (want[1] != "") {
			t.Errorf("%s: %q, %q", status, past, future)
		}
	}
}

func TestVisitTypes(t *testing.T) {
	for words, want := range map[string]string{
		"Follow-up encounter":                        "Follow-up",
		"Postoperative follow-up visit (procedure)":  "Follow-up",
		"Urgent care clinic (environment)":           "Urgent",
		"Emergency room admission (procedure)":       "Urgent",
		"Well child visit (procedure)":               "Wellness",
		"Consultation for treatment":                 "Assessment",
		"Encounter for check up (procedure)":         "Routine",
		"General examination of patient (procedure)": "Routine",
		"MEDICATION RECONCILIATION":                  "Medication Review",
		"Encounter for problem (procedure)":          "Other",
		"":                                           "Other",
	} {
		if got, _ := visitType(encounterResource{Type: []concept{{Text: words}}}); got != want {
			t.Errorf("%q is %s, want %s", words, got, want)
		}
	}
	if got, _ := visitType(encounterResource{Class: coding{Code: "EMER"}}); got != "Urgent" {
		t.Errorf("class EMER is %s", got)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		names  []humanName
		titled bool
		want   string
	}{
		{[]humanName{{Use: "maiden", Family: "Old"}, {Use: "usual", Family: "Use"}, {Use: "official", Family: "Law", Given: []string{"Ann", "B"}, Prefix: []string{"Mrs."}}}, false, "Ann B Law"},
		{[]humanName{{Use: "nickname", Text: "Nick"}, {Family: "Plain"}}, false, "Plain"},
		{[]humanName{{Use: "maiden", Family: "Only"}}, false, "Only"},
		{[]humanName{{Text: "Just a text", Given: []string{""}}}, false, "Just a text"},
		{[]humanName{{Family: "Doe", Given: []string{"J"}, Prefix: []string{"Dr."}, Suffix: []string{"MD"}}}, true, "Dr. J Doe MD"},
		{nil, false, ""},
	} {
		if got := bestName(c.names, c.titled); got != c.want {
			t.Errorf("%+v is %q, want %q", c.names, got, c.want)
		}
	}
}

func TestTextsBecomeOneLine(t *testing.T) {
	got, cut := tidy(" two\r\nlines\x00and\ttabs\u00a0 \xff ", 100)
	if got != "two lines and tabs \ufffd" || cut {
		t.Errorf("%q, %v", got, cut)
	}
	if got, cut = tidy("äöüß", 3); got != "äö…" || !cut {
		t.Errorf("%q, %v", got, cut)
	}
}
