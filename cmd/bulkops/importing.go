package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"bulkops/internal/english"
	"bulkops/internal/fhir"
)

// importCommand loads FHIR files. What cannot be used is listed; the rest is
// imported, so the exit code is 0 then too.
type importCommand struct {
	Path     string `arg:"" type:"existingpath" help:"A folder of NDJSON files, or one NDJSON or Bundle file."`
	TimeZone string `default:"America/New_York" help:"IANA time zone of facilities that are new: FHIR organizations have none."`
	Source   string `help:"Name of the import in the stamp of each record; the folder's name when absent."`
}

func (c importCommand) Run(t *terminal) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	registry, err := s.registry()
	if err != nil {
		return err
	}
	source := c.Source
	if source == "" {
		source = filepath.Base(c.Path)
	}
	began := time.Now()
	report, err := fhir.Import(t.ctx, registry, c.Path, fhir.Options{Source: source, At: began.UTC(), TimeZone: c.TimeZone})
	for _, p := range report.Problems {
		fmt.Fprintln(t.errors, visible(p.String()))
	}
	if more := report.Total - len(report.Problems); more > 0 {
		fmt.Fprintf(t.errors, "and %s more\n", english.Number(more))
	}
	table := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\tread\tnew\tchanged\tunchanged\tkept\tignored\trefused\t")
	for _, kind := range slices.Sorted(maps.Keys(report.Counts)) {
		n := report.Counts[kind]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", visible(kind), n.Read, n.New, n.Changed, n.Unchanged, n.Kept, n.Ignored, n.Refused)
	}
	table.Flush()
	if err != nil {
		return err
	}
	t.say("Imported in %s.", time.Since(began).Round(10*time.Millisecond))
	if report.Total > 0 {
		t.say("%s could not be used, for the reasons above; everything else is imported.", english.Count(report.Total, "entry", "entries"))
	}
	return nil
}
