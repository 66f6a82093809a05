// Package packed holds how long texts are stored: compressed (RFC 1951), for
// those who write them and those who read them.
package packed

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"io"
	"sync"
)

// A writer takes almost a megabyte, so writers are used again.
var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	return w
}}

// Deflate compresses a text.
func Deflate(plain []byte) []byte {
	var packed bytes.Buffer
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&packed)
	_, err := w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return packed.Bytes()
}

// Inflate reads compressed JSON into v.
func Inflate(packed []byte, v any) error {
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
