package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"bulkops/internal/engine"
	"bulkops/internal/fault"
)

// execution is one execution of the state machine: the same states, retries and
// catches as statemachines/bulk-operation.asl.json.
type execution struct {
	w     *world
	op    string
	state string
	since time.Time // when it entered the state
	entry int       // counts entries of states: what an earlier one started is not listened to
	alive bool
	begun time.Time
	died  bool

	token    string    // of the wait it stands in
	answered string    // what the wait was answered with
	startAt  time.Time // when the run is to start, once it was approved
	failure  string    // that it was given up for, if it was
	late     func()    // ends the wait it stands in, by its time-out
	left     int       // batches of the map that have not ended
	pending  map[int]func(failure string)
}

// retrier is one entry of the Retry of a state.
type retrier struct {
	ErrorEquals []string
	MaxAttempts int
}

// retriers are those of each state, as the state machine has them.
var retriers = sync.OnceValue(func() map[string][]retrier {
	text, err := os.ReadFile("../../statemachines/bulk-operation.asl.json")
	if err != nil {
		panic(err)
	}
	type state struct {
		Retry         []retrier
		ItemProcessor struct{ States map[string]state }
	}
	var m struct{ States map[string]state }
	if err := json.Unmarshal(regexp.MustCompile(`\$\{\w+\}`).ReplaceAll(text, []byte("1")), &m); err != nil {
		panic(err)
	}
	found := map[string][]retrier{}
	for name, s := range m.States {
		for _, inner := range s.ItemProcessor.States { // the one that the Map runs
			s = inner
		}
		found[name] = s.Retry
	}
	return found
})

// errThrottled says that a function was not called: others use all of its share.
var errThrottled = errors.New("rate exceeded")

const tooMany = "Lambda.TooManyRequestsException"

func (w *world) Start(_ context.Context, operation string) (bool, error) {
	if x := w.execution(operation); x != nil {
		return x.alive, nil
	}
	w.executions = append(w.executions, &execution{w: w, op: operation, begun: w.now, alive: true, answered: "begin", pending: map[int]func(string){}})
	return true, nil
}

func (w *world) Succeed(_ context.Context, token string, output any) error {
	for _, x := range w.executions {
		if x.alive && token != "" && x.token == token {
			answer := output.(engine.Answer)
			x.token, x.answered = "", answer.Next
			if answer.StartAt != "" {
				x.startAt, _ = time.Parse(time.RFC3339, answer.StartAt)
			}
			return nil
		}
	}
	return engine.ErrNoWait
}

func (w *world) Alive(_ context.Context, operation string) (bool, error) {
	x := w.execution(operation)
	return x != nil && x.alive && w.now.Sub(x.begun) >= w.lag, nil
}

func (w *world) execution(operation string) *execution {
	i := slices.IndexFunc(w.executions, func(x *execution) bool { return x.op == operation })
	if i < 0 {
		return nil
	}
	return w.executions[i]
}

// proceed takes the step for which the execution was answered, if it was, and
// goes on at the time for which it was scheduled.
func (x *execution) proceed() bool {
	if x.alive && x.state == "WaitForStart" && !x.w.now.Before(x.startAt) {
		x.enter("Verify", "")
		return true
	}
	if !x.alive || x.answered == "" {
		return false
	}
	next := map[string]string{"begin": "Plan", engine.NextApprove: "Approve", engine.NextRun: "Verify", engine.NextClose: "Closed"}[x.answered]
	if next == "Verify" && !x.startAt.IsZero() {
		next = "WaitForStart"
	}
	x.answered = ""
	x.enter(next, "")
	return true
}

// enter goes to a state. cause is the error that led there.
func (x *execution) enter(state, cause string) {
	x.state, x.since, x.token = state, x.w.now, ""
	x.entry++
	clear(x.pending)
	x.w.note("machine", x.entry, x.op+" enters "+state+" "+cause, made)
	switch state {
	case "Plan":
		x.call("plan", func(ctx context.Context) error { return x.w.Plan(ctx, x.op) }, x.or("Review"))
	case "Review":
		x.await(engine.WaitReview)
	case "Approve":
		x.await(engine.WaitApprove)
	case "Verify":
		var v engine.Verified
		x.call("verify", func(ctx context.Context) error {
			answer, err := x.w.Verify(ctx, x.op)
			if err == nil {
				v = answer
			}
			return err
		}, func(failure string) {
			if failure == "" && v.OK && v.Export {
				x.enter("Export", "")
				return
			}
			if failure == "" && v.OK {
				x.left = len(v.Batches)
				x.enter("Run", "")
				return
			}
			x.or("Finish")(failure)
		})
	case "Run":
		for n := range x.left {
			x.call(fmt.Sprint("batch ", n+1), func(ctx context.Context) error {
				_, err := x.w.RunBatch(ctx, x.op, n+1)
				return err
			}, func(failure string) {
				if x.left--; failure != "" || x.left == 0 {
					x.or("Finish")(failure)
				}
			})
		}
	case "Export":
		x.call("export", func(ctx context.Context) error {
			_, err := x.w.RunExport(ctx, x.op)
			return err
		}, x.or("Finish"))
	case "Finish":
		x.finish("", x.or("Done"))
	case "Close":
		x.failure = cause
		x.finish(cause, func(string) { x.enter("Closed", "") })
	case "CloseFailed":
		x.failure = cause
		x.finish(cause, func(string) { x.enter("Failed", "") })
	case "Done", "Closed", "Failed":
		x.alive = false
	}
}

