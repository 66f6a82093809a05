// Package agile encrypts Office documents as ECMA-376 Agile Encryption does it
// ([MS-OFFCRYPTO] 2.3.4): AES-256 in CBC mode, SHA-512, 100,000 rounds over the
// passphrase, and an HMAC over all of it. Excel, LibreOffice and
// msoffcrypto-tool open what it writes.
package agile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
)

const (
	keySize     = 32
	saltSize    = 16
	spinCount   = 100_000
	segmentSize = 4096
	sizePrefix  = 8 // the encrypted stream begins with the size of the document

	// maxStream is the largest stream of a compound file with sectors of 512
	// bytes, the only ones that LibreOffice reads.
	maxStream = 1 << 31
)

// ErrTooLarge says that a document does not fit the file format.
var ErrTooLarge = errors.New("the document is larger than 2 GiB, the most that an encrypted Office file can hold")

// What a hash is made for; [MS-OFFCRYPTO] 2.3.4.11 to 2.3.4.14.
var (
	forVerifierInput = []byte{0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79}
	forVerifierValue = []byte{0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e}
	forKeyValue      = []byte{0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6}
	forHMACKey       = []byte{0x5f, 0xb2, 0xad, 0x01, 0x0c, 0xb9, 0xe1, 0xf6}
	forHMACValue     = []byte{0xa0, 0x67, 0x7f, 0x02, 0xb2, 0x2c, 0x84, 0x33}
)

// secrets are the random values of one file.
type secrets struct {
	keySalt, passwordSalt, verifier, key, hmacKey []byte
}

func newSecrets() secrets {
	random := func(n int) []byte {
		b := make([]byte, n)
		rand.Read(b) // never fails
		return b
	}
	return secrets{random(saltSize), random(saltSize), random(saltSize), random(keySize), random(sha512.Size)}
}

// Writer encrypts one document. The file's HMAC begins with the document's
// size, so the encrypted document waits in a spool until it is complete.
type Writer struct {
	w          io.Writer
	spool      io.ReadWriteSeeker
	passphrase string
	secrets    secrets
	block      cipher.Block
	segment    []byte // what does not fill a segment yet
	index      uint32 // of that segment
	size       uint64 // of the document so far
}

// NewWriter returns a writer whose Close writes the encrypted file to w. The
// empty spool receives nothing but what is encrypted, with a key that stands
// nowhere before Close.
func NewWriter(w io.Writer, spool io.ReadWriteSeeker, passphrase string) (*Writer, error) {
	return newWriter(w, spool, passphrase, newSecrets())
}

func newWriter(w io.Writer, spool io.ReadWriteSeeker, passphrase string, s secrets) (*Writer, error) {
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of an Office file: %w", err)
	}
	return &Writer{w: w, spool: spool, passphrase: passphrase, secrets: s, block: block, segment: make([]byte, 0, segmentSize)}, nil
}

// Write takes the next bytes of the document.
func (a *Writer) Write(p []byte) (int, error) {
	if a.size+uint64(len(p)) > maxStream-segmentSize {
		return 0, ErrTooLarge
	}
	for rest := p; len(rest) > 0; {
		n := copy(a.segment[len(a.segment):segmentSize], rest)
		a.segment, rest = a.segment[:len(a.segment)+n], rest[n:]
		if len(a.segment) == segmentSize {
			if err := a.flush(); err != nil {
				return 0, err
			}
		}
	}
	a.size += uint64(len(p))
	return len(p), nil
}

// flush encrypts the segment, filled up to whole blocks, into the spool.
func (a *Writer) flush() error {
	for len(a.segment)%aes.BlockSize != 0 {
		a.segment = append(a.segment, 0)
	}
	iv := derive(a.secrets.keySalt, binary.LittleEndian.AppendUint32(nil, a.index))[:aes.BlockSize]
	cipher.NewCBCEncrypter(a.block, iv).CryptBlocks(a.segment, a.segment)
	_, err := a.spool.Write(a.segment)
	a.segment, a.index = a.segment[:0], a.index+1
	return err
}

// Close writes the file.
func (a *Writer) Close() error {
	if err := a.flush(); err != nil {
		return err
	}
	if _, err := a.spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the encrypted document back: %w", err)
	}
	mac := hmac.New(sha512.New, a.secrets.hmacKey)
	size := binary.LittleEndian.AppendUint64(nil, a.size)
	whole := sizePrefix + (a.size+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize
	info := a.info()
	return writeCompound(a.w, parts{
		document:     io.TeeReader(io.MultiReader(bytes.NewReader(size), a.spool), mac),
		documentSize: whole,
		info:         func() []byte { return info(mac.Sum(nil)) },
		infoSize:     uint64(len(info(make([]byte, sha512.Size)))),
	})
}

// info returns what makes the stream that says how to decrypt, from the HMAC
// of the encrypted document.
func (a *Writer) info() func(mac []byte) []byte {
	s := a.secrets
	spun := spin(a.passphrase, s.passwordSalt, spinCount)
	password := func(purpose, plain []byte) string {
		block, _ := aes.NewCipher(derive(spun, purpose)[:keySize]) // the size is right
		return encrypted(block, s.passwordSalt, plain)
	}
	integrity := func(purpose, plain []byte) string {
		return encrypted(a.block, derive(s.keySalt, purpose)[:aes.BlockSize], plain)
	}
	verifierHash := sha512.Sum512(s.verifier)
	const how = `saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512"`
	version := []byte{4, 0, 4, 0, 0x40, 0, 0, 0}
	before := fmt.Appendf(version, `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\r\n"+
		`<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password" xmlns:c="http://schemas.microsoft.com/office/2006/keyEncryptor/certificate">`+
		`<keyData `+how+` saltValue="%s"/>`+
		`<dataIntegrity encryptedHmacKey="%s" encryptedHmacValue="`,
		base64.StdEncoding.EncodeToString(s.keySalt), integrity(forHMACKey, s.hmacKey))
	after := fmt.Appendf(nil, `"/><keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">`+
		`<p:encryptedKey spinCount="%d" `+how+` saltValue="%s" encryptedVerifierHashInput="%s" encryptedVerifierHashValue="%s" encryptedKeyValue="%s"/>`+
		`</keyEncryptor></keyEncryptors></encryption>`,
		spinCount, base64.StdEncoding.EncodeToString(s.passwordSalt),
		password(forVerifierInput, s.verifier), password(forVerifierValue, verifierHash[:]), password(forKeyValue, s.key))
	return func(mac []byte) []byte {
		return slices.Concat(before, []byte(integrity(forHMACValue, mac)), after)
	}
}

// spin is the slow hash of the passphrase.
func spin(passphrase string, salt []byte, rounds uint32) []byte {
	text := append([]byte(nil), salt...)
	for _, unit := range utf16.Encode([]rune(passphrase)) {
		text = binary.LittleEndian.AppendUint16(text, unit)
	}
	sum := sha512.Sum512(text)
	var turn [4 + sha512.Size]byte
	for i := range rounds {
		binary.LittleEndian.PutUint32(turn[:4], i)
		copy(turn[4:], sum[:])
		sum = sha512.Sum512(turn[:])
	}
	return sum[:]
}

// derive hashes a value for one purpose.
func derive(value, purpose []byte) []byte {
	h := sha512.New()
	h.Write(value)
	h.Write(purpose)
	return h.Sum(nil)
}

// encrypted is whole blocks in CBC mode, as the text that XML holds.
func encrypted(block cipher.Block, iv, plain []byte) string {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
	return base64.StdEncoding.EncodeToString(out)
}
