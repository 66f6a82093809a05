// Command bench measures what bulkops costs and how fast it is, and prints the
// figures as Markdown. docs/performance.md says what they mean and holds those
// of one run.
//
//	go run ./test/bench              everything
//	go run ./test/bench units plan   only these parts
//
// It starts the servers that it needs, on free ports, and stops them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// part answers one question with a heading and a table.
type part struct {
	name, question string
	measure        func(context.Context, *bench) error
}

var parts = []part{
	{"units", "What does a change cost on DynamoDB?", measureUnits},
	{"speed", "How fast is a run, against a careful script?", measureSpeed},
	{"plan", "How much time and memory does a large plan take?", measurePlan},
	{"visits", "How much time and memory does it take to schedule visits?", measureVisits},
	{"audit", "How fast is the audit sealed and verified?", measureAudit},
	{"files", "How fast are exported files written?", measureFiles},
	{"export", "How much time and memory does a whole export take?", measureExport},
	{"deployed", "How long does an approved operation take?", measureDeployed},
	{"binaries", "How large are the functions, and how fast do they start?", measureBinaries},
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, wanted []string) (err error) {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no part %q: choose among %s, or none for all", name, strings.Join(names, ", "))
		}
	}
	b := &bench{out: os.Stdout}
	defer func() { err = errors.Join(err, b.close()) }()
	b.machine()
	for _, p := range parts {
		if len(wanted) > 0 && !slices.Contains(wanted, p.name) {
			continue
		}
		b.say("\n## %s\n\n`go run ./test/bench %s`, %s\n", p.question, p.name, time.Now().UTC().Format("2006-01-02 15:04 UTC"))
		if err := p.measure(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}
