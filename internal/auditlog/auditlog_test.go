package auditlog_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkops/internal/audit"
	"bulkops/internal/auditlog"
	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/staff"
)

var (
	noon    = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	auditor = staff.Person{Sub: "omar", Role: staff.Auditor, Facilities: []string{staff.AllFacilities}}
)

func newLog() (auditlog.Log, *memory.Audit, *memory.Store) {
	store, reader := memory.New(), memory.NewAudit()
	return auditlog.Log{Reader: reader, Engine: &engine.Engine{Registry: store, Operations: store, Staff: store, Now: func() time.Time { return noon }}}, reader, store
}

// pages reads an answer to its end.
func pages(t interface{ Fatal(...any) }, l auditlog.Log, actor staff.Person, q auditlog.Query, most int) (names []string, reads []int) {
	after := ""
	for range 1000 {
		page, err := l.Find(context.Background(), actor, q, after, most)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			names = append(names, auditlog.Name(r))
		}
		reads = append(reads, page.Read)
		if after = page.Next; after == "" {
			return names, reads
		}
	}
	t.Fatal("the answer does not end")
	return nil, nil
}

// However long the pages are, all of them together are what was asked for,
// newest first, each record once.
func TestPagesTogetherAreTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, reader, store := newLog()
		if _, err := store.Create(context.Background(), bulk.Operation{ID: "OP-1", Version: 1, State: bulk.Running, Requester: bulk.Person{Sub: "sam"}, Plan: bulk.PlanSummary{Facilities: []string{"lakeside", "riverside"}}}, bulk.Selection{}, "0123456789abcdef", bulk.Event{}); err != nil {
			t.Fatal(err)
		}
		var all []audit.Record
		for n := range rapid.IntRange(0, 40).Draw(t, "records") {
			all = append(all, audit.Record{
				At:   noon.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "hours")) * time.Hour),
				Type: rapid.SampledFrom([]audit.Type{audit.Change, audit.Outcome, audit.Event, audit.Access}).Draw(t, "type"), Unique: fmt.Sprintf("%02d", n),
				Operation: rapid.SampledFrom([]string{"", "OP-1", "OP-2"}).Draw(t, "operation"), Facility: rapid.SampledFrom([]string{"", "riverside", "lakeside"}).Draw(t, "facility"),
				Old: registry.Fields{registry.FacilityField: rapid.SampledFrom([]string{"", "riverside"}).Draw(t, "left")}, Patient: rapid.SampledFrom([]string{"", "p1"}).Draw(t, "patient"), Operator: audit.Person{Name: rapid.SampledFrom([]string{"Sam", "Maria"}).Draw(t, "operator")},
			})
		}
		if err := reader.Append(context.Background(), all); err != nil {
			t.Fatal(err)
		}
		q := auditlog.Query{Operator: rapid.SampledFrom([]string{"", "sam"}).Draw(t, "asked for"), Patient: rapid.SampledFrom([]string{"", "p1"}).Draw(t, "of"),
			Operation: rapid.SampledFrom([]string{"", "OP-1"}).Draw(t, "with"), Facility: rapid.SampledFrom([]string{"", "riverside"}).Draw(t, "at")}
		actor := rapid.SampledFrom([]staff.Person{auditor, {Sub: "maria", Role: staff.Manager, Facilities: []string{"riverside"}}, {Sub: "sam", Role: staff.Staff, Facilities: []string{"riverside"}},
			{Sub: "sam", Role: staff.Staff, Facilities: []string{"lakeside", "riverside"}}}).Draw(t, "actor")
		var want []string
		for _, r := range all {
			riverside := r.Facility == "riverside" || r.Old[registry.FacilityField] == "riverside"
			planned := r.Type != audit.Change && r.Type != audit.Outcome && r.Operation == "OP-1" && len(r.Facilities()) == 0
			mine := actor.ReadsAll() || actor.Role == staff.Manager && riverside || actor.Sub == "sam" && r.Operation == "OP-1" && (r.Type == audit.Event || actor.Holds("lakeside")) // a requester without it reads no patients
			asked := strings.Contains(strings.ToLower(r.Operator.Name), q.Operator) && (q.Patient == "" || r.Patient == q.Patient) &&
				(q.Operation == "" || r.Operation == q.Operation) && (q.Facility == "" || riverside || planned)
			if mine && asked {
				want = append(want, r.SortKey()+" "+auditlog.Name(r))
			}
		}
		slices.Sort(want)
		slices.Reverse(want)
		for i, line := range want {
			_, want[i], _ = strings.Cut(line, " ")
		}
		got, _ := pages(t, l, actor, q, rapid.IntRange(1, 10).Draw(t, "most"))
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// A facility's manager and its filter find what left it as well as what came,
// its own entry, and what happened to operations with its patients.
func TestWhatConcernsAFacility(t *testing.T) {
	l, reader, store := newLog()
	ctx := t.Context()
	for id, at := range map[string][]string{"OP-1": {"riverside"}, "OP-2": {"lakeside"}} {
		if _, err := store.Create(ctx, bulk.Operation{ID: id, Version: 1, State: bulk.Running, Requester: bulk.Person{Sub: "sam"}, Plan: bulk.PlanSummary{Facilities: at}},
			bulk.Selection{}, "0123456789abcdef"+id, bulk.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	field := func(id string) registry.Fields { return registry.Fields{registry.FacilityField: id} }
	all := map[string]audit.Record{ // with whether it concerns Riverside
		"+left by hand":      {Type: audit.Change, Patient: "p", Part: "profile", Facility: "lakeside", Old: field("riverside"), New: field("lakeside")},
		"+came by hand":      {Type: audit.Change, Patient: "p", Part: "profile", Facility: "riverside", Old: field("lakeside"), New: field("riverside")},
		"+the facility":      {Type: audit.Change, Part: "FACILITY#riverside", Facility: "riverside"},
		"+put into a file":   {Type: audit.Outcome, Operation: "OP-2", Patient: "p", Facility: "riverside", What: audit.PatientExported},
		"-skipped elsewhere": {Type: audit.Outcome, Operation: "OP-2", Patient: "q", Facility: "lakeside", What: audit.PatientSkipped},
		"+an export decided": {Type: audit.Event, Operation: "OP-1", What: "approved"},
		"+an export opened":  {Type: audit.Access, Operation: "OP-1", What: audit.OperationViewed},
		"-another facility":  {Type: audit.Change, Part: "FACILITY#lakeside", Facility: "lakeside"},
		"-another export":    {Type: audit.Event, Operation: "OP-2", What: "approved"},
		"-a sign-in":         {Type: audit.Access, What: audit.SignIn},
	}
	want := map[string]bool{}
	for name, r := range all {
		r.At, r.Unique = noon, name
		want[auditlog.Name(r)] = name[0] == '+'
		if err := reader.Append(ctx, []audit.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	maria := staff.Person{Sub: "maria", Role: staff.Manager, Facilities: []string{"riverside"}}
	for who, asked := range map[string]struct {
		actor staff.Person
		q     auditlog.Query
	}{"the filter": {auditor, auditlog.Query{Facility: "riverside"}}, "the manager": {maria, auditlog.Query{}}, "the manager's filter": {maria, auditlog.Query{Facility: "riverside"}}} {
		names, _ := pages(t, l, asked.actor, asked.q, 3)
		for name, concerns := range want {
			if slices.Contains(names, name) != concerns {
				t.Errorf("%s: %s found %v, want %v", who, name, !concerns, concerns)
			}
		}
	}
}

// Who tried to open a patient is found by the patient's id, by those who see
// everything.
func TestWhoTriedToOpenAPatient(t *testing.T) {
	l, reader, _ := newLog()
	tried := audit.Record{At: noon.Add(-48 * time.Hour), Type: audit.Access, Unique: "1", What: audit.PatientViewed, Result: audit.Refused, Target: "000123", Operator: audit.Person{Name: "Sam"}}
	another, opened := tried, tried
	another.Unique, another.Target = "2", "0001234"
	opened.Unique, opened.Target, opened.Patient, opened.Result = "3", "", "000123", audit.Done
	if err := reader.Append(t.Context(), []audit.Record{tried, another, opened}); err != nil {
		t.Fatal(err)
	}
	q := auditlog.Query{Patient: "000123", Show: auditlog.Refusals}
	if names, _ := pages(t, l, auditor, q, 10); !slices.Equal(names, []string{auditlog.Name(tried)}) {
		t.Errorf("refused: %v", names)
	}
	if names, _ := pages(t, l, staff.Person{Sub: "maria", Role: staff.Manager, Facilities: []string{"riverside"}}, q, 10); len(names) > 0 {
		t.Errorf("a manager sees who tried to open somebody else's patient: %v", names)
	}
	if names, _ := pages(t, l, auditor, auditlog.Query{Patient: "000123"}, 10); !slices.Equal(names, []string{auditlog.Name(opened)}) {
		t.Errorf("the history: %v", names)
	}
	q.From = "2026-01-01"
	if wrong := q.Check(noon); len(wrong) != 1 || !strings.Contains(wrong[0].Sentence, "day by day") {
		t.Errorf("more days than are searched: %v", wrong)
	}
}

// Whatever is asked about a patient or an operation of which somebody may see
// nothing, the answer is that for an id which does not exist, however much is
// recorded; who may see a part is told how far was read.
func TestWhatOneMayNotSeeIsLikeWhatIsNotThere(t *testing.T) {
	l, reader, store := newLog()
	for id, facilities := range map[string][]string{"OP-7": {"lakeside", "riverside"}, "OP-8": {"lakeside"}, "OP-9": {"lakeside"}} {
		if _, err := store.Create(t.Context(), bulk.Operation{ID: id, Version: 1, State: bulk.Running, Requester: bulk.Person{Sub: "eva"}, Plan: bulk.PlanSummary{Facilities: facilities}}, bulk.Selection{}, "0123456789abcdef"+id, bulk.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	all := []audit.Record{{At: noon, Type: audit.Event, Operation: "OP-8"}, {At: noon, Type: audit.Change, Patient: "few", Facility: "lakeside"}}
	for n := range auditlog.MostRead + 1 {
		unique := fmt.Sprintf("%06d", n)
		all = append(all, audit.Record{At: noon, Type: audit.Change, Operation: "OP-9", Patient: "many", Facility: "lakeside", Unique: unique}, audit.Record{At: noon, Type: audit.Change, Operation: "OP-7", Facility: "lakeside", Unique: unique})
	}
	if err := reader.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, actor := range []staff.Person{{Sub: "sam", Role: staff.Staff, Facilities: []string{"riverside", "lakeside"}}, {Sub: "maria", Role: staff.Manager, Facilities: []string{"riverside"}}} {
		for _, there := range []auditlog.Query{{Patient: "few"}, {Patient: "many"}, {Operation: "OP-8"}, {Operation: "OP-9"}, {Operation: "OP-9", Patient: "many"}, {Operation: "OP-9", Show: auditlog.Events}} {
			got, err := l.Find(t.Context(), actor, there, "", 50)
			if err != nil || !reflect.DeepEqual(got, auditlog.Page{}) {
				t.Errorf("%s asks for %+v: %+v, %v", actor.Role, there, got, err)
			}
		}
	}
	maria := staff.Person{Sub: "maria", Role: staff.Manager, Facilities: []string{"riverside"}}
	if page, err := l.Find(t.Context(), maria, auditlog.Query{Operation: "OP-7"}, "", 50); err != nil || !page.Cut || page.Next == "" || page.Until.IsZero() {
		t.Errorf("an operation that touches her facility: %+v, %v", page, err)
	}
	if page, err := l.Find(t.Context(), auditor, auditlog.Query{Operation: "OP-8"}, "", 50); err != nil || len(page.Records) != 1 || !page.Until.IsZero() {
		t.Errorf("an answer that is not cut says how far was read: %+v, %v", page, err)
	}
}

// An answer reads a bounded part of the log, says that it stopped, and goes on
// from there.
func TestReadingIsBounded(t *testing.T) {
	l, reader, _ := newLog()
	var all []audit.Record
	for n := range 2*auditlog.MostRead + 10 {
		all = append(all, audit.Record{At: noon.Add(-time.Duration(n) * time.Millisecond), Type: audit.Event, Unique: fmt.Sprintf("%06d", n), Operation: "OP-1", Operator: audit.Person{Name: "Sam"}})
	}
	all[len(all)-1].Operator.Name = "Maria"
	if err := reader.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	first, err := l.Find(t.Context(), auditor, auditlog.Query{Operator: "maria"}, "", 50)
	if err != nil || !first.Cut || len(first.Records) != 0 || first.Next == "" || first.Until.IsZero() {
		t.Errorf("the first page: %d records, cut %v, next %q, %v", len(first.Records), first.Cut, first.Next, err)
	}
	names, reads := pages(t, l, auditor, auditlog.Query{Operator: "maria"}, 50)
	if len(names) != 1 || !slices.Equal(reads, []int{auditlog.MostRead, auditlog.MostRead, 10}) {
		t.Errorf("found %v, read %v", names, reads)
	}
	var file bytes.Buffer
	what, err := l.WriteCSV(t.Context(), &file, auditor, auditlog.Query{})
	if err != nil || what.Complete || what.Records != auditlog.MostInFile || !strings.Contains(file.String(), "This file is not complete") || file.Len() > 5<<20 {
		t.Errorf("the file: %+v, %d bytes, %v", what, file.Len(), err)
	}
	file.Reset()
	if what, err = l.WriteCSV(t.Context(), &file, auditor, auditlog.Query{Operator: "maria"}); err != nil || !what.Complete || what.Records != 1 {
		t.Errorf("the small file: %+v, %v", what, err)
	}
}

func TestAQuestionThatCannotBeAskedIsNamed(t *testing.T) {
	l, _, _ := newLog()
	for field, q := range map[string]auditlog.Query{
		"from": {From: "2026-01-01", To: "2026-12-31"}, "to": {From: "2026-12-02", To: "2026-12-01"}, "show": {Show: "secrets"}, "kind": {Kind: "magic"},
		"reason": {Reason: strings.Repeat("x", 300)},
	} {
		wrong := q.Check(noon)
		if len(wrong) != 1 || wrong[0].Field != field || wrong[0].Sentence == "" {
			t.Errorf("%s: %v", field, wrong)
		}
		if _, err := l.Find(t.Context(), auditor, q, "", 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", field, err)
		}
	}
	wrong := auditlog.Query{From: "2026-08-31"}.Check(noon) // 92 days are before today: the last of them would not be searched
	if len(wrong) != 1 || wrong[0].Field != "from" || !strings.Contains(wrong[0].Sentence, "up to today") {
		t.Errorf("a first day alone that is too far back: %v", wrong)
	}
	for _, q := range []auditlog.Query{{From: "2020-01-01", To: "2026-12-31", Patient: "p"}, {From: "2020-01-01", Patient: "p"}, {From: "2026-09-01", To: "2026-12-01"}, {From: "2026-09-01"},
		{To: "2026-01-01"}, {}} {
		if wrong := q.Check(noon); len(wrong) > 0 {
			t.Errorf("%+v: %v", q, wrong)
		}
	}
}
