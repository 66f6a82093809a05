// Package zipaes writes ZIP files whose entries are encrypted as WinZip does it
// (AE-2, AES-256), in one pass and constant memory. 7-Zip, WinZip, macOS
// archivers and pyzipper open them; what Windows itself has built in does not.
//
// Names, sizes and times of entries are not encrypted: ZIP has no way to do it.
package zipaes

import (
	"compress/flate"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// The signatures and numbers of the ZIP format (PKWARE's APPNOTE, WinZip's
// "AES Encryption Information").
const (
	localSignature      = 0x04034b50
	descriptorSignature = 0x08074b50
	centralSignature    = 0x02014b50
	end64Signature      = 0x06064b50
	locator64Signature  = 0x07064b50
	endSignature        = 0x06054b50

	flags       = 1 | 1<<3 | 1<<11 // encrypted, sizes follow the data, names are UTF-8
	methodAES   = 99               // what the method really is stands in the extra field
	methodFlate = 8
	version     = 51 // needed to read AES
	madeBy      = version

	aesExtra   = 0x9901
	zip64Extra = 0x0001
)

// maxSmall is what fits the fields of a ZIP that is no ZIP64. Tests lower it.
var maxSmall uint64 = math.MaxUint32 - 1

// Writer writes one ZIP file.
type Writer struct {
	w          io.Writer
	passphrase string
	at         uint64 // bytes written so far
	entries    []*entry
}

// entry is one file in the ZIP.
type entry struct {
	zip         *Writer
	name        string
	modified    time.Time
	offset      uint64
	plain, size uint64
	encrypted   *encrypter
	compressed  *flate.Writer
}

// NewWriter returns a writer of a ZIP whose entries all open with the
// passphrase.
func NewWriter(w io.Writer, passphrase string) *Writer { return &Writer{w: w, passphrase: passphrase} }

// Create ends the entry before and begins one. The writer that it returns is
// good until the next call of Create or Close.
func (z *Writer) Create(name string, modified time.Time) (io.Writer, error) {
	if err := z.endEntry(); err != nil {
		return nil, err
	}
	if len(name) > math.MaxUint16 {
		return nil, errors.New("the name of a ZIP entry is longer than 65,535 bytes")
	}
	e := &entry{zip: z, name: name, modified: modified, offset: z.at}
	if err := z.out(e.localHeader()); err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	var err error
	if e.encrypted, err = newEncrypter(writer(z.out), z.passphrase, salt); err != nil {
		return nil, err
	}
	if e.compressed, err = flate.NewWriter(e.encrypted, flate.DefaultCompression); err != nil {
		return nil, fmt.Errorf("compress a ZIP entry: %w", err)
	}
	z.entries = append(z.entries, e)
	return e, nil
}

// Write compresses and encrypts what the entry holds.
func (e *entry) Write(p []byte) (int, error) {
	n, err := e.compressed.Write(p)
	e.plain += uint64(n)
	return n, err
}

// Close ends the last entry and writes the ZIP's directory.
func (z *Writer) Close() error {
	if err := z.endEntry(); err != nil {
		return err
	}
	start := z.at
	for _, e := range z.entries {
		if err := z.out(e.centralHeader()); err != nil {
			return err
		}
	}
	return z.out(z.end(start))
}

// Size is the number of bytes written so far.
func (z *Writer) Size() int64 { return int64(z.at) }

func (z *Writer) endEntry() error {
	if len(z.entries) == 0 || z.entries[len(z.entries)-1].compressed == nil {
		return nil
	}
	e := z.entries[len(z.entries)-1]
	if err := e.compressed.Close(); err != nil {
		return err
	}
	if err := e.encrypted.finish(); err != nil {
		return err
	}
	e.size, e.compressed = e.encrypted.written, nil
	return z.out(e.descriptor())
}

// writer is a function as an io.Writer.
type writer func([]byte) error

func (w writer) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (z *Writer) out(p []byte) error {
	n, err := z.w.Write(p)
	z.at += uint64(n)
	return err
}

var le = binary.LittleEndian

func (e *entry) localHeader() []byte {
	b := le.AppendUint32(nil, localSignature)
	b = le.AppendUint16(b, version)
	b = e.common(b)
	b = le.AppendUint32(b, 0) // the sizes follow the data
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, uint16(len(e.name)))
	extra := e.aesField()
	b = le.AppendUint16(b, uint16(len(extra)))
	return append(append(b, e.name...), extra...)
}

