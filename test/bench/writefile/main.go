// Command writefile writes a file as the exports do, and says how long that took
// and how much memory.
//
//	writefile FORMAT ROWS FILE               rows of twelve columns, without an operation
//	writefile operation PATIENTS URL BUCKET  the run of a whole operation
//
// The script beside it writes the same rows with XlsxWriter.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"bulkops/internal/export"
	"bulkops/internal/export/passphrase"
)

// columns are twelve, of every type.
var columns = []export.Column{
	{Title: "Patient id"}, {Title: "Name", Width: 28}, {Title: "Born", Type: export.Date}, {Title: "Status"}, {Title: "Facility"}, {Title: "Provider"},
	{Title: "Phone"}, {Title: "E-mail", Width: 32}, {Title: "Insurance"}, {Title: "Member id"}, {Title: "Next visit", Type: export.Moment}, {Title: "Note", Type: export.Note},
}

// row is the i-th row.
func row(i int) []string {
	return []string{
		fmt.Sprintf("P%07d", i), fmt.Sprintf("Patient Number %d", i), fmt.Sprintf("19%02d-%02d-%02d", i%60+30, i%12+1, i%28+1), "Active", "Riverside Clinic",
		fmt.Sprintf("Dr. Provider %d", i%40), fmt.Sprintf("+1512555%04d", i%10000), fmt.Sprintf("patient.%d@example.org", i), "Blue Shield Silver",
		fmt.Sprintf("%09d", i*7919%1_000_000_000), fmt.Sprintf("2027-%02d-%02dT%02d:30", i%12+1, i%28+1, i%9+8),
		fmt.Sprintf("Prefers mornings & calls before visit %d; speaks English.", i%500),
	}
}

// measured is what one run took.
type measured struct {
	Seconds float64
	Peak    int // KiB
	Bytes   int64
	Rows    int
}

func main() {
	m, err := run(context.Background(), os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "writefile: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (measured, error) {
	whole := len(args) == 4 && args[0] == "operation"
	if !whole && len(args) != 3 {
		return measured{}, errors.New("say FORMAT ROWS FILE, or operation PATIENTS URL BUCKET")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return measured{}, err
	}
	if whole {
		return runExport(ctx, n, args[2], args[3])
	}
	return writeRows(export.Format(args[0]), n, args[2])
}

func writeRows(format export.Format, rows int, path string) (m measured, err error) {
	f, err := os.Create(path)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	begin := time.Now()
	w, err := export.New(f, export.File{Format: format, Title: "Patient List", Made: begin, Passphrase: passphrase.New()})
	if err != nil {
		return m, err
	}
	defer w.Discard()
	if err := w.Table(export.Table{Name: "Patients", Columns: columns}); err != nil {
		return m, err
	}
	for i := range rows {
		if err := w.Row(row(i)); err != nil {
			return m, err
		}
	}
	s, err := w.Close()
	if err != nil {
		return m, err
	}
	m.Seconds, m.Bytes, m.Rows = time.Since(begin).Seconds(), s.Bytes, s.Rows
	m.Peak, err = peak()
	return m, err
}

// peak is the highest resident size of this process, in KiB.
func peak() (int, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, _, _ := strings.Cut(after, "kB")
	return strconv.Atoi(strings.TrimSpace(kib))
}
