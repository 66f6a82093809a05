package kind_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkops/internal/bulk"
	"bulkops/internal/kind"
	"bulkops/internal/kind/kindtest"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

// tellers are the staff whom alerts in these tests can reach.
var tellers = []staff.Person{
	{Sub: "s-lin", Name: "Lin Leads", Email: "lin@clinic.example", Role: staff.TeamLead, Facilities: []string{"fac-1", "fac-2"}},
	{Sub: "s-max", Name: "Max Manages", Email: "max@clinic.example", Role: staff.Manager, Facilities: []string{"fac-1"}},
	{Sub: "s-off", Name: "Off Duty", Email: "off@clinic.example", Role: staff.Manager, Facilities: []string{"fac-1"}, Disabled: true},
	{Sub: "s-mute", Name: "Mute", Role: staff.Manager, Facilities: []string{"fac-3"}},
}

func says(messageType, text string) bulk.Params {
	p := bulk.Params{kind.MessageType: messageType, kind.MessageHeading: "New hours", kind.MessageText: text}
	if messageType == kind.ToStaff {
		p[kind.AlertRole] = kind.EveryRole
	}
	return p
}

// messageWorld is what the planner of a communication knows here.
func messageWorld(p bulk.Params) kind.World {
	w := kind.World{Directory: kindtest.Directory, At: noon, Requester: "Ada Asks"}
	w.Directory.Facilities = append(slices.Clone(w.Directory.Facilities), registry.Facility{ID: "fac-3", Name: "Lakeside", Email: "no address"})
	for _, person := range tellers {
		if slices.Contains(kind.Communication.Tells(p), person.Role) {
			w.Staff = append(w.Staff, person)
		}
	}
	return w
}

// at is a patient of a facility and a provider.
func at(id, facility, provider string) kind.Subject {
	p := patient(registry.Active)
	p.Ref = registry.ProfileRef(id)
	p.Fields[registry.Name], p.Fields[registry.FacilityField], p.Fields[registry.ProviderField] = "Vera Patient "+id, facility, provider
	return kind.Subject{Patient: p}
}

// gathered plans a communication about the patients. Exclusions are by id.
func gathered(p bulk.Params, patients ...kind.Subject) (changes []bulk.Change, lists [][]string, excluded map[string]bulk.Exclusion, refusal string) {
	planner := kind.Communication.New(p, messageWorld(p))
	excluded = map[string]bulk.Exclusion{}
	for _, s := range patients {
		change, exclusion := planner.Plan(s)
		if exclusion != nil {
			excluded[s.Patient.ID()] = *exclusion
		} else if change.Subject != "" {
			changes = append(changes, change)
		}
	}
	more, lists, refusal := planner.(kind.Gathering).Gathered()
	return append(changes, more...), lists, excluded, refusal
}

func TestEachRecipientGetsOneNoticeAboutItsPatients(t *testing.T) {
	patients := []kind.Subject{
		at("P1", "fac-1", "ann"), at("P2", "fac-2", "ann"), at("P3", "fac-1", "bea"), at("P4", "fac-1", ""), at("P5", "fac-1", "cyd"), at("P6", "fac-3", "gone"),
	}
	tests := []struct {
		messageType string
		want        []string // recipient, address, number of patients
		left        map[string]string
	}{
		{kind.ToFacilities, []string{"Riverside desk@riverside.example 4"}, map[string]string{
			"P2": "no-address Hilltop has no e-mail address in the directory.", "P6": "no-address Lakeside has no e-mail address in the directory."}},
		{kind.ToProviders, []string{"Dr. Ann ann@clinic.example 2", "Dr. Bea bea@clinic.example 1"}, map[string]string{
			"P4": "no-recipient The patient has no provider.", "P5": "no-address Dr. Cyd has no e-mail address in the directory.",
			"P6": "no-recipient The provider is not in the directory."}},
		{kind.ToStaff, []string{"Lin Leads lin@clinic.example 5", "Max Manages max@clinic.example 4"}, map[string]string{
			"P6": "no-address Nobody who holds Lakeside, and whom the alert is for, has an e-mail address."}},
	}
	for _, test := range tests {
		changes, _, excluded, _ := gathered(says(test.messageType, "Please read."), patients...)
		var got []string
		for _, c := range changes {
			got = append(got, fmt.Sprintf("%s %s %d", c.Name, c.Notice.To, c.Notice.Patients))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.messageType, got, test.want)
		}
		left := map[string]string{}
		for id, x := range excluded {
			left[id] = string(x.Code) + " " + x.Sentence
		}
		if !maps.Equal(left, test.left) {
			t.Errorf("%s leaves out %q, want %q", test.messageType, left, test.left)
		}
	}
}

