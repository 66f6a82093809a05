package agile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bulkops/local/stack"
	"bulkops/local/tools"
	"bulkops/test/readers"
)

// spool makes a file for a test.
func spool(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func encrypt(t *testing.T, passphrase string, s secrets, document []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newWriter(&out, spool(t), passphrase, s)
	if err != nil {
		t.Fatal(err)
	}
	for rest := document; len(rest) > 0; {
		n := min(len(rest), 1000) // pieces that end inside of segments
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// known are secrets for tests that need no new passphrase hash each.
var known = secrets{
	keySalt: []byte("0123456789abcdef"), passwordSalt: []byte("fedcba9876543210"), verifier: []byte("verifierverifier"),
	key: bytes.Repeat([]byte("key!"), 8), hmacKey: bytes.Repeat([]byte("hmac"), 16),
}

func document(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

// The sizes stand at every border: block, segment, small stream, and the sizes
// at which the sector table gets another sector, and a list of its own.
func TestDocumentsOfEverySizeOpen(t *testing.T) {
	const oneMoreFAT, listed = inSector * sectorSize, inHeader * inSector * sectorSize
	for _, size := range []int{0, 1, 15, 16, 17, 4071, 4072, 4080, 4087, 4088, 4089, 4096, 4097, 8192, oneMoreFAT - 8192, oneMoreFAT, listed - 65536, listed, listed + 130*oneMoreFAT} {
		want := document(size)
		got, err := readers.OpenAgile(encrypt(t, "correct horse", known, want), "correct horse")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d are read, %v", size, len(got), err)
		}
	}
}

func TestOnlyTheRightPassphraseOpens(t *testing.T) {
	file := encrypt(t, "Zoë 𝒳 correct", known, document(5000))
	if _, err := readers.OpenAgile(file, "Zoë 𝒳 correct"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", "zoë 𝒳 correct", "Zoë 𝒳 correct ", "Zoe 𝒳 correct"} {
		if _, err := readers.OpenAgile(file, wrong); err == nil || err.Error() != "wrong passphrase" {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// With these secrets the bytes never change: what old files need to be opened
// stays as it is. That they are right, the independent readers say.
func TestAFileIsMadeAsBefore(t *testing.T) {
	sum := sha256.Sum256(encrypt(t, "correct horse", known, document(5000)))
	const want = "bb7354f8b5d1fabfe0215a6d562c8645ac0f267affc422ffc8451fa3859505fc"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the file's hash is %s, want %s", got, want)
	}
}

func TestEveryFileHasItsOwnSecrets(t *testing.T) {
	a, b := newSecrets(), newSecrets()
	for i, pair := range [][2][]byte{{a.keySalt, b.keySalt}, {a.passwordSalt, b.passwordSalt}, {a.verifier, b.verifier}, {a.key, b.key}, {a.hmacKey, b.hmacKey}} {
		if bytes.Equal(pair[0], pair[1]) {
			t.Errorf("secret %d is the same in two files", i)
		}
	}
}

// The reader that the other tests use must itself be right: it opens what
// msoffcrypto-tool encrypts.
func TestWhatAnotherProgramEncryptsOpens(t *testing.T) {
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := tools.Ensure(t.Context(), root, os.Stderr, tools.Readers); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := `
import sys, openpyxl
from msoffcrypto.format.ooxml import OOXMLFile
book = openpyxl.Workbook()
book.active["A1"] = "by another program"
book.save(sys.argv[1])
with open(sys.argv[1], "rb") as plain, open(sys.argv[2], "wb") as encrypted:
    OOXMLFile(plain).encrypt("correct horse", encrypted)
`
	plain, encrypted := filepath.Join(dir, "plain.xlsx"), filepath.Join(dir, "encrypted.xlsx")
	if out, err := exec.CommandContext(t.Context(), filepath.Join(tools.Readers.Dir(root), "bin", "python"), "-c", script, plain, encrypted).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, errPlain := os.ReadFile(plain)
	file, errFile := os.ReadFile(encrypted)
	if err := errors.Join(errPlain, errFile); err != nil {
		t.Fatal(err)
	}
	if got, err := readers.OpenAgile(file, "correct horse"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes are read, %v", len(got), len(want), err)
	}
}

func TestTheSpoolHoldsNothingInClear(t *testing.T) {
	s := spool(t)
	w, err := NewWriter(io.Discard, s, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		if _, err := io.WriteString(w, "Ann Example, "); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(s.Name())
	if err != nil || len(content) < 100_000 || bytes.Contains(content, []byte("Ann")) {
		t.Errorf("the spool has %d bytes, %v", len(content), err)
	}
}

func TestADocumentOverTheLimitIsRefused(t *testing.T) {
	w, err := NewWriter(io.Discard, spool(t), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	w.size = maxStream - segmentSize - 1
	if _, err := w.Write([]byte{1}); err != nil {
		t.Error(err)
	}
	if _, err := w.Write([]byte{1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
}

// full fails when its room is used up.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestAFailedWriteIsTold(t *testing.T) {
	whole := len(encrypt(t, "", known, document(5000)))
	for _, room := range []int{0, 600, 3000, 6000, whole - 1} {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			w, err := newWriter(&full{room}, spool(t), "", known)
			if err == nil {
				_, err = w.Write(document(5000))
			}
			if err == nil {
				err = w.Close()
			}
			if err == nil {
				t.Error("nothing failed")
			}
		})
	}
	broken, err := newWriter(io.Discard, struct {
		io.Writer
		io.ReadSeeker
	}{&full{4096}, bytes.NewReader(nil)}, "", known)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Write(document(9000)); err == nil {
		t.Error("a spool without room fails nothing")
	}
}

func TestALostSpoolIsTold(t *testing.T) {
	w, err := newWriter(io.Discard, struct {
		io.Writer
		io.ReadSeeker
	}{io.Discard, bytes.NewReader(nil)}, "", known)
	if err == nil {
		_, err = w.Write(document(9000))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}
