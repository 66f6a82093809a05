package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/memory"
)

// The simulation runs the real engine on the store in memory. Everything that
// happens by chance elsewhere is decided here, from a seed: whose call of a port
// is made next, what becomes of it, what people do and when, how time passes.
// The method is FoundationDB's (Zhou et al., "FoundationDB", SIGMOD 2021, 6.1).

// fate is what becomes of one call of a port.
type fate int

const (
	made        fate = iota
	busy             // not made, and said so
	lostRequest      // not made, and nobody knows
	lostAnswer       // made, and nobody knows
	diedBefore       // not made; the process that called is dead
	diedAfter        // made; the process that called is dead
	hung             // of a mail: not made, and no answer for as long as anybody waits
)

var fates = []string{"", " (busy)", " (request lost)", " (answer lost)", " (died before)", " (died after)", " (hung)"}

// process is one call of a function, one sweep of the watch, or one person's
// request to the portal: what can die by itself.
type process struct {
	name   string
	serial int
	cancel context.CancelFunc
	dead   bool
	err    error
	then   func(error) // runs in the scheduler when the process has ended
}

// portCall is a call that waits for its turn.
type portCall struct {
	of   *process
	name string
	turn chan fate
}

// director decides what the world leaves open.
type director struct {
	// next picks one of the calls that wait, or -1 when something else has been
	// done instead.
	next func(calls []*portCall) int
	// fate says what becomes of the call that was picked.
	fate func(*portCall) fate
	// copies says how often the state machine delivers a call of a function.
	copies func() int
	// throttled says whether the n-th call of a function, from 1, is refused since
	// other operations use all calls that may be made of it at the same time.
	throttled func(n int) bool
	// idle does something when no call waits; false when nothing is left to do.
	idle func() bool
}

type world struct {
	*engine.Engine
	director   director
	rng        *rand.Rand
	store      *memory.Store
	files      *memory.ExportFiles
	sealer     *memory.Sealer
	executions []*execution
	checker    *checker
	began      int // how many changes there were before anybody did anything

	lag    time.Duration // until an execution is seen after its start
	now    time.Time
	serial int // of processes, tokens and secrets

	mu     sync.Mutex // processes may run at the same time until their first call
	calls  []*portCall
	ended  []*process
	alive  int       // processes that have not ended
	hangs  int       // calls that wait for an answer that does not come
	hung   int       // those that ever did
	late   error     // the first process that took all the time of its function
	calm   time.Time // when the trouble ceased
	mails  []engine.Mail
	shown  map[string][]string // passphrases, by operation
	logs   []string
	trace  []string // the latest steps, as a ring
	traced int
}

type processKey struct{}

func newWorld(rng *rand.Rand) *world {
	w := &world{rng: rng, store: memory.New(), files: memory.NewExportFiles(), sealer: memory.NewSealer(), now: noon, shown: map[string][]string{}}
	w.Engine = &engine.Engine{
		Registry:   tappedRegistry{w.store, w.tap},
		Operations: tappedOperations{w.store, w.tap},
		Staff:      tappedStaff{w.store, w.tap},
		Machine:    tappedMachine{w, w.tap},
		Mailer:     tappedMailer{w, w.tap},
		Files:      tappedFiles{w.files, w.tap},
		Sealer:     tappedSealer{w.sealer, w.tap},
		Now:        func() time.Time { return w.now },
		Pause:      func(ctx context.Context, _ time.Duration) { _ = w.tap(ctx, "Pause", func() error { return nil }) },
		NewID:      func(time.Time) string { return fmt.Sprintf("OP-%06d-SEED", w.number()) },
		Secret:     func() string { return fmt.Sprintf("secret-%d", w.number()) },
		Log: func(_ context.Context, what string, err error, args ...any) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.logs = append(w.logs, fmt.Sprint(what, err, args))
		},
		Limits:    engine.DefaultLimits,
		PortalURL: "https://portal.example",
	}
	w.Limits.KeepFiles = 20 * time.Hour // some are deleted before the end
	w.checker = newChecker(w)
	return w
}

func (w *world) number() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return w.serial
}

func (w *world) Send(_ context.Context, m engine.Mail) error {
	if strings.HasPrefix(m.To, refusedAddress) {
		return fault.New(fault.Invalid, "The address is refused.")
	}
	w.mails = append(w.mails, m)
	return nil
}

// errDead is what a dead process gets for every call; nobody sees it.
var errDead = errors.New("the process is dead")

// tap lets a process's call wait for its turn and meet its fate. Outside any
// process, when the world is looked at, the call is simply made.
func (w *world) tap(ctx context.Context, call string, do func() error) error {
	p, ok := ctx.Value(processKey{}).(*process)
	if !ok {
		return do()
	}
	c := &portCall{p, call, make(chan fate)}
	w.mu.Lock()
	if p.dead {
		w.mu.Unlock()
		return errDead
	}
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	f := <-c.turn
	var err error
	if f == made || f == lostAnswer || f == diedAfter {
		w.checker.called(call)
		err = do()
	}
	switch f {
	case hung:
		w.hang(ctx)
		return errLost
	case busy:
		return fault.New(fault.Busy, "Busy.")
	case lostRequest, lostAnswer:
		return errLost
	case diedBefore, diedAfter:
		return errDead
	}
	return err
}

