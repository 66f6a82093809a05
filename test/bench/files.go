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
	Rows    int
	own     time.Duration // processor time
}

// peak is the most memory that the process has had at a time, in MiB.
func (w writing) peak() float64 { return float64(w.Peak) / 1024 }

// fileWriter builds the program in writefile and returns it with the folder in which it may write.
func (b *bench) fileWriter(ctx context.Context) (program, dir string, err error) {
	root, err := stack.Root()
	if err != nil {
		return "", "", err
	}
	if dir, err = os.MkdirTemp("", "bulkops-bench-"); err != nil {
		return "", "", err
	}
	b.closers = append(b.closers, func() error { return os.RemoveAll(dir) })
	program = filepath.Join(dir, "writefile")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = filepath.Join(root, "test", "bench", "writefile")
	if out, err := build.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("build the program that writes files: %w\n%s", err, out)
	}
	return program, dir, nil
}

// write runs a program that writes one file and says what that took. Temporary files are in dir.
func write(ctx context.Context, dir string, command []string, args ...string) (w writing, err error) {
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], args...)...)
	cmd.Stderr, cmd.Env = os.Stderr, append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.Output()
	if err != nil {
		return w, fmt.Errorf("write a file with %v: %w", cmd.Args, err)
	}
	w.own = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return w, json.Unmarshal(out, &w)
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
	program, dir, err := b.fileWriter(ctx)
	if err != nil {
		return err
	}
	python := filepath.Join(tools.Readers.Dir(root), "bin", "python")

	// The goals are those of issue 6: rows a second, and MiB at a million rows.
	const repetitions, few, many, faster = 3, 200_000, fewestRows, 3
	ways := []struct {
		name    string
		goal    float64
		command []string
	}{
		{"CSV, encrypted", 40_000, []string{program, "csv"}},
		{"Excel, encrypted", 20_000, []string{program, "excel"}},
		{"XlsxWriter, constant memory, not encrypted", 0, []string{python, filepath.Join(root, "test", "bench", "writefile", "xlsxwriter_rows.py")}},
	}
	file := filepath.Join(dir, "file")
	results := make([][]writing, len(ways))
	for range repetitions {
		for i, way := range ways {
			one, err := write(ctx, dir, way.command, strconv.Itoa(few), file)
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
		large, err := write(ctx, dir, way.command, strconv.Itoa(many), file)
		if err != nil {
			return err
		}
		rates, peak := pluck(results[i], rate), large.peak()
		rows = append(rows, []string{way.name, show(rates.median()), rates.spread(show), fmt.Sprintf("%.1f", rates.median()/other),
			seconds(pluck(results[i], func(w writing) time.Duration { return w.own }).median()),
			fmt.Sprintf("%.1f MB", float64(results[i][0].Bytes)/1e6), fmt.Sprintf("%.1f s", large.Seconds), mib(peak)})
		if way.goal > 0 {
			verdicts = append(verdicts, fmt.Sprintf("%s: %.0f rows a second (goal ≥ %.0f: %s), %.1f times XlsxWriter (goal ≥ %d: %s), %s at a million rows (goal ≤ %d MiB: %s).",
				way.name, rates.median(), way.goal, against(rates.median() >= way.goal), rates.median()/other, faster, against(rates.median() >= faster*other),
				mib(peak), memoryToExport, against(peak <= memoryToExport)))
		}
	}
	b.say("%d rows of 12 columns, %d times in turns; then %d rows once. Load at the end %s.\n", few, repetitions, many, load())
	b.table([]string{"Way", "Rows a second, median", "Lowest – highest", "Times XlsxWriter", "Its processor time", "Size", "A million rows", "Peak memory then"}, rows)
	for _, v := range verdicts {
		b.say("%s\n", v)
	}
	return nil
}
