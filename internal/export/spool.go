package export

import (
	"bufio"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
)

// hiddenFile makes a file that has no name any more: it is gone when the process
// ends, in whatever way. It only ever holds encrypted bytes.
func hiddenFile() (*os.File, error) {
	f, err := os.CreateTemp("", "export-")
	if err != nil {
		return nil, fmt.Errorf("make a file for encrypted rows: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("hide the file for encrypted rows: %w", err), f.Close())
	}
	return f, nil
}

// Spool keeps the rows of a table whose turn has not come, compressed and
// encrypted on the disk: memory would have to grow with them. The zero Spool is
// empty. Each use ends with Discard.
type Spool struct {
	file    *os.File
	block   cipher.Block // of a key that is nowhere else
	buffer  *bufio.Writer
	gzip    *gzip.Writer
	encoder *gob.Encoder
}

// spoolBuffer is how much is encrypted at a time.
const spoolBuffer = 64 << 10

// Add adds a row.
func (s *Spool) Add(row []string) error {
	if s.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	return s.encoder.Encode(row)
}

func (s *Spool) begin() error {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	var err error
	if s.block, err = aes.NewCipher(key); err != nil {
		return fmt.Errorf("make the cipher of waiting rows: %w", err)
	}
	if s.file, err = hiddenFile(); err != nil {
		return err
	}
	s.buffer = bufio.NewWriterSize(cipher.StreamWriter{S: s.stream(), W: s.file}, spoolBuffer)
	if s.gzip, err = gzip.NewWriterLevel(s.buffer, gzip.BestSpeed); err != nil {
		return fmt.Errorf("compress waiting rows: %w", err)
	}
	s.encoder = gob.NewEncoder(s.gzip)
	return nil
}

// stream is the key stream from its beginning. The key encrypts one file only,
// so the counter may begin with 0.
func (s *Spool) stream() cipher.Stream { return cipher.NewCTR(s.block, make([]byte, aes.BlockSize)) }

// Each hands every row to take, in the order in which they came. Afterwards no
// row may be added.
func (s *Spool) Each(take func([]string) error) error {
	if s.file == nil {
		return nil
	}
	if err := errors.Join(s.gzip.Close(), s.buffer.Flush()); err != nil {
		return fmt.Errorf("keep waiting rows: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read waiting rows back: %w", err)
	}
	plain, err := gzip.NewReader(bufio.NewReaderSize(cipher.StreamReader{S: s.stream(), R: s.file}, spoolBuffer))
	if err != nil {
		return fmt.Errorf("read waiting rows back: %w", err)
	}
	decoder := gob.NewDecoder(plain)
	for {
		var row []string
		switch err := decoder.Decode(&row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read waiting rows back: %w", err)
		}
		if err := take(row); err != nil {
			return err
		}
	}
}

// Discard forgets the rows.
func (s *Spool) Discard() {
	if s.file != nil {
		s.file.Close()
	}
}