// hang waits until the caller gives up, or internal/ses does.
func (w *world) hang(ctx context.Context) {
	w.mu.Lock()
	w.hangs, w.hung = w.hangs+1, w.hung+1
	w.mu.Unlock()
	engine.Pause(ctx, 10*time.Second)
	w.mu.Lock()
	w.hangs--
	w.mu.Unlock()
}

// lasts is how long the calls of a function may take, as the template says; the
// others are people's, of the portal.
var lasts = map[string]time.Duration{"ask": 30 * time.Second, "watch": 120 * time.Second, "plan": 900 * time.Second, "verify": 300 * time.Second,
	"batch": 120 * time.Second, "export": 900 * time.Second, "finish": 120 * time.Second}

// limit is how long a process may take. Only what hangs takes time.
func limit(process string) time.Duration {
	function, _, _ := strings.Cut(process, " ")
	return cmp.Or(lasts[function], 29*time.Second)
}

// run starts a process. then learns how it ended; errDead when it died.
func (w *world) run(name string, f func(context.Context) error, then func(error)) {
	ctx, cancel := context.WithTimeout(context.Background(), limit(name))
	p := &process{name: name, serial: w.number(), cancel: cancel, then: then}
	w.alive++
	go func() {
		err := f(context.WithValue(ctx, processKey{}, p))
		w.mu.Lock()
		defer w.mu.Unlock()
		p.err = err
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			w.late = cmp.Or(w.late, fmt.Errorf("%s took all of its time", name))
		}
		w.ended = append(w.ended, p)
	}()
}

// kill ends a process: from now on none of its calls is made.
func (w *world) kill(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.dead = true
	p.cancel()
	for _, c := range w.calls {
		if c.of == p {
			c.turn <- diedBefore
		}
	}
	w.calls = slices.DeleteFunc(w.calls, func(c *portCall) bool { return c.of == p })
}

// maxSteps is far beyond what any life takes: a world that reaches it is stuck.
const maxSteps = 20_000

// live runs the world until nothing is left to do, and looks at its end; it
// returns the first invariant that is broken.
func (w *world) live() error {
	defer w.end()
	for range maxSteps {
		synctest.Wait() // every process has ended or waits for a turn
		if w.settle() {
			continue
		}
		if err := w.checker.check(); err != nil {
			return err
		}
		slices.SortFunc(w.calls, func(a, b *portCall) int {
			if a.of != b.of {
				return a.of.serial - b.of.serial
			}
			return strings.Compare(a.name, b.name)
		})
		if w.late != nil {
			return w.late
		}
		if len(w.calls) == 0 && w.hangs > 0 {
			time.Sleep(time.Second)
			w.now = w.now.Add(time.Second)
			continue
		}
		if len(w.calls) == 0 {
			if !w.director.idle() {
				return w.checker.checkEnd()
			}
			continue
		}
		n := w.director.next(w.calls)
		if n < 0 {
			continue
		}
		w.grant(n)
	}
	return fmt.Errorf("the world is stuck: %d steps, and still not everything has ended", maxSteps)
}

// grant lets the n-th waiting call meet its fate.
func (w *world) grant(n int) {
	c := w.calls[n]
	w.calls = slices.Delete(w.calls, n, n+1)
	f := w.director.fate(c)
	w.note(c.of.name, c.of.serial, c.name, f)
	if f == diedBefore || f == diedAfter {
		w.kill(c.of)
	}
	w.now = w.now.Add(10 * time.Millisecond)
	c.turn <- f
}

// settle sees to the processes that have ended and to the waits that were
// answered. It reports whether anything came of it.
func (w *world) settle() bool {
	if len(w.ended) > 0 {
		slices.SortFunc(w.ended, func(a, b *process) int { return a.serial - b.serial })
		ended := w.ended
		w.ended = nil
		for _, p := range ended {
			w.alive--
			p.cancel()
			if p.dead {
				p.err = errDead
			}
			p.then(p.err)
		}
		return true
	}
	for _, x := range w.executions {
		if x.proceed() {
			return true
		}
	}
	return false
}

// end lets every process that is left die.
func (w *world) end() {
	for w.alive > 0 {
		synctest.Wait()
		for len(w.calls) > 0 {
			w.kill(w.calls[0].of)
		}
		synctest.Wait()
		for _, p := range w.ended {
			p.cancel()
			w.alive--
		}
		w.ended = nil
	}
}

// note keeps the latest steps, for the report of a failure.
func (w *world) note(who string, serial int, what string, f fate) {
	const kept = 400
	step := fmt.Sprintf("%s %s#%d: %s%s", w.now.Sub(noon).Round(time.Millisecond), who, serial, what, fates[f])
	if len(w.trace) < kept {
		w.trace = append(w.trace, step)
	} else {
		w.trace[w.traced%kept] = step
	}
	w.traced++
}

// history is the kept steps in order.
func (w *world) history() string {
	at := 0
	if w.traced > len(w.trace) {
		at = w.traced % len(w.trace)
	}
	return strings.Join(slices.Concat(w.trace[at:], w.trace[:at]), "\n")
}

// header reads an operation's header, outside any process.
func (w *world) header(id string) bulk.Operation {
	op, err := w.store.Operation(context.Background(), id)
	if err != nil {
		panic(err) // the simulation asks only for what exists
	}
	return op
}
