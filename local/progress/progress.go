// Package progress tells the person at the terminal what is being done and how long it took.
package progress

import (
	"fmt"
	"io"
	"time"
)

// Step runs do and writes one line to w: what was done and how long it took, or that it failed.
// The line comes when do has returned, so steps that run side by side do not mix their lines.
func Step(w io.Writer, what string, do func() error) error {
	begin := time.Now()
	err := do()
	mark := "ok    "
	if err != nil {
		mark = "FAILED"
	}
	fmt.Fprintf(w, "%s  %-58s %6.1f s\n", mark, what, time.Since(begin).Seconds())
	return err
}
