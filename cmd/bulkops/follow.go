package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"bulkops/internal/api"
	"bulkops/internal/bulk"
)

// followCommand ends with 0 when the operation is completed, with 1 when it
// ends otherwise.
type followCommand struct{ named }

const barWidth = 30

func (f followCommand) Run(t *terminal) error {
	c, op, err := f.read(t)
	if err != nil {
		return err
	}
	live := isTerminal(t.out)
	last := ""
	for {
		line := progressLine(op, time.Now())
		switch {
		case live:
			fmt.Fprintf(t.out, "\r\033[K%s", line)
		case line != last:
			t.say("%s", line)
		}
		last = line
		if op.Ended {
			break
		}
		if err := t.wait(time.Second / 2); err != nil {
			return err
		}
		if err := c.get(f.path(), &op); err != nil {
			return err
		}
	}
	if live {
		t.say("")
	}
	if op.Cause != "" {
		t.say("%s", visible(op.Cause))
	}
	if op.State != bulk.Completed {
		return errUnfinished
	}
	return nil
}

// progressLine is one line about how far an operation is.
func progressLine(op api.Operation, now time.Time) string {
	p := op.Progress
	if p == nil {
		return fmt.Sprintf("%s %s", op.ID, op.State)
	}
	filled := barWidth
	if p.Total > 0 {
		filled = barWidth * (p.Total - p.NotAttempted) / p.Total
	}
	if op.Times.Ended != nil {
		now = *op.Times.Ended
	}
	return fmt.Sprintf("%s %s [%s%s] %s, %s", op.ID, op.State, strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled),
		progressWords(*p), now.Sub(*op.Times.Started).Round(time.Second/10))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
