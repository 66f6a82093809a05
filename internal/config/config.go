// Package config reads what a function is told about its installation:
// environment variables that template.yaml sets.
package config

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Reader reads variables and remembers what is wrong with them, so that one
// look at the log shows all that is missing. Its zero value reads the
// environment of the process.
type Reader struct {
	Lookup   func(name string) (value string, ok bool) // os.LookupEnv when nil
	problems []error
}

// Text returns a variable that must not be empty.
func (r *Reader) Text(name string) string {
	lookup := r.Lookup
	if lookup == nil {
		lookup = os.LookupEnv
	}
	value, _ := lookup(name)
	if value == "" {
		r.problems = append(r.problems, fmt.Errorf("the environment variable %s is missing: template.yaml sets it for the functions that need it", name))
	}
	return value
}

// Number returns a variable that must be a whole number above 0.
func (r *Reader) Number(name string) int {
	return read(r, name, "a whole number above 0, such as 100000", func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n > 0
	})
}

// Duration returns a variable that must be a duration above 0 with its unit.
func (r *Reader) Duration(name string) time.Duration {
	return read(r, name, "a duration above 0 with its unit, such as 86400s or 24h", func(s string) (time.Duration, bool) {
		d, err := time.ParseDuration(s)
		return d, err == nil && d > 0
	})
}

func read[T any](r *Reader, name, wanted string, parse func(string) (T, bool)) T {
	text := r.Text(name)
	value, ok := parse(text)
	if !ok && text != "" {
		r.problems = append(r.problems, fmt.Errorf("the environment variable %s is %q; it must be %s", name, text, wanted))
	}
	return value
}

// Err returns everything that was wrong, one sentence a line; nil when nothing was.
func (r *Reader) Err() error { return errors.Join(r.problems...) }
