package seal_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/seal"
)

var nine = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// signer signs with a key in memory.
type signer struct {
	key   *ecdsa.PrivateKey
	fails func() error
}

func (s signer) Sign(_ context.Context, sum [sha256.Size]byte) ([]byte, error) {
	if s.fails != nil {
		if err := s.fails(); err != nil {
			return nil, err
		}
	}
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

// world is an audit log with its seals and a clock.
type world struct {
	log   *memory.Audit
	files *memory.Files
	signer
	mu  sync.Mutex
	now time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{log: memory.NewAudit(), files: memory.NewFiles(), signer: signer{key: key}, now: nine}
	w.log.Now = w.clock
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) sealer() seal.Sealer {
	return seal.Sealer{Log: w.log, Files: w.files, Signer: w.signer, Now: w.clock}
}

func (w *world) verifier() seal.Verifier {
	return seal.Verifier{Log: w.log, Files: w.files, Key: &w.key.PublicKey, Now: w.clock}
}

// run seals what is due and returns how many hours that was.
func (w *world) run(t testing.TB) int {
	t.Helper()
	n, err := w.sealer().Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// verify returns what is wrong in the hours.
func (w *world) verify(t testing.TB, from, to audit.Hour) []seal.Finding {
	t.Helper()
	r, err := w.verifier().Verify(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Findings
}

func record(n int, at time.Time) audit.Record {
	r := audit.Record{At: at, Type: audit.Change, Unique: fmt.Sprintf("%032x", n), Operation: fmt.Sprintf("OP-%06d-AAAA", n%3), Kind: "tags", Batch: 1,
		Operator: audit.Person{Sub: "s", Name: "Sam"}, Approver: audit.Person{Sub: "m", Name: "Maria"}, Reason: "<b>Insurance</b> & lapse",
		Patient: fmt.Sprintf("%06d", n), Part: registry.ProfilePart, Old: registry.Fields{"tags": "a"}, New: registry.Fields{"tags": "a b"}}
	if n%3 == 2 {
		r = audit.Record{At: at, Type: audit.Access, Unique: fmt.Sprintf("%032x", n), Operator: audit.Person{Name: "Sam"}, What: audit.Viewed, Result: audit.Done}
	}
	return r
}

// write writes n records now, and says which.
func (w *world) write(t testing.TB, from, n int) []audit.Item {
	t.Helper()
	var items []audit.Item
	for i := range n {
		r := record(from+i, w.clock().Add(time.Duration(i)*time.Second))
		item, err := r.Item(audit.HourOf(w.clock()))
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
		if err := w.log.Append(t.Context(), []audit.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

// sealedDay has seven records at 9, none at 10, five at 11 and one at 12; all
// but 12 are sealed.
func sealedDay(t *testing.T) (*world, []audit.Item) {
	w := newWorld(t)
	items := w.write(t, 0, 7)
	w.pass(2 * time.Hour)
	items = append(items, w.write(t, 100, 5)...)
	w.pass(70 * time.Minute) // 12:10
	w.write(t, 200, 1)
	if n := w.run(t); n != 3 {
		t.Fatalf("%d hours sealed, want 3", n)
	}
	if wrong := w.verify(t, "2026-12-01T09", "2026-12-01T11"); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return w, items
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

// A seal says of which hour, how many records and after which seal it is; an
// hour is sealed when nobody can write into it any more.
func TestAnHourIsSealedOnceAfterItsGrace(t *testing.T) {
	w := newWorld(t)
	w.write(t, 0, 3)
	for _, step := range []struct {
		pass time.Duration
		want int
	}{
		{0, 1},                // 9:00: the hour of 7 is the first of all, and empty
		{59 * time.Minute, 1}, // 9:59: the hour of 8
		{10 * time.Minute, 0}, // 10:09
		{time.Minute, 1},      // 10:10
		{0, 0}, {59 * time.Minute, 0},
		{5 * time.Hour, 5}, // after a failure of five hours all are caught up with
	} {
		w.pass(step.pass)
		if got := w.run(t); got != step.want {
			t.Errorf("at %s %d hours are sealed, want %d", w.clock().Format("15:04"), got, step.want)
		}
	}
	names := namesOf(t, w.files, "seals/")
	if len(names) != 8 || names[0] != "seals/2026-12-01T07.json" || names[7] != "seals/2026-12-01T14.json" {
		t.Errorf("seals %v", names)
	}
	if wrong := w.verify(t, "2026-12-01T07", "2026-12-01T14"); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// What lies among the seals and is none that is due does not end the sealing.
func TestSealingGoesOnBesideWhatIsNoSeal(t *testing.T) {
	w, _ := sealedDay(t)
	for _, name := range []string{"seals/2026-12-01T14.json", "seals/2099-01-01T00.json", "seals/2026-12-01T11.jsox", "seals/2026-12-01T11", "seals/zzz"} {
		put(t, w, name)
	}
	w.pass(time.Hour) // 13:10
	if n := w.run(t); n != 1 {
		t.Errorf("%d hours sealed, want 1", n)
	}
	var early []audit.Hour
	for _, f := range w.verify(t, "2026-12-01T09", "2026-12-01T12") {
		if f.Wrong != seal.BadSeal {
			t.Error(f)
		}
		early = append(early, f.Hour)
	}
	if !slices.Equal(early, []audit.Hour{"2026-12-01T14", "2099-01-01T00"}) {
		t.Errorf("named are the seals of %q", early)
	}
}

// Where nothing was ever sealed, sealing begins with the first hour in which
// something was written.
func TestSealingThatBeginsLateLeavesNothingOut(t *testing.T) {
	w := newWorld(t)
	w.write(t, 0, 3)
	w.pass(30 * time.Hour)
	if n := w.run(t); n != 29 {
		t.Errorf("%d hours sealed, want 29", n)
	}
	if wrong := w.verify(t, "2026-12-01T09", "2026-12-02T13"); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// A late stream delivers long after a change was made: its record belongs to
// the hour in which it is written, and no sealed hour is touched.
func TestALateRecordBelongsToTheHourOfItsWriting(t *testing.T) {
	w, _ := sealedDay(t)
	w.pass(10 * time.Hour)
	late := record(900, nine.Add(time.Minute))
	if err := w.log.Append(t.Context(), []audit.Record{late}); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Hour)
	w.run(t)
	if wrong := w.verify(t, "2026-12-01T09", "2026-12-01T22"); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// What is dated in the hours that somebody asks for may have been written in any
// other: that one is verified with them.
func TestARecordIsVerifiedWithTheHoursOfItsDateToo(t *testing.T) {
	w, items := sealedDay(t)
	late := item(t, record(900, nine.Add(150*time.Minute)), "2026-12-01T09") // dated 11:30
	w.log.Rewrite(late)
	for _, c := range []struct {
		hour audit.Hour
		want []string
	}{{"2026-12-01T11", []string{late.Name()}}, {"2026-12-01T10", nil}} {
		var got []string
		for _, f := range w.verify(t, c.hour, c.hour) {
			if f.Wrong != seal.Added || f.Hour != "2026-12-01T09" {
				t.Errorf("verifying %s: %s", c.hour, f)
			}
			got = append(got, f.Record)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("verifying %s finds %q, want %q", c.hour, got, c.want)
		}
	}
	w.log.Remove(late)
	w.log.Rewrite(forged(t, items[3]))
	if wrong := w.verify(t, "2026-12-01T11", "2026-12-01T11"); len(wrong) > 0 {
		t.Errorf("another hour, of another date: %v", wrong)
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

// A file with the name of an older hour does not move the beginning, before
// which nothing can have been written.
func TestTheBeginningIsTheFirstSealOfTheKey(t *testing.T) {
	w, items := sealedDay(t)
	genuine, err := w.files.Get(t.Context(), "seals/2026-12-01T09.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.files.Put(t.Context(), "seals/2026-11-01T00.json", genuine); err != nil { // a true seal, under another name
		t.Fatal(err)
	}
	put(t, w, "seals/2026-11-02T00.json")
	r, err := items[0].Record()
	if err != nil {
		t.Fatal(err)
	}
	old := item(t, r, "2026-11-03T00")
	w.log.Rewrite(old)
	if first, ok, err := w.verifier().First(t.Context()); first != "2026-12-01T09" || !ok || err != nil {
		t.Errorf("the first is %s, %v, %v", first, ok, err)
	}
	var got []string
	for _, f := range w.verify(t, "2026-12-01T10", "2026-12-01T11") {
		got = append(got, strings.TrimSpace(fmt.Sprint(f.Hour, " ", f.Wrong, " ", f.Record)))
	}
	if want := []string{"2026-11-01T00 bad-seal", "2026-11-02T00 bad-seal", "2026-11-03T00 added " + old.Name()}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// Several at once, some of which fail at any point, leave one chain.
func TestSealersAtOnceAndWithFailuresLeaveOneChain(t *testing.T) {
	w := newWorld(t)
	for hour := range 6 {
		w.write(t, hour*100, hour)
		w.pass(time.Hour)
	}
	w.pass(10 * time.Minute)
	var mu sync.Mutex
	calls := 0
	w.fails = func() error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%3 == 0 {
			return errors.New("the key does not answer")
		}
		return nil
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				_, _ = w.sealer().Run(t.Context()) // what fails is done by the next
			}
		})
	}
	all.Wait()
	if wrong := w.verify(t, "2026-12-01T10", "2026-12-01T14"); len(wrong) > 0 {
		t.Error(wrong)
	}
	w.fails = nil
	if n := w.run(t); n != 0 {
		t.Errorf("%d hours were left", n)
	}
}

// An hour that was changed before a second sealer looked is an error, not a
// second truth.
func TestAnHourIsNeverSealedOtherwise(t *testing.T) {
	w, items := sealedDay(t)
	stored, err := w.files.Get(t.Context(), "seals/2026-12-01T11.json")
	if err != nil {
		t.Fatal(err)
	}
	w.log.Remove(items[8])
	slow := w.sealer()
	slow.Files = stale{w.files}
	if _, err := slow.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "sealed already") {
		t.Errorf("sealed again: %v", err)
	}
	if now, _ := w.files.Get(t.Context(), "seals/2026-12-01T11.json"); string(now) != string(stored) {
		t.Error("the seal was changed")
	}
}

// stale are files whose listing does not show the newest.
type stale struct{ *memory.Files }

func (s stale) Names(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for name, err := range s.Files.Names(ctx, prefix, after) {
			if !strings.Contains(name, "T11") && !yield(name, err) {
				return
			}
		}
	}
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

func TestAProofHoldsForItsRecordAndForNoOther(t *testing.T) {
	w, items := sealedDay(t)
	for n, item := range items {
		p, err := w.verifier().Prove(t.Context(), item.Name())
		if err != nil {
			t.Fatal(n, err)
		}
		text, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, holds bool, change func(*seal.Proof)) {
			t.Helper()
			var read seal.Proof
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			change(&read)
			s, err := read.Check()
			if (err == nil) != holds {
				t.Errorf("record %d, %s: %v", n, what, err)
			}
			if holds && s.Hour != item.Hour() {
				t.Errorf("record %d is proved for %s", n, s.Hour)
			}
		}
		check("as it is", true, func(*seal.Proof) {})
		check("another reason", false, func(p *seal.Proof) { p.Record = forged(t, p.Record) })
		check("another place", false, func(p *seal.Proof) { p.Index++ })
		check("another path", false, func(p *seal.Proof) { p.Path = append(p.Path, hex.EncodeToString(make([]byte, 32))) })
		check("another seal", false, func(p *seal.Proof) { p.Signed.Seal = strings.Replace(p.Signed.Seal, "2026-12-01T", "2026-12-02T", 1) })
		check("no signature", false, func(p *seal.Proof) { p.Signed.Signature = nil })
		check("no key", false, func(p *seal.Proof) { p.Key = nil })
		check("another key", false, func(p *seal.Proof) { p.Key = otherKey(t) })
	}
	w.log.Rewrite(forged(t, items[3]))
	if _, err := w.verifier().Prove(t.Context(), items[3].Name()); err == nil {
		t.Error("a changed record is proved")
	}
	if _, err := w.verifier().Prove(t.Context(), "OP#none/none"); err == nil {
		t.Error("a record that is not there is proved")
	}
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	key, err := x509.MarshalPKIXPublicKey(&newWorld(t).key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
