package zipaes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"slices"
)

// What WinZip's AES-256 fixes. The key derivation has few rounds, so the
// strength of a file is that of its passphrase.
const (
	rounds       = 1000
	keySize      = 32
	saltSize     = 16
	verifierSize = 2
	tagSize      = 10
)

// encrypter encrypts one entry: salt and verifier go before the first byte, the
// tag that detects every change comes after the last.
type encrypter struct {
	w       io.Writer
	block   cipher.Block
	mac     hash.Hash
	counter [aes.BlockSize]byte
	stream  [aes.BlockSize]byte // what is left of the key stream stands from used on
	used    int
	buffer  []byte
	written uint64
}

func newEncrypter(w io.Writer, passphrase string, salt []byte) (*encrypter, error) {
	keys, err := pbkdf2.Key(sha1.New, passphrase, salt, rounds, 2*keySize+verifierSize)
	if err != nil {
		return nil, fmt.Errorf("derive the keys of a ZIP entry: %w", err)
	}
	block, err := aes.NewCipher(keys[:keySize])
	if err != nil {
		return nil, fmt.Errorf("make the cipher of a ZIP entry: %w", err)
	}
	e := &encrypter{w: w, block: block, mac: hmac.New(sha1.New, keys[keySize:2*keySize]), used: aes.BlockSize}
	return e, e.out(slices.Concat(salt, keys[2*keySize:]))
}

// Write encrypts in counter mode, with WinZip's counter: it starts at one and
// its lowest byte stands first, so the standard library's does not fit.
func (e *encrypter) Write(p []byte) (int, error) {
	e.buffer = append(e.buffer[:0], p...)
	for rest := e.buffer; len(rest) > 0; {
		if e.used == aes.BlockSize {
			binary.LittleEndian.PutUint64(e.counter[:], binary.LittleEndian.Uint64(e.counter[:])+1)
			e.block.Encrypt(e.stream[:], e.counter[:])
			e.used = 0
		}
		for len(rest) > 0 && e.used < aes.BlockSize {
			rest[0] ^= e.stream[e.used]
			rest, e.used = rest[1:], e.used+1
		}
	}
	e.mac.Write(e.buffer)
	if err := e.out(e.buffer); err != nil {
		return 0, err
	}
	return len(p), nil
}

// finish writes the tag.
func (e *encrypter) finish() error { return e.out(e.mac.Sum(nil)[:tagSize]) }

func (e *encrypter) out(p []byte) error {
	n, err := e.w.Write(p)
	e.written += uint64(n)
	return err
}
