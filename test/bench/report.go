package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// table prints a Markdown table. Numbers stand to the right: every column but the first.
func (b *bench) table(head []string, rows [][]string) {
	line := func(cells []string) { b.say("| %s |", strings.Join(cells, " | ")) }
	line(head)
	line(append([]string{"---"}, slices.Repeat([]string{"---:"}, len(head)-1)...))
	for _, row := range rows {
		line(row)
	}
	b.say("")
}

// machine says where the figures come from: without that they mean nothing.
func (b *bench) machine() {
	b.say("Measured on %s, %d cores, %s, %s; load at the start %s.",
		value("/proc/cpuinfo", "model name"), runtime.NumCPU(), value("/proc/meminfo", "MemTotal"), runtime.Version(), load())
}

// value returns what a file of /proc says under a name, "unknown" where it does not.
func value(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if before, after, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return "unknown"
}

// load is the number of busy processes over the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// series are the results of repetitions.
type series[T cmp.Ordered] []T

func (s series[T]) median() T {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

// spread is the lowest and the highest, each as show puts it.
func (s series[T]) spread(show func(T) string) string {
	return show(slices.Min(s)) + " – " + show(slices.Max(s))
}

// pluck takes one figure out of each result.
func pluck[T any, U cmp.Ordered](all []T, one func(T) U) series[U] {
	s := make(series[U], len(all))
	for i, t := range all {
		s[i] = one(t)
	}
	return s
}

func (s series[T]) highest() T { return slices.Max(s) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// against says whether a figure reaches its goal.
func against(reached bool) string {
	if reached {
		return "reached"
	}
	return "**missed**"
}
