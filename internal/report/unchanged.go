package report

import (
	"io"
	"iter"
	"slices"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/export/csvfile"
	"bulkops/internal/intake"
)

// Sheet is what the sender of a file wrote, by patient. Without a file, patients
// have only their ids.
type Sheet struct {
	Header []string
	Rows   map[string][]string
}

// NotChanged writes those of a run who were not changed, in the columns of the
// file they came from, with the code and the sentence of the reason. Corrected,
// the file can be uploaded as it is.
func NotChanged(w io.Writer, s Sheet, lines iter.Seq2[engine.Line, error]) error {
	out := s.begin(w)
	for line, err := range lines {
		if err != nil {
			return err
		}
		o := line.Outcome
		switch o.State {
		case bulk.Done:
			continue
		case bulk.NotAttempted:
			o.Code, o.Sentence = bulk.Unattempted, "The run ended before this patient's turn."
		}
		if err := out.row(line.Change.Subject, o.Code, o.Sentence); err != nil {
			return err
		}
	}
	return out.Flush()
}

// LeftOut writes in the same way those whom the plan could not include.
func LeftOut(w io.Writer, s Sheet, exclusions iter.Seq2[bulk.Exclusion, error]) error {
	out := s.begin(w)
	for x, err := range exclusions {
		if err != nil {
			return err
		}
		if err := out.row(x.Subject, string(x.Code), x.Sentence); err != nil {
			return err
		}
	}
	return out.Flush()
}

// sheetWriter writes rows of a sheet; what went wrong, Flush says.
type sheetWriter struct {
	*csvfile.Writer
	Sheet
}

func (s Sheet) begin(w io.Writer) sheetWriter {
	if s.Rows == nil {
		s.Header = []string{"patient_id"}
	}
	out := sheetWriter{csvfile.NewWriter(w), s}
	_ = out.Write(slices.Concat(s.Header, intake.AddedColumns)) // an error stays until Flush
	return out
}

func (w sheetWriter) row(subject, code, sentence string) error {
	cells := make([]string, len(w.Header), len(w.Header)+2)
	if row, ok := w.Rows[subject]; ok {
		copy(cells, row)
	} else {
		cells[0] = subject
	}
	return w.Write(append(cells, code, sentence))
}
