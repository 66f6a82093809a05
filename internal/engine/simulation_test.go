package engine_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

const defaultSeeds = 2000

// TestSimulation runs many worlds, each drawn from its seed: duplicate
// deliveries, deaths, lost requests and answers, throttling, hand edits, locks,
// stops, rights that are taken away, impatience, executions that die. After
// every step the invariants of checker must hold.
//
//	SEEDS=100000 go test ./internal/engine -run TestSimulation   more worlds
//	SEED=42 go test ./internal/engine -run TestSimulation -v     one again, with its steps
func TestSimulation(t *testing.T) {
	if seed := number(t, "SEED", 0); seed > 0 {
		world, err := simulate(t, seed)
		t.Logf("the steps of seed %d:\n%s", seed, world.history())
		if err != nil {
			t.Error(err)
		}
		return
	}
	seeds := number(t, "SEEDS", defaultSeeds)
	var next atomic.Uint64
	var tally endings
	t.Run("seeds", func(t *testing.T) {
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for seed := next.Add(1); seed <= seeds; seed = next.Add(1) {
					world, err := simulate(t, seed)
					if err != nil {
						t.Fatalf("%v\nthe last steps:\n%s\n\nThis world again: SEED=%d go test ./internal/engine -run TestSimulation -v", err, world.history(), seed)
					}
					tally.add(world)
				}
			})
		}
	})
	t.Log(&tally)
	if seeds >= defaultSeeds {
		tally.check(t)
	}
}

// simulate lives one world from its seed to its end.
func simulate(t *testing.T, seed uint64) (w *world, err error) {
	synctest.Test(t, func(*testing.T) {
		c := newChance(seed)
		w = c.world
		err = w.live()
	})
	return w, err
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is no number: %v", name, err)
	}
	return n
}

// The same seed is the same world, step by step: a failure can be looked at again.
func TestSimulationIsRepeatable(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 25; seed++ {
		first, _ := simulate(t, seed)
		again, _ := simulate(t, seed)
		if first.traced != again.traced || first.history() != again.history() {
			t.Fatalf("seed %d took %d steps, then %d:\n%s\n\nand then\n%s", seed, first.traced, again.traced, first.history(), again.history())
		}
	}
}