func TestAnAlertIsForARoleAndThoseWhoHoldTheFacility(t *testing.T) {
	p := says(kind.ToStaff, "Please read.")
	p[kind.AlertRole] = string(staff.Manager)
	changes, _, excluded, _ := gathered(p, at("P1", "fac-1", ""), at("P2", "fac-2", ""))
	if len(changes) != 1 || changes[0].Subject != "s-max" || changes[0].Notice.Patients != 1 {
		t.Errorf("it goes to %v", changes)
	}
	if x := excluded["P2"]; x.Code != bulk.NoRecipient || x.Sentence != "Hilltop is held by nobody whom the alert is for." {
		t.Errorf("left out: %+v", x)
	}
}

func TestPlaceholdersAreFilledForEachRecipient(t *testing.T) {
	text := "Dear {recipient},\r\n{patients} of {provider} at {facility}.\r\n{date}, {requester}"
	changes, _, _, _ := gathered(says(kind.ToProviders, text), at("P1", "fac-1", "ann"), at("P2", "fac-2", "ann"), at("P3", "fac-1", "bea"))
	for n, want := range []string{
		"Dear Dr. Ann,\n2 patients of Dr. Ann at Riverside, Hilltop.\n1 December 2026, Ada Asks",
		"Dear Dr. Bea,\n1 patient of Dr. Bea at Riverside.\n1 December 2026, Ada Asks",
	} {
		if got := changes[n].Notice.Text; got != want {
			t.Errorf("%q\nwant\n%q", got, want)
		}
	}
}

func TestWhatIsWrongWithAMessage(t *testing.T) {
	long := strings.Repeat("x", 3001)
	tests := []struct {
		name string
		with bulk.Params
		want string // field and the beginning of the sentence
	}{
		{"no type", bulk.Params{kind.MessageType: ""}, "type Choose whom the message is for"},
		{"an unknown type", bulk.Params{kind.MessageType: "fax"}, "type Choose whom the message is for"},
		{"a role without an alert", bulk.Params{kind.AlertRole: "manager"}, "role Only an Internal Alert asks for a role"},
		{"an alert without a role", bulk.Params{kind.MessageType: kind.ToStaff}, "role Choose whom on the staff"},
		{"an alert for a role that does not act", bulk.Params{kind.MessageType: kind.ToStaff, kind.AlertRole: "auditor"}, "role Choose whom on the staff"},
		{"no heading", bulk.Params{kind.MessageHeading: " "}, "heading Write the subject of the message."},
		{"two lines of heading", bulk.Params{kind.MessageHeading: "a\r\nBcc: b@c.example"}, "heading The subject has characters that cannot be read"},
		{"no text", bulk.Params{kind.MessageText: "\r\n"}, "text Write the text of the message."},
		{"a long text", bulk.Params{kind.MessageText: long}, "text Shorten the text to 3000 characters; it has 3001."},
		{"marks that turn the text", bulk.Params{kind.MessageText: "a\u202eb"}, "text The text has characters"},
		{"an unknown placeholder", bulk.Params{kind.MessageText: "{patient name}"},
			"text There is no placeholder {patient name}. There are: {recipient}, {patients}, {facility}, {requester}, {date}."},
		{"one of another type", bulk.Params{kind.MessageText: "{provider}"}, "text {provider} stands for something only in a Provider Notification."},
		{"a brace alone", bulk.Params{kind.MessageText: "a { b"}, "text A brace stands alone."},
		{"a brace in a brace", bulk.Params{kind.MessageHeading: "{a{b}}"}, "heading A brace stands alone."},
		{"a closing brace", bulk.Params{kind.MessageText: "a }"}, "text A brace stands alone."},
		{"an unknown question", bulk.Params{"cc": "x"}, "cc A communication has no question"},
	}
	for _, test := range tests {
		p := says(kind.ToFacilities, "Please read.")
		maps.Copy(p, test.with)
		problems := kind.Communication.Check(p, kindtest.Directory)
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Field+" "+problems[0].Sentence, test.want) {
			t.Errorf("%s: %q, want %q", test.name, problems, test.want)
		}
	}
	if problems := kind.Communication.Check(says(kind.ToProviders, "{provider} {patients} {facility} {recipient} {requester} {date}"), kindtest.Directory); problems != nil {
		t.Errorf("a good message: %q", problems)
	}
}

func TestAMessageMayNotNameAPatient(t *testing.T) {
	for text, refused := range map[string]bool{
		"About vera PATIENT MRN-0042.":     true, // the whole name
		"About mrn-0042, please":           true, // the id
		"About Vera\r\n Patient  mrn-0042": true, // over two lines
		"Patient mrn-0042, Vera (new)":     true, // the last name first
		"About Vera Patient LEFT-1.":       true, // who is left out: there is no address
		"MRN-0042, Vera":                   true, // the id alone
		"Vera Patient":                     false,
		"MRN-00421 and xMRN-0042":          false, // another id
		"Patients who move to {patients}":  false,
	} {
		_, _, _, refusal := gathered(says(kind.ToFacilities, text), at("P1", "fac-1", ""), at("MRN-0042", "fac-1", ""), at("LEFT-1", "fac-2", ""))
		if (refusal != "") != refused {
			t.Errorf("%q: %q", text, refusal)
		}
		if strings.Contains(refusal, "0042") {
			t.Errorf("the refusal repeats the id: %q", refusal)
		}
	}
}

