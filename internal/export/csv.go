package export

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"bulkops/internal/export/csvfile"
	"bulkops/internal/export/zipaes"
)

// CoverFile is the entry of a ZIP that holds the cover.
const CoverFile = "About this export.txt"

// csvFormat is a ZIP with one CSV file a table and the cover as a text.
type csvFormat struct {
	file   File
	zip    *zipaes.Writer
	table  *csvfile.Writer
	digest hash.Hash
	titles []string
}

func newCSV(w io.Writer, f File) *csvFormat {
	return &csvFormat{file: f, zip: zipaes.NewWriter(w, f.Passphrase), digest: sha256.New()}
}

func (c *csvFormat) begin(t Table) error {
	if err := c.end(); err != nil {
		return err
	}
	entry, err := c.zip.Create(t.Name+".csv", c.file.Made)
	if err != nil {
		return err
	}
	c.table = csvfile.NewWriter(io.MultiWriter(entry, c.digest))
	c.titles = c.titles[:0]
	for _, column := range t.Columns {
		c.titles = append(c.titles, column.Title)
	}
	return c.table.Write(c.titles)
}

func (c *csvFormat) row(cells []string) error { return c.table.Write(cells) }

// end ends the table, if one was begun.
func (c *csvFormat) end() error {
	if c.table == nil {
		return nil
	}
	return c.table.Flush()
}

func (c *csvFormat) close(counts []Fact) (string, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	digest := hex.EncodeToString(c.digest.Sum(nil))
	entry, err := c.zip.Create(CoverFile, c.file.Made)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(entry, coverText(c.file, append(counts, Fact{"SHA-256 of the tables", digest}))); err != nil {
		return "", err
	}
	return digest, c.zip.Close()
}

// coverText is the cover as lines of a text; what follows a line break inside a
// value is indented.
func coverText(f File, counts []Fact) string {
	var b strings.Builder
	b.WriteString("\ufeff" + f.Title + "\r\n\r\n")
	for _, facts := range [][]Fact{f.Cover, counts} {
		for _, fact := range facts {
			value := strings.ReplaceAll(fact.Value, "\r\n", "\n")
			b.WriteString(fact.Name + ": " + strings.ReplaceAll(value, "\n", "\r\n    ") + "\r\n")
		}
	}
	return b.String()
}

func (c *csvFormat) remarks() []string { return nil }

func (c *csvFormat) discard() {}
