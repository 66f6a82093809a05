package readers

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"unicode/utf16"
)

// OpenAgile decrypts an Office file with ECMA-376 Agile Encryption (AES-256,
// CBC, SHA-512), and refuses every other, and one that was changed.
func OpenAgile(file []byte, passphrase string) ([]byte, error) {
	streams, err := openCompound(file)
	if err != nil {
		return nil, err
	}
	info, data := streams["EncryptionInfo"], streams["EncryptedPackage"]
	if len(info) < 8 || !bytes.Equal(info[:8], []byte{4, 0, 4, 0, 0x40, 0, 0, 0}) || len(data) < 8 {
		return nil, errors.New("the file is not encrypted in the agile way")
	}
	var how encryption
	if err := xml.Unmarshal(info[8:], &how); err != nil {
		return nil, fmt.Errorf("the description of the encryption: %w", err)
	}
	key, err := how.key(passphrase)
	if err != nil {
		return nil, err
	}
	// The HMAC first: nothing else is believed before it was checked.
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	integrity := func(purpose string, value []byte) []byte {
		return decrypted(block, hashed(how.KeyData.Salt, []byte(purpose)), value)
	}
	mac := hmac.New(sha512.New, integrity("\x5f\xb2\xad\x01\x0c\xb9\xe1\xf6", how.DataIntegrity.Key))
	mac.Write(data)
	if !hmac.Equal(mac.Sum(nil), integrity("\xa0\x67\x7f\x02\xb2\x2c\x84\x33", how.DataIntegrity.Value)) {
		return nil, errors.New("the file was changed")
	}
	size, data := le.Uint64(data), data[8:]
	if len(data)%aes.BlockSize != 0 || size > uint64(len(data)) {
		return nil, io.ErrUnexpectedEOF
	}
	var plain []byte
	index := uint32(0)
	for segment := range slices.Chunk(data, 4096) {
		plain = append(plain, decrypted(block, hashed(how.KeyData.Salt, le.AppendUint32(nil, index)), segment)...)
		index++
	}
	return plain[:size], nil
}

// encryption is the stream that says how to decrypt.
type encryption struct {
	KeyData struct {
		cipherChoice
		Salt base64Text `xml:"saltValue,attr"`
	} `xml:"keyData"`
	DataIntegrity struct {
		Key   base64Text `xml:"encryptedHmacKey,attr"`
		Value base64Text `xml:"encryptedHmacValue,attr"`
	} `xml:"dataIntegrity"`
	Password struct {
		cipherChoice
		Spins         uint32     `xml:"spinCount,attr"`
		Salt          base64Text `xml:"saltValue,attr"`
		VerifierInput base64Text `xml:"encryptedVerifierHashInput,attr"`
		VerifierValue base64Text `xml:"encryptedVerifierHashValue,attr"`
		Key           base64Text `xml:"encryptedKeyValue,attr"`
	} `xml:"keyEncryptors>keyEncryptor>encryptedKey"`
}

type cipherChoice struct {
	SaltSize  int    `xml:"saltSize,attr"`
	BlockSize int    `xml:"blockSize,attr"`
	KeyBits   int    `xml:"keyBits,attr"`
	HashSize  int    `xml:"hashSize,attr"`
	Cipher    string `xml:"cipherAlgorithm,attr"`
	Chaining  string `xml:"cipherChaining,attr"`
	Hash      string `xml:"hashAlgorithm,attr"`
}

var onlyChoice = cipherChoice{16, 16, 256, 64, "AES", "ChainingModeCBC", "SHA512"}

// mostSpins keeps a file from making its reader work for hours.
const mostSpins = 100_000

// key is the key of the document, if the passphrase is right.
func (e encryption) key(passphrase string) ([]byte, error) {
	p := e.Password
	if e.KeyData.cipherChoice != onlyChoice || p.cipherChoice != onlyChoice || p.Spins > mostSpins ||
		len(e.KeyData.Salt) != 16 || len(p.Salt) != 16 || len(p.VerifierInput) != 16 || len(p.VerifierValue) != 64 || len(p.Key) != 32 ||
		len(e.DataIntegrity.Key) != 64 || len(e.DataIntegrity.Value) != 64 {
		return nil, errors.New("the encryption is of another strength")
	}
	spun := spun(passphrase, p.Salt, p.Spins)
	open := func(purpose string, value []byte) []byte {
		block, _ := aes.NewCipher(hashed(spun, []byte(purpose))[:32]) // the size is right
		return decrypted(block, p.Salt, value)
	}
	want := sha512.Sum512(open("\xfe\xa7\xd2\x76\x3b\x4b\x9e\x79", p.VerifierInput))
	if !bytes.Equal(want[:], open("\xd7\xaa\x0f\x6d\x30\x61\x34\x4e", p.VerifierValue)) {
		return nil, errors.New("wrong passphrase")
	}
	return open("\x14\x6e\x0b\xe7\xab\xac\xd0\xd6", p.Key), nil
}

// spins remembers the slow part, for tests that open one file many times.
var spins sync.Map

func spun(passphrase string, salt []byte, rounds uint32) []byte {
	question := fmt.Sprintf("%s %x %d", passphrase, salt, rounds)
	if known, ok := spins.Load(question); ok {
		return known.([]byte)
	}
	text := slices.Clone(salt)
	for _, unit := range utf16.Encode([]rune(passphrase)) {
		text = le.AppendUint16(text, unit)
	}
	sum := hashed(text, nil)
	for i := range rounds {
		sum = hashed(le.AppendUint32(nil, i), sum)
	}
	spins.Store(question, sum)
	return sum
}

func hashed(a, b []byte) []byte {
	sum := sha512.Sum512(slices.Concat(a, b))
	return sum[:]
}

func decrypted(block cipher.Block, iv, value []byte) []byte {
	out := make([]byte, len(value))
	cipher.NewCBCDecrypter(block, iv[:aes.BlockSize]).CryptBlocks(out, value)
	return out
}
