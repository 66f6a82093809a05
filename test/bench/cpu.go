package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// children returns the processes that this one has started.
func children() ([]int, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// childOf starts something and returns the process that this one has more afterwards.
func childOf(start func() error) (int, error) {
	before, err := children()
	if err != nil {
		return 0, err
	}
	if err := start(); err != nil {
		return 0, err
	}
	after, err := children()
	if err != nil {
		return 0, err
	}
	started := slices.DeleteFunc(after, func(pid int) bool { return slices.Contains(before, pid) })
	if len(started) != 1 {
		return 0, fmt.Errorf("%d processes were started; one is wanted", len(started))
	}
	return started[0], nil
}

// processorTime is what a process has used so far of the machine's processors. On a machine that
// others use too it says more than the time on the clock.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in brackets and may hold spaces.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const user, system, tick = 11, 12, time.Second / 100 // Linux counts in hundredths for programs
	var ticks int64
	for _, field := range []int{user, system} {
		n, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
