package readers

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Entry is one file of a ZIP.
type Entry struct {
	Name    string
	Content []byte
}

// maxPlain bounds what a test unpacks.
const maxPlain = 64 << 20

// OpenZIP reads a ZIP whose entries are encrypted as WinZip does it (AE-2,
// AES-256), and refuses every other, and whatever does not fit together.
func OpenZIP(file []byte, passphrase string) ([]Entry, error) {
	end := len(file) - 22
	if end < 0 || le.Uint32(file[end:]) != 0x06054b50 {
		return nil, errors.New("the ZIP has no end")
	}
	count, size, start := uint64(le.Uint16(file[end+10:])), uint64(le.Uint32(file[end+12:])), uint64(le.Uint32(file[end+16:]))
	directoryEnd := uint64(end)
	if count == math.MaxUint16 || start == math.MaxUint32 {
		at := end - 20
		if at < 56 || le.Uint32(file[at:]) != 0x07064b50 || le.Uint64(file[at+8:]) != uint64(at-56) || le.Uint32(file[at-56:]) != 0x06064b50 {
			return nil, errors.New("the ZIP64 has no end")
		}
		count, size, start = le.Uint64(file[at-24:]), le.Uint64(file[at-16:]), le.Uint64(file[at-8:])
		directoryEnd = uint64(at - 56)
	}
	if start > directoryEnd || size != directoryEnd-start {
		return nil, errors.New("the directory is not where the end of the ZIP says")
	}
	var entries []Entry
	directory := file[start:directoryEnd]
	next := uint64(0)
	for range count {
		h, rest, err := readHeader(directory, 0x02014b50, 46)
		if err != nil {
			return nil, err
		}
		directory = rest
		if h.offset != next || next > start {
			return nil, errors.New("an entry is not where the directory says")
		}
		e, after, err := h.open(file[next:start], passphrase)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(entries), err)
		}
		entries = append(entries, e)
		next = start - uint64(len(after))
	}
	if len(directory) > 0 || next != start {
		return nil, errors.New("the ZIP holds what its directory does not name")
	}
	return entries, nil
}

// header is what the two headers of an entry say.
type header struct {
	name                string
	flags               uint16
	plain, size, offset uint64
	method              uint16 // inside the encryption
}

func readHeader(b []byte, signature uint32, fixed int) (h header, rest []byte, err error) {
	if len(b) < fixed || le.Uint32(b) != signature {
		return h, nil, errors.New("there is no header where one must be")
	}
	names := 28 // where the lengths of name and extra fields stand in the directory
	f := b[6:]  // from the version needed on
	if signature == 0x04034b50 {
		names, f = 26, b[4:]
	}
	h.flags = le.Uint16(f[2:])
	if le.Uint16(f) != 51 || le.Uint16(f[4:]) != 99 || le.Uint32(f[10:]) != 0 {
		return h, nil, errors.New("an entry is not encrypted as AE-2")
	}
	h.size, h.plain = uint64(le.Uint32(f[14:])), uint64(le.Uint32(f[18:]))
	if signature != 0x04034b50 {
		h.offset = uint64(le.Uint32(b[42:]))
	}
	nameLength, extraLength := int(le.Uint16(b[names:])), int(le.Uint16(b[names+2:]))
	if len(b) < fixed+nameLength+extraLength {
		return h, nil, io.ErrUnexpectedEOF
	}
	h.name = string(b[fixed : fixed+nameLength])
	for extra := b[fixed+nameLength : fixed+nameLength+extraLength]; len(extra) > 0; {
		if len(extra) < 4 || len(extra) < 4+int(le.Uint16(extra[2:])) {
			return h, nil, errors.New("the extra fields do not fit")
		}
		id, field := le.Uint16(extra), extra[4:4+int(le.Uint16(extra[2:]))]
		extra = extra[4+len(field):]
		switch {
		case id == 0x9901 && len(field) == 7 && le.Uint16(field) == 2 && string(field[2:5]) == "AE\x03":
			h.method = le.Uint16(field[5:])
		case id == 1 && len(field) == 24:
			h.plain, h.size, h.offset = le.Uint64(field), le.Uint64(field[8:]), le.Uint64(field[16:])
		default:
			return h, nil, fmt.Errorf("there is an extra field %x", id)
		}
	}
	return h, b[fixed+nameLength+extraLength:], nil
}

// open decrypts the entry that the header of the directory is about, and
// returns what follows it.
func (h header) open(b []byte, passphrase string) (Entry, []byte, error) {
	local, b, err := readHeader(b, 0x04034b50, 30)
	if err != nil {
		return Entry{}, nil, err
	}
	if local.name != h.name || local.flags != h.flags || h.flags != 1|1<<3|1<<11 || local.method != 8 || h.method != 8 || local.size != 0 || local.plain != 0 {
		return Entry{}, nil, errors.New("its two headers disagree")
	}
	if h.size < 28 || h.size > uint64(len(b)) || h.plain > maxPlain {
		return Entry{}, nil, io.ErrUnexpectedEOF
	}
	data, b := b[:h.size], b[h.size:]
	keys, err := pbkdf2.Key(sha1.New, passphrase, data[:16], 1000, 66)
	if err != nil {
		return Entry{}, nil, err
	}
	if !bytes.Equal(keys[64:], data[16:18]) {
		return Entry{}, nil, errors.New("wrong passphrase")
	}
	text, tag := data[18:h.size-10], data[h.size-10:]
	mac := hmac.New(sha1.New, keys[32:64])
	mac.Write(text)
	if !bytes.Equal(mac.Sum(nil)[:10], tag) {
		return Entry{}, nil, errors.New("it was changed")
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return Entry{}, nil, err
	}
	compressed := make([]byte, len(text))
	var counter, stream [16]byte
	for i := range text {
		if i%16 == 0 {
			le.PutUint64(counter[:], uint64(i/16+1))
			block.Encrypt(stream[:], counter[:])
		}
		compressed[i] = text[i] ^ stream[i%16]
	}
	content, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(compressed)), maxPlain+1))
	if err != nil || uint64(len(content)) != h.plain {
		return Entry{}, nil, fmt.Errorf("it has %d bytes instead of %d, %w", len(content), h.plain, err)
	}
	after, err := h.descriptor(b)
	return Entry{h.name, content}, after, err
}

// descriptor checks the sizes behind the data, which have 4 or 8 bytes.
func (h header) descriptor(b []byte) ([]byte, error) {
	want := le.AppendUint64(nil, 0x08074b50)
	if large := le.AppendUint64(le.AppendUint64(want, h.size), h.plain); bytes.HasPrefix(b, large) {
		return b[len(large):], nil
	}
	want = le.AppendUint32(le.AppendUint32(want, uint32(h.size)), uint32(h.plain))
	if !bytes.HasPrefix(b, want) {
		return nil, errors.New("the sizes behind it are wrong")
	}
	return b[len(want):], nil
}

var le = binary.LittleEndian