// or goes on to next, or to CloseFailed: the Catch of most states.
func (x *execution) or(next string) func(failure string) {
	return func(failure string) {
		if failure == "" {
			x.enter(next, "")
		} else {
			x.enter("CloseFailed", failure)
		}
	}
}

func (x *execution) finish(cause string, done func(string)) {
	x.call("finish", func(ctx context.Context) error {
		_, err := x.w.Finish(ctx, x.op, cause)
		return err
	}, done)
}

// await calls ask with a token, a new one at each try, and stays until Succeed, or
// until it has waited for its whole time as often as it may.
func (x *execution) await(wait string) {
	x.late = x.try("ask", func() func(context.Context) error {
		x.token = fmt.Sprintf("token-%d", x.w.number())
		token := x.token
		return func(ctx context.Context) error { return x.w.Await(ctx, x.op, wait, token) }
	}, func(failure string) {
		switch failure {
		case "":
		case "States.Timeout":
			x.enter("Close", failure)
		default:
			x.enter("CloseFailed", failure)
		}
	})
}

func (x *execution) call(name string, f func(context.Context) error, done func(failure string)) {
	x.try(name, func() func(context.Context) error { return f }, done)
}

// try calls a function, again after errors that may pass, and says how that
// ended: "" or the name of the error. A delivery may be doubled; the answer that
// comes first counts, and what comes later nobody hears. late ends the try that
// is under way, by its time-out.
func (x *execution) try(name string, attempt func() func(context.Context) error, done func(failure string)) (late func()) {
	entry, number, key := x.entry, 0, x.w.number()
	tried := map[int]int{} // by the retrier
	var again func()
	judge := func(failure string) {
		delete(x.pending, key)
		all := retriers()[x.state]
		n := slices.IndexFunc(all, func(r retrier) bool { return slices.Contains(r.ErrorEquals, failure) })
		if n >= 0 && tried[n] < all[n].MaxAttempts {
			tried[n]++
			again()
			return
		}
		done(failure)
	}
	again = func() {
		number++
		mine, f := number, attempt()
		if x.w.director.throttled(number) {
			f = func(context.Context) error { return errThrottled }
			x.w.now = x.w.now.Add(30 * time.Second)
		}
		heard := func(failure string) {
			if x.alive && x.entry == entry && x.answered == "" && number == mine {
				number++ // the other copy is not heard
				judge(failure)
			}
		}
		x.pending[key] = heard
		for range x.w.director.copies() {
			x.w.run(name+" "+x.op, f, func(err error) { heard(errorName(err)) })
		}
	}
	again()
	return func() {
		number++
		judge("States.Timeout")
	}
}

// errorName is the error that the state machine sees.
func errorName(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errDead):
		return "Lambda.Unknown"
	case errors.Is(err, errThrottled):
		return tooMany
	}
	return fault.Name(err)
}

// losePatience lets one running call of a function be given up after its
// time-out. The function may still be running, and nobody listens to it.
func (x *execution) losePatience() bool {
	keys := slices.Sorted(maps.Keys(x.pending))
	if !x.alive || len(keys) == 0 || x.waits() {
		return false
	}
	x.w.note("machine", x.entry, x.op+" loses patience in "+x.state, made)
	x.pending[keys[x.w.rng.IntN(len(keys))]]("States.Timeout")
	return true
}

// timeOut ends a wait by its TimeoutSeconds, whether or not it was answered.
func (x *execution) timeOut() bool {
	if !x.alive || !x.waits() || x.answered != "" || x.w.now.Sub(x.since) < x.w.Limits.ExpireAfter {
		return false
	}
	x.lateNow()
	return true
}

func (x *execution) lateNow() {
	x.w.note("machine", x.entry, x.op+" has waited long enough in "+x.state, made)
	x.since = x.w.now
	x.late()
}

func (x *execution) waits() bool { return x.state == "Review" || x.state == "Approve" }

// die ends the execution from outside: nothing of it is caught.
func (x *execution) die() {
	x.w.note("machine", x.entry, x.op+" is ended from outside in "+x.state, made)
	x.alive, x.died, x.token = false, true, ""
}
