package export

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"bulkops/internal/english"
	"bulkops/internal/export/agile"
	"bulkops/internal/export/xlsx"
	"bulkops/internal/fault"
)

// CoverSheet is the sheet of a workbook that holds the cover.
const CoverSheet = "About this export"

// excelFormat is a workbook with one sheet a table, or more where the rows are
// too many for one, and the cover as the first sheet.
type excelFormat struct {
	file   File
	spool  *os.File
	office *agile.Writer
	book   *xlsx.Writer
	digest hash.Hash
}

func newExcel(w io.Writer, f File) (*excelFormat, error) {
	spool, err := hiddenFile()
	if err != nil {
		return nil, err
	}
	office, err := agile.NewWriter(w, spool, f.Passphrase)
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	digest := sha256.New()
	return &excelFormat{file: f, spool: spool, office: office, book: xlsx.NewWriter(io.MultiWriter(office, digest)), digest: digest}, nil
}

func (e *excelFormat) begin(t Table) error { return told(e.book.Sheet(t.Name, t.Columns)) }

func (e *excelFormat) row(cells []string) error { return told(e.book.Row(cells)) }

func (e *excelFormat) close(counts []Fact) (string, error) {
	defer e.discard()
	cover := xlsx.Cover{Sheet: CoverSheet, Title: e.file.Title, Made: e.file.Made}
	for _, facts := range [][]Fact{e.file.Cover, counts} {
		for _, f := range facts {
			cover.Lines = append(cover.Lines, [2]string{f.Name, f.Value})
		}
	}
	if err := e.book.Close(cover); err != nil {
		return "", told(err)
	}
	return hex.EncodeToString(e.digest.Sum(nil)), e.office.Close()
}

// told is an error in words where somebody can do something about it.
func told(err error) error {
	if errors.Is(err, agile.ErrTooLarge) {
		return fault.Wrap(err, fault.TooLarge, "An Excel file holds at most 2 GiB, and this one would be larger. Export fewer patients or columns, or choose CSV.")
	}
	return err
}

func (e *excelFormat) remarks() []string {
	n := e.book.Long()
	if n == 0 {
		return nil
	}
	return []string{english.Count(n, "text is", "texts are") + " longer than a cell of Excel holds (32,767 characters). Each continues in the row below, and both rows say so."}
}

func (e *excelFormat) discard() { e.spool.Close() }
