package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"bulkops/local/stack"
	"bulkops/local/tools"
)

// writing is what writing one file took, as the programs in writefile say it.
type writing struct {
	Seconds float64
	Peak    int // KiB
	Bytes   int64
	own     time.Duration // processor time
}

// measureFiles writes the same rows of twelve columns, each time in a process of its own: as
// encrypted CSV, as encrypted Excel, and with XlsxWriter, in turns.
func measureFiles(ctx context.Context, b *bench) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if err := tools.Ensure(ctx, root, os.Stderr, tools.Readers); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bulkops-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "writefile")
	source := filepath.Join(root, "test", "bench", "writefile")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program that writes files: %w\n%s", err, out)
	}
	python := filepath.Join(tools.Readers.Dir(root), "bin", "python")

	// The goals are those of issue 6: rows a second, and MiB at a million rows.
	const repetitions, few, many, memory, faster = 3, 200_000, 1_000_000, 150, 3
	ways := []struct {
		name    string
		goal    float64
		command []string
	}{
		{"CSV, encrypted", 40_000, []string{program, "csv"}},
		{"Excel, encrypted", 20_000, []string{program, "excel"}},
		{"XlsxWriter, constant memory, not encrypted", 0, []string{python, filepath.Join(source, "xlsxwriter_rows.py")}},
	}
	write := func(command []string, rows int) (w writing, err error) {
		args := append(command[1:len(command):len(command)], strconv.Itoa(rows), filepath.Join(dir, "file"))
		cmd := exec.CommandContext(ctx, command[0], args...)
		cmd.Stderr, cmd.Env = os.Stderr, append(os.Environ(), "TMPDIR="+dir)
		out, err := cmd.Output()
		if err != nil {
			return w, fmt.Errorf("write %d rows with %v: %w", rows, command, err)
		}
		w.own = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return w, json.Unmarshal(out, &w)
	}
	results := make([][]writing, len(ways))
	for range repetitions {
		for i, way := range ways {
			one, err := write(way.command, few)
			if err != nil {
				return err
			}
			results[i] = append(results[i], one)
		}
	}
	rate := func(w writing) float64 { return few / w.Seconds }
	show := func(r float64) string { return fmt.Sprintf("%.0f", r) }
	other := pluck(results[len(ways)-1], rate).median()
	var rows [][]string
	var verdicts []string
	for i, way := range ways {
		large, err := write(way.command, many)
		if err != nil {
			return err
		}
		rates, peak := pluck(results[i], rate), float64(large.Peak)/1024
		rows = append(rows, []string{way.name, show(rates.median()), rates.spread(show), fmt.Sprintf("%.1f", rates.median()/other),
			seconds(pluck(results[i], func(w writing) time.Duration { return w.own }).median()),
			fmt.Sprintf("%.1f MB", float64(results[i][0].Bytes)/1e6), fmt.Sprintf("%.1f s", large.Seconds), mib(peak)})
		if way.goal > 0 {
			verdicts = append(verdicts, fmt.Sprintf("%s: %.0f rows a second (goal ≥ %.0f: %s), %.1f times XlsxWriter (goal ≥ %d: %s), %s at a million rows (goal ≤ %d MiB: %s).",
				way.name, rates.median(), way.goal, against(rates.median() >= way.goal), rates.median()/other, faster, against(rates.median() >= faster*other),
				mib(peak), memory, against(peak <= memory)))
		}
	}
	b.say("%d rows of 12 columns, %d times in turns; then %d rows once. Load at the end %s.\n", few, repetitions, many, load())
	b.table([]string{"Way", "Rows a second, median", "Lowest – highest", "Times XlsxWriter", "Its processor time", "Size", "A million rows", "Peak memory then"}, rows)
	for _, v := range verdicts {
		b.say("%s\n", v)
	}
	return nil
}
