package portal

import (
	"fmt"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/english"
	"bulkops/internal/fault"
	"bulkops/internal/journal"
	"bulkops/internal/kind"
)

// fileState is how the file of an export stands, in one word.
type fileState string

const (
	fileMaking  fileState = "generating"
	fileReady   fileState = "ready"
	fileFailed  fileState = "failed"
	fileDeleted fileState = "deleted"
)

func (rq *request) fileState(op bulk.Operation) fileState {
	switch {
	case op.File != nil && (!op.File.Deleted.IsZero() || !rq.Now().Before(op.File.Expires)):
		return fileDeleted
	case op.File != nil:
		return fileReady
	case op.State.Ended():
		return fileFailed
	}
	return fileMaking
}

// exports lists the exports of the last weeks that the person may see.
func exports(rq *request) error {
	const days, most, perPage = 31, 500, 25
	all, err := rq.engine.Exports(rq.ctx(), rq.person, days, most)
	if err != nil {
		return err
	}
	d, err := rq.engine.Registry.Directory(rq.ctx())
	if err != nil {
		return err
	}
	type row struct {
		operationRow
		FileState fileState
		Rows      int
		Size      string
		Mine      bool
	}
	data := struct {
		Rows   []row
		Pages  pager
		Days   int
		MayAsk bool
	}{Days: days, MayAsk: rq.person.MayRequest(), Pages: pagesOf(len(all), perPage, rq.r.URL.Query().Get("page"))}
	for _, r := range operationRows(all[data.Pages.From:data.Pages.To], d) {
		one := row{operationRow: r, FileState: rq.fileState(r.Operation), Rows: bulk.AllRows(r.Plan.Rows), Mine: r.Requester.Sub == rq.person.Sub}
		if r.File != nil {
			one.Rows, one.Size = bulk.AllRows(r.File.Rows), bytesInWords(r.File.Size)
		}
		data.Rows = append(data.Rows, one)
	}
	title := "Exports"
	if data.Pages.Last > 1 {
		title = fmt.Sprintf("Exports, page %d of %d", data.Pages.Page, data.Pages.Last)
	}
	return rq.show(page{name: "exports", title: title, heading: "Exports", data: data})
}

// bytesInWords is a size as people read it: 830 bytes, 12 kB, 3.4 MB.
func bytesInWords(n int64) string {
	switch {
	case n < 1000:
		return english.Count(int(n), "byte", "bytes")
	case n < 1_000_000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// fileEstimate is about how large the file of a plan will be: its text takes
// half of its length when it is compressed, and a workbook has parts of its own.
func fileEstimate(op bulk.Operation) int64 {
	fixed := int64(1_000)
	if op.Params[kind.ExportFormat] == kind.FormatExcel {
		fixed = 10_000
	}
	return fixed + int64(op.Plan.Bytes)/2
}

// filePart is what pages show of an export's file. Without one, State says why.
type filePart struct {
	Op     bulk.Operation
	State  fileState
	Name   string
	Size   string
	Excel  bool
	Sheets []engine.SheetRows
	Other  string // how the rows differ from the planned ones, as a comparison: More, Fewer or Other; empty when they do not
}

// fileData is a page about a file; only one of them has the passphrase.
type fileData struct {
	filePart
	Passphrase string
}

// filePart describes the file of an export that has ended; nil for other kinds.
func (rq *request) filePart(op bulk.Operation, k kind.Kind) *filePart {
	if !k.MakesFile() {
		return nil
	}
	f := &filePart{Op: op, State: rq.fileState(op), Name: engine.FileName(op), Excel: op.Params[kind.ExportFormat] == kind.FormatExcel, Sheets: engine.Sheets(op)}
	if op.File != nil {
		f.Size, f.Other = bytesInWords(op.File.Size), otherRows(f.Sheets)
	}
	return f
}

func otherRows(sheets []engine.SheetRows) string {
	planned, made := 0, 0
	differ := false
	for _, s := range sheets {
		planned, made, differ = planned+s.Planned, made+s.Made, differ || s.Planned != s.Made
	}
	switch {
	case made > planned:
		return "More"
	case made < planned:
		return "Fewer"
	case differ:
		return "Other"
	}
	return ""
}

// theFile reads the export of the address, for the person who may have its file.
func (rq *request) theFile() (fileData, error) {
	op, k, err := rq.theOperation()
	if err == nil && !k.MakesFile() {
		err = fault.New(fault.NotFound, "%s makes no file.", op.ID)
	}
	if err == nil {
		err = rq.engine.MayNotHaveFile(rq.person, op)
	}
	if err != nil {
		return fileData{}, err
	}
	return fileData{filePart: *rq.filePart(op, k)}, nil
}

// filePage shows what the file is and how to get and open it.
func filePage(rq *request) error {
	data, err := rq.theFile()
	if err != nil {
		return err
	}
	return rq.show(page{name: "file", title: data.Op.ID + ": file", heading: "The exported file", data: data, crumbs: operationCrumbs(data.Op, "File")})
}

// downloadFile leads to the file, by an address that lasts a minute.
func downloadFile(rq *request) error {
	data, err := rq.theFile()
	if err != nil {
		return err
	}
	handed, err := rq.engine.Download(rq.ctx(), rq.person, data.Op.ID)
	if err != nil {
		return err
	}
	journal.Note(rq.ctx()).Target = handed.Name
	return rq.redirect(handed.Link)
}

// passphrasePage asks before the passphrase is shown, which happens once.
func passphrasePage(rq *request) error {
	data, err := rq.theFile()
	if err != nil {
		return err
	}
	return rq.show(page{name: "passphrase", title: data.Op.ID + ": passphrase", heading: "The passphrase of the file", data: data,
		crumbs: operationCrumbs(data.Op, "Passphrase")})
}

// showPassphrase is the one form that answers with a page instead of leading to
// one: what it shows is kept nowhere, so no other address could show it.
func showPassphrase(rq *request) error {
	data, err := rq.theFile()
	if err != nil {
		return err
	}
	if data.Passphrase, data.Op, err = rq.engine.Passphrase(rq.ctx(), rq.person, data.Op.ID); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	pg := page{name: "passphrase", title: data.Op.ID + ": passphrase", heading: "The passphrase of the file", data: data,
		crumbs: operationCrumbs(data.Op, "Passphrase")}
	if err != nil {
		pg.status = fault.Status(err)
		pg.banner = &banner{"info", "It was shown before", fault.Sentence(err)}
	}
	return rq.show(pg)
}
