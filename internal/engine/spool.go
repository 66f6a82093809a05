package engine

import (
	"bytes"
	"compress/flate"
	"encoding/gob"
	"errors"
	"io"
)

// spool keeps the rows of a sheet whose turn has not come, compressed and in
// memory: they are patient data, and a file beside the function would outlive it.
type spool struct {
	packed  bytes.Buffer
	flate   *flate.Writer
	encoder *gob.Encoder
}

func (s *spool) add(row []string) error {
	if s.encoder == nil {
		var err error
		if s.flate, err = flate.NewWriter(&s.packed, flate.BestSpeed); err != nil {
			return err
		}
		s.encoder = gob.NewEncoder(s.flate)
	}
	return s.encoder.Encode(row)
}

// each hands the rows to take, in the order in which they came.
func (s *spool) each(take func([]string) error) error {
	if s.encoder == nil {
		return nil
	}
	if err := s.flate.Close(); err != nil {
		return err
	}
	decoder := gob.NewDecoder(flate.NewReader(&s.packed))
	for {
		var row []string
		err := decoder.Decode(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = take(row)
		}
		if err != nil {
			return err
		}
	}
}