func TestARecipientWhoWasNotReachedGetsTheSameListsAtTodaysAddress(t *testing.T) {
	done := func(subject string, lists ...bulk.List) kind.Subject {
		return kind.Subject{Done: &bulk.Change{Subject: subject, Notice: &bulk.Notice{To: "old@clinic.example", Lists: lists}}}
	}
	lists := []bulk.List{{Of: "OP-1", Number: 3, Facility: "fac-1", Patients: 7, Digest: "d"}, {Of: "OP-1", Number: 4, Facility: "fac-2", Patients: 1}}
	changes, own, _, _ := gathered(says(kind.ToProviders, "{patients}"), done("ann", lists...))
	if len(changes) != 1 || len(own) != 0 || changes[0].Notice.To != "ann@clinic.example" || changes[0].Notice.Text != "8 patients" ||
		!slices.Equal(changes[0].Notice.Lists, lists) || changes[0].Name != "Dr. Ann" {
		t.Errorf("%+v, lists %v", changes[0].Notice, own)
	}
	for _, test := range []struct {
		params bulk.Params
		whom   kind.Subject
		want   bulk.ExclusionCode
	}{
		{says(kind.ToProviders, "x"), done("cyd"), bulk.NoAddress},
		{says(kind.ToFacilities, "x"), done("fac-9"), bulk.NoRecipient},
		{says(kind.ToStaff, "x"), done("s-max", lists...), bulk.NoRecipient}, // who holds one of the two facilities
		{says(kind.ToStaff, "x"), done("s-off"), bulk.NoRecipient},
	} {
		_, exclusion := kind.Communication.New(test.params, messageWorld(test.params)).Plan(test.whom)
		if exclusion == nil || exclusion.Code != test.want {
			t.Errorf("%s: %+v", test.whom.Done.Subject, exclusion)
		}
	}
}

// Whoever is selected: every patient is left out with a reason or stands in
// lists that lead to a recipient, once for each; lists hold what they say, and
// are of one facility; no notice holds a name or an id.
func TestEveryPatientLeadsToARecipientOrIsLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := kindtest.DrawOf(t, kind.Communication)
		var patients []kind.Subject
		facility := map[string]string{}
		for n := range rapid.IntRange(0, 30).Draw(t, "patients") {
			s := at(fmt.Sprintf("MRN-%04d", n), rapid.SampledFrom([]string{"fac-1", "fac-2", "fac-3", "fac-9"}).Draw(t, "facility"),
				rapid.SampledFrom([]string{"", "ann", "bea", "cyd", "dan"}).Draw(t, "provider"))
			patients = append(patients, s)
			facility[s.Patient.ID()] = s.Patient.Facility()
		}
		changes, lists, excluded, refusal := gathered(p, patients...)
		if refusal != "" {
			t.Fatal(refusal)
		}
		reached := map[string]map[string]bool{}
		for n, c := range changes {
			if n > 0 && changes[n-1].Subject == c.Subject || c.Notice == nil || c.Notice.To == "" || len(c.Edits) > 0 {
				t.Fatalf("change %d: %+v", n, c)
			}
			if strings.ContainsAny(c.Notice.Text+c.Notice.Heading, "{}") || strings.Contains(c.Notice.Text, "MRN-") || strings.Contains(c.Notice.Text, "Vera") {
				t.Fatalf("a notice says %q", c.Notice.Text)
			}
			total := 0
			for _, l := range c.Notice.Lists {
				ids := lists[l.Number-1]
				if len(ids) != l.Patients || bulk.ListDigest(ids) != l.Digest {
					t.Fatalf("list %+v holds %v", l, ids)
				}
				total += len(ids)
				for _, id := range ids {
					if reached[id] == nil {
						reached[id] = map[string]bool{}
					}
					if reached[id][c.Subject] || facility[id] != l.Facility {
						t.Fatalf("%s stands in %+v for %s", id, l, c.Subject)
					}
					reached[id][c.Subject] = true
				}
			}
			if total != c.Notice.Patients {
				t.Fatalf("%d patients, not %d", total, c.Notice.Patients)
			}
		}
		for _, s := range patients {
			if _, out := excluded[s.Patient.ID()]; out == (len(reached[s.Patient.ID()]) > 0) {
				t.Fatalf("%s: left out %v, reaches %v", s.Patient.ID(), out, reached[s.Patient.ID()])
			}
		}
	})
}

func TestACommunicationInWords(t *testing.T) {
	for _, test := range []struct{ messageType, role, want string }{
		{kind.ToFacilities, "", "Facility Notification: New hours"},
		{kind.ToStaff, "manager", "Internal Alert to Managers: New hours"},
		{kind.ToStaff, "staff", "Internal Alert to Staff: New hours"},
		{kind.ToStaff, kind.EveryRole, "Internal Alert to everybody on the staff: New hours"},
	} {
		p := says(test.messageType, "x")
		p[kind.AlertRole] = test.role
		if got := kind.Communication.Summary(p, kindtest.Directory); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