// common are the fields from flags to checksum, which both headers have. AE-2
// leaves the checksum zero, because it would say something of the content.
func (e *entry) common(b []byte) []byte {
	b = le.AppendUint16(b, flags)
	b = le.AppendUint16(b, methodAES)
	date, clock := dosTime(e.modified)
	b = le.AppendUint16(b, clock)
	b = le.AppendUint16(b, date)
	return le.AppendUint32(b, 0)
}

func (e *entry) aesField() []byte {
	b := le.AppendUint16(nil, aesExtra)
	b = le.AppendUint16(b, 7)
	b = le.AppendUint16(b, 2)  // AE-2
	b = append(b, "AE\x03"...) // AES-256
	return le.AppendUint16(b, methodFlate)
}

// large says whether the entry's sizes need ZIP64.
func (e *entry) large() bool { return e.plain > maxSmall || e.size > maxSmall }

func (e *entry) descriptor() []byte {
	b := le.AppendUint32(nil, descriptorSignature)
	b = le.AppendUint32(b, 0)
	if e.large() {
		return le.AppendUint64(le.AppendUint64(b, e.size), e.plain)
	}
	return le.AppendUint32(le.AppendUint32(b, uint32(e.size)), uint32(e.plain))
}

func (e *entry) centralHeader() []byte {
	size, plain, offset := e.size, e.plain, e.offset
	extra := e.aesField()
	if e.large() || offset > maxSmall {
		extra = le.AppendUint16(extra, zip64Extra)
		extra = le.AppendUint16(extra, 24)
		extra = le.AppendUint64(extra, plain)
		extra = le.AppendUint64(extra, size)
		extra = le.AppendUint64(extra, offset)
		size, plain, offset = math.MaxUint32, math.MaxUint32, math.MaxUint32
	}
	b := le.AppendUint32(nil, centralSignature)
	b = le.AppendUint16(b, madeBy)
	b = le.AppendUint16(b, version)
	b = e.common(b)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(plain))
	b = le.AppendUint16(b, uint16(len(e.name)))
	b = le.AppendUint16(b, uint16(len(extra)))
	b = append(b, make([]byte, 10)...) // no comment, first disk, no attributes
	b = le.AppendUint32(b, uint32(offset))
	return append(append(b, e.name...), extra...)
}

// end is the end of the ZIP, whose directory began at start.
func (z *Writer) end(start uint64) []byte {
	count, size, offset := uint64(len(z.entries)), z.at-start, start
	var b []byte
	if count >= math.MaxUint16 || size > maxSmall || offset > maxSmall {
		b = le.AppendUint32(b, end64Signature)
		b = le.AppendUint64(b, 44) // what follows
		b = le.AppendUint16(b, madeBy)
		b = le.AppendUint16(b, version)
		b = append(b, make([]byte, 8)...) // first disk
		b = le.AppendUint64(b, count)
		b = le.AppendUint64(b, count)
		b = le.AppendUint64(b, size)
		b = le.AppendUint64(b, offset)

		b = le.AppendUint32(b, locator64Signature)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, z.at)
		b = le.AppendUint32(b, 1)
		count, size, offset = math.MaxUint16, math.MaxUint32, math.MaxUint32
	}
	b = le.AppendUint32(b, endSignature)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, uint16(count))
	b = le.AppendUint16(b, uint16(count))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(offset))
	return le.AppendUint16(b, 0)
}

// dosTime is a time as ZIP has it: without a zone, in steps of two seconds,
// from 1980 on.
func dosTime(t time.Time) (date, clock uint16) {
	if t.Year() < 1980 {
		return 1<<5 | 1, 0
	}
	return uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day()), uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
}
