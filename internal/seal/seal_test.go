package seal_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
	"bulkops/internal/seal"
)

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

// Whatever somebody puts under the name of an hour before that is sealed, the
// hours before and after it are sealed, and it is named until somebody looks.
func TestAFileUnderTheNameOfAnHourLeavesNoOtherHourUnsealed(t *testing.T) {
	for name, content := range map[string]func(*world) []byte{
		"rubbish": func(*world) []byte { return []byte("x") },
		"a true seal of another hour": func(w *world) []byte {
			stored, err := w.files.Get(t.Context(), "seals/2026-12-01T11.json")
			if err != nil {
				t.Fatal(err)
			}
			return stored
		},
		"a seal with another key": func(*world) []byte {
			other := newWorld(t)
			other.write(t, 0, 1)
			other.pass(7 * time.Hour)
			other.run(t)
			stored, err := other.files.Get(t.Context(), "seals/2026-12-01T14.json")
			if err != nil {
				t.Fatal(err)
			}
			return stored
		},
	} {
		w, _ := sealedDay(t)  // 12:10, sealed up to 11
		w.pass(3 * time.Hour) // 15:10
		w.write(t, 300, 2)
		if err := w.files.Put(t.Context(), "seals/2026-12-01T14.json", content(w)); err != nil {
			t.Fatal(err)
		}
		if n := w.run(t); n != 2 {
			t.Errorf("%s: %d hours sealed, want those of 12 and 13", name, n)
		}
		w.pass(2 * time.Hour) // 17:10
		if n := w.run(t); n != 2 {
			t.Errorf("%s: %d hours sealed, want those of 15 and 16", name, n)
		}
		var found []string
		for _, f := range w.verify(t, "2026-12-01T09", "2026-12-01T16") {
			found = append(found, fmt.Sprint(f.Hour, " ", f.Wrong, " ", f.Record))
		}
		if !slices.Equal(found, []string{"2026-12-01T14 bad-seal "}) {
			t.Errorf("%s: verify finds %q", name, found)
		}
	}
}

// A gap is closed whenever it is seen, however it came about.
func TestAGapIsSealedAfterwards(t *testing.T) {
	w := newWorld(t)
	w.write(t, 0, 1)
	w.pass(6 * time.Hour)
	w.run(t)
	w.files.Rewrite("seals/2026-12-01T11.json", nil)
	if n := w.run(t); n != 1 {
		t.Errorf("%d hours sealed, want 1", n)
	}
	for _, f := range w.verify(t, "2026-12-01T09", "2026-12-01T13") {
		if f.Wrong != seal.Rewrite && f.Wrong != seal.Unlinked {
			t.Error(f)
		}
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

// What is asked for may begin before the first seal and end in hours to come:
// that these have no seal is no finding. That one is missing which is due is.
func TestHoursAreLimitedToThoseThatCanBeVerified(t *testing.T) {
	if _, _, err := newWorld(t).verifier().Limit(t.Context(), "", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("before the first seal: %v", err)
	}
	w, _ := sealedDay(t) // 12:10; 9 to 11 are sealed, 11 need not be yet
	for _, c := range []struct {
		pass           time.Duration
		from, to, want audit.Hour
		wrong          string
	}{
		{0, "", "", "2026-12-01T11", ""},
		{0, "2026-11-01T00", "2026-12-01T23", "2026-12-01T11", ""},
		{0, "2026-12-01T09", "2026-12-01T10", "2026-12-01T10", ""},
		{69 * time.Minute, "2026-11-01T00", "2026-12-01T23", "2026-12-01T11", ""}, // 13:19
		{time.Minute, "2026-11-01T00", "2026-12-01T23", "2026-12-01T12", "2026-12-01T12  no-seal   This hour has no seal."},
	} {
		w.pass(c.pass)
		from, to, err := w.verifier().Limit(t.Context(), c.from, c.to)
		if from != "2026-12-01T09" || to != c.want || err != nil {
			t.Errorf("at %s %q to %q become %s to %s, %v", w.clock().Format("15:04"), c.from, c.to, from, to, err)
		}
		var wrong []string
		for _, f := range w.verify(t, from, to) {
			wrong = append(wrong, f.String())
		}
		if got := strings.Join(wrong, "; "); got != c.wrong {
			t.Errorf("at %s found %q, want %q", w.clock().Format("15:04"), got, c.wrong)
		}
	}
	for _, beside := range [][2]audit.Hour{{"2026-11-01T00", "2026-12-01T08"}, {"2026-12-01T13", "2026-12-02T23"}} {
		if _, _, err := w.verifier().Limit(t.Context(), beside[0], beside[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", beside, err)
		}
	}
}
