package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
	"bulkops/internal/kind"
)

type exportCommand struct {
	Type     string    `required:"" help:"What to export: patient-list, clinical-summary, visit-history or full-record."`
	Format   string    `default:"excel" help:"The file's format: excel or csv."`
	Without  []string  `help:"Column to leave out, by its title; repeat it for several. Export the least that serves the purpose."`
	Patients selection `embed:""`
}

func (c exportCommand) Run(t *terminal) error {
	columns, err := c.columns()
	if err != nil {
		return err
	}
	return ask(t, kind.Export, bulk.Params{kind.ExportType: c.Type, kind.ExportFormat: c.Format, kind.ExportColumns: columns}, c.Patients)
}

// columns are all of the type without those that are left out.
func (c exportCommand) columns() (string, error) {
	of, known := kind.FindExport(c.Type)
	if !known {
		return "", fault.New(fault.Invalid, "There is no export %q. Choose patient-list, clinical-summary, visit-history or full-record.", c.Type)
	}
	var names, titles []string
	for _, column := range of.Columns() {
		titles = append(titles, column.Title)
		if !slices.ContainsFunc(c.Without, func(w string) bool { return strings.EqualFold(w, column.Title) || w == column.Name }) {
			names = append(names, column.Name)
		}
	}
	for _, w := range c.Without {
		if !slices.ContainsFunc(of.Columns(), func(column kind.SheetColumn) bool { return strings.EqualFold(w, column.Title) || w == column.Name }) {
			return "", fault.New(fault.Invalid, "A %s has no column %q. It has: %s.", of.Title, w, strings.Join(titles, ", "))
		}
	}
	return strings.Join(names, " "), nil
}

type downloadCommand struct {
	named
	Output string `short:"o" help:"Write the file here instead of under its own name."`
}

// Run writes the file beside its final name first: a download that breaks off
// leaves nothing that could be taken for the file.
func (d downloadCommand) Run(t *terminal) (err error) {
	c, err := t.client()
	if err != nil {
		return err
	}
	var handed struct {
		Link, Name, Digest string
		Size               int64
	}
	if err := c.post(d.path()+"/file", nil, &handed); err != nil {
		return err
	}
	to := cmp.Or(d.Output, handed.Name)
	request, err := http.NewRequestWithContext(t.ctx, http.MethodGet, handed.Link, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	answer, err := httpClient.Do(request)
	if err != nil {
		return fault.New(fault.Busy, "The store of files does not answer. Try again.") // the error would show the link
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fault.New(fault.Busy, "The store of files answered with status %d. Try again.", answer.StatusCode)
	}
	part := to + ".part"
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it holds patient data: for its owner only
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	defer os.Remove(part)
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(file, sum), answer.Body)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); size != handed.Size || got != handed.Digest {
		return fault.New(fault.Busy, "The file did not arrive as it was made. Try again.")
	}
	if err := os.Rename(part, to); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	t.say("Written to %s, as it was made (SHA-256 %s). Its passphrase is shown in the portal, once.", to, handed.Digest)
	return nil
}
