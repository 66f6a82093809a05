package seal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/seal"
)

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	const nine, ten, eleven = "seals/2026-12-01T09.json", "seals/2026-12-01T10.json", "seals/2026-12-01T11.json"
	list := func(w *world, hour string) string {
		names := namesOf(t, w.files, "records/"+hour)
		if len(names) != 1 {
			t.Fatalf("lists of %s: %v", hour, names)
		}
		return names[0]
	}
	for name, c := range map[string]struct {
		tamper func(*world, []audit.Item)
		want   []string // hour, what, and the record of items as #n
	}{
		"a record changed": {func(w *world, items []audit.Item) { w.log.Rewrite(forged(t, items[3])) }, []string{"09 changed #3"}},
		"an attribute changed that only an index needs": {func(w *world, items []audit.Item) {
			items[0]["patient"] = "999999"
			w.log.Rewrite(items[0])
		}, []string{"09 changed #0"}},
		"an attribute added": {func(w *world, items []audit.Item) {
			items[8]["note"] = ""
			w.log.Rewrite(items[8])
		}, []string{"11 changed #8"}},
		"a record deleted": {func(w *world, items []audit.Item) { w.log.Remove(items[6]) }, []string{"09 deleted #6"}},
		"every record of an hour": {func(w *world, items []audit.Item) {
			for _, i := range items[7:] {
				w.log.Remove(i)
			}
		}, []string{"11 deleted #7", "11 deleted #8", "11 deleted #9", "11 deleted #10", "11 deleted #11"}},
		"a record added to an hour":  {func(w *world, items []audit.Item) { addTo(t, w, "2026-12-01T09") }, []string{"09 added +"}},
		"a record added to an empty": {func(w *world, items []audit.Item) { addTo(t, w, "2026-12-01T10") }, []string{"10 added +"}},
		"a record of long ago added": {func(w *world, items []audit.Item) { addTo(t, w, "2026-11-01T10") }, []string{"11-01T10 added +"}},
		"a record of long ago added, and dated so": {func(w *world, items []audit.Item) {
			w.log.Rewrite(item(t, record(500, w.clock().AddDate(0, -1, 0)), "2026-11-01T10"))
		}, []string{"11-01T10 added +"}},
		"a record added to an hour to come":   {func(w *world, items []audit.Item) { addTo(t, w, "2026-12-01T14") }, []string{"14 added +"}},
		"a record added to an hour of no day": {func(w *world, items []audit.Item) { addTo(t, w, "2026-12-01T9") }, []string{"09 added +"}},
		"a record added without an hour":      {func(w *world, items []audit.Item) { addTo(t, w, "") }, []string{"09 added +"}},
		"a record added without an hour under another day": {func(w *world, items []audit.Item) {
			w.log.Rewrite(item(t, record(500, w.clock().AddDate(0, 1, 0)), ""))
		}, []string{"09 added +"}},
		"a record added that no index has": {func(w *world, items []audit.Item) {
			i := item(t, record(500, w.clock()), "2026-12-01T09")
			delete(i, "hour")
			delete(i, "day")
			w.log.Rewrite(i)
		}, []string{"09 added +"}},
		"a record of another hour added that is no record": {func(w *world, items []audit.Item) {
			w.log.Rewrite(audit.Item{audit.ItemPartition: "OP#x", audit.ItemSort: "x", "hour": "2026-12-01T12"})
		}, []string{"12 added +"}},
		"a record given another time": {func(w *world, items []audit.Item) {
			r, _ := items[2].Record()
			r.At = r.At.Add(3 * time.Second)
			later, _ := r.Item(items[2].Hour())
			w.log.Remove(items[2])
			w.log.Rewrite(later)
		}, []string{"09 moved +"}},
		"a record given another hour": {func(w *world, items []audit.Item) {
			items[4]["hour"] = "2026-12-01T11"
			w.log.Rewrite(items[4])
		}, []string{"11 moved #4"}},
		"two records exchanged": {func(w *world, items []audit.Item) {
			a, b := items[0]["body"], items[1]["body"]
			items[0]["body"], items[1]["body"] = b, a
			w.log.Rewrite(items[0])
			w.log.Rewrite(items[1])
		}, []string{"09 changed #0", "09 changed #1"}},
		"a seal taken away":         {func(w *world, _ []audit.Item) { w.files.Rewrite(ten, nil) }, []string{"10 no-seal", "10 rewrite"}},
		"a seal replaced":           {func(w *world, _ []audit.Item) { s, _ := w.files.Get(t.Context(), nine); w.files.Rewrite(ten, s) }, []string{"10 bad-seal", "10 rewrite", "11 unlinked"}},
		"a seal edited":             {func(w *world, _ []audit.Item) { edit(t, w, nine, `\"records\":7`, `\"records\":6`) }, []string{"09 bad-seal", "09 rewrite", "10 unlinked"}},
		"a seal made rubbish":       {func(w *world, _ []audit.Item) { w.files.Rewrite(eleven, []byte("x")) }, []string{"11 bad-seal", "11 rewrite"}},
		"a seal of an hour to come": {func(w *world, _ []audit.Item) { put(t, w, "seals/2099-01-01T00.json") }, []string{"2099-01-01T00 bad-seal"}},
		"an hour sealed anew by who may sign": {func(w *world, items []audit.Item) {
			w.log.Rewrite(forged(t, items[8]))
			for _, name := range []string{eleven, list(w, "2026-12-01T11")} {
				w.files.Rewrite(name, nil)
			}
			w.run(t)
		}, []string{"11 rewrite"}},
		"a record changed and the list of records, too": {func(w *world, items []audit.Item) {
			w.log.Rewrite(forged(t, items[8]))
			w.files.Rewrite(list(w, "2026-12-01T11"), []byte("x"))
		}, []string{"11 bad-list"}},
		"the list taken away, nothing else": {func(w *world, items []audit.Item) { w.files.Rewrite(list(w, "2026-12-01T11"), nil) }, nil},
		"nothing":                           {func(*world, []audit.Item) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, items := sealedDay(t)
			c.tamper(w, items)
			var got []string
			for _, f := range w.verify(t, "2026-12-01T09", "2026-12-01T11") {
				hour := strings.TrimPrefix(strings.TrimPrefix(string(f.Hour), "2026-12-01T"), "2026-")
				line := hour + " " + string(f.Wrong)
				if f.Record != "" {
					at := slices.IndexFunc(items, func(i audit.Item) bool { return i.Name() == f.Record })
					line += fmt.Sprintf(" #%d", at)
				}
				if f.Detail == "" || !strings.Contains(f.String(), f.Detail) {
					t.Errorf("%q says nothing", f)
				}
				got = append(got, strings.Replace(line, "#-1", "+", 1))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// forged is the item with another reason, as somebody writes it who knows the
// form and does everything right.
func forged(t *testing.T, i audit.Item) audit.Item {
	t.Helper()
	r, err := i.Record()
	if err != nil {
		t.Fatal(err)
	}
	r.Reason = "another reason"
	f, err := r.Item(i.Hour())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func namesOf(t *testing.T, files seal.Files, prefix string) (names []string) {
	t.Helper()
	for name, err := range files.Names(t.Context(), prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func addTo(t *testing.T, w *world, hour audit.Hour) {
	t.Helper()
	w.log.Rewrite(item(t, record(400, nine.Add(5*time.Minute)), hour))
}

func put(t *testing.T, w *world, name string) {
	t.Helper()
	if err := w.files.Put(t.Context(), name, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func item(t *testing.T, r audit.Record, hour audit.Hour) audit.Item {
	t.Helper()
	i, err := r.Item(hour)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func edit(t *testing.T, w *world, name, from, to string) {
	t.Helper()
	content, err := w.files.Get(t.Context(), name)
	if err != nil || !strings.Contains(string(content), from) {
		t.Fatalf("%s: %v", content, err)
	}
	w.files.Rewrite(name, []byte(strings.Replace(string(content), from, to, 1)))
}

func TestAMissingHourAndThoseAroundIt(t *testing.T) {
	w, _ := sealedDay(t)
	if wrong := w.verify(t, "2026-12-01T10", "2026-12-01T13"); len(wrong) != 2 || wrong[0].Wrong != seal.NoSeal || wrong[0].Hour != "2026-12-01T12" {
		t.Errorf("hours not yet sealed: %v", wrong)
	}
	if wrong := w.verify(t, "2026-12-01T07", "2026-12-01T09"); len(wrong) != 2 || wrong[0].Hour != "2026-12-01T07" {
		t.Errorf("hours before the first: %v", wrong)
	}
}

// A record that was written late and then taken away is missed in the hours of
// its date, too, although nothing in the table leads to the hour of its writing.
func TestALateRecordThatWasTakenAwayIsMissed(t *testing.T) {
	w, _ := sealedDay(t)
	w.pass(10 * time.Hour) // 22:10
	late := record(900, nine.Add(time.Minute))
	if err := w.log.Append(t.Context(), []audit.Record{late}); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Hour)
	w.run(t)
	stored := item(t, late, "2026-12-01T22")
	if wrong := w.verify(t, "2026-12-01T09", "2026-12-01T09"); len(wrong) > 0 {
		t.Error(wrong)
	}
	w.log.Remove(stored)
	for _, hour := range []audit.Hour{"2026-12-01T09", "2026-12-01T22"} {
		wrong := w.verify(t, hour, hour)
		if len(wrong) != 1 || wrong[0].Wrong != seal.Deleted || wrong[0].Record != stored.Name() || wrong[0].Hour != "2026-12-01T22" {
			t.Errorf("verifying %s finds %v", hour, wrong)
		}
	}
	if wrong := w.verify(t, "2026-12-01T10", "2026-12-01T10"); len(wrong) > 0 {
		t.Errorf("an hour of another date: %v", wrong)
	}
}
