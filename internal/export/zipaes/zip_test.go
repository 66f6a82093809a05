package zipaes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkops/test/readers"
)

// The bytes were computed with another implementation of PBKDF2, AES and HMAC
// (Python's cryptography), by the words of WinZip's description.
func TestAnEntryIsEncryptedAsWinZipDescribes(t *testing.T) {
	var out bytes.Buffer
	salt := []byte("0123456789abcdef")
	e, err := newEncrypter(&out, "correct horse", salt)
	if err != nil {
		t.Fatal(err)
	}
	// Over a border of blocks, in pieces that end inside of them.
	for piece := range slices.Chunk([]byte(strings.Repeat("Patient id,Name\r\n", 3)), 7) {
		if _, err := e.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.finish(); err != nil {
		t.Fatal(err)
	}
	const want = "3031323334353637383961626364656623590c753a8b6a3664567889c0a000a5c8979411a5b5390792e017bc1bcf20f8ab0653ef81146caaf4d0ba4195feb3c4c76ce1148ab937b70d6e79f9503778"
	if got := hex.EncodeToString(out.Bytes()); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func zipOf(t *testing.T, contents map[string]string) []byte {
	t.Helper()
	var file bytes.Buffer
	z := NewWriter(&file, "correct horse")
	for name, content := range contents {
		w, err := z.Create(name, time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC))
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Files over 4 GiB have other fields. They are written from 10 bytes on here, so
// that the same fields can be tried.
func TestLargeFilesAreZIP64(t *testing.T) {
	old := maxSmall
	maxSmall = 10
	t.Cleanup(func() { maxSmall = old })
	file := zipOf(t, map[string]string{"Zoë.csv": strings.Repeat("a,b\r\n", 10_000), "empty.csv": ""})
	entries, err := readers.OpenZIP(file, "correct horse")
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	f := readers.Write(t, "large.zip", "correct horse", file)
	for _, e := range entries {
		if got, err := readers.SevenZip(t, f, e.Name); err != nil || !bytes.Equal(got, e.Content) {
			t.Errorf("7-Zip reads %d bytes of %s instead of %d, %v", len(got), e.Name, len(e.Content), err)
		}
	}
	if c := readers.Python(t, f)[0]; c.Error != "" || len(c.Table(t, "Zoë.csv")) != 10_000 || len(c.Table(t, "empty.csv")) != 0 {
		t.Errorf("pyzipper reads %d tables, %s", len(c.Tables), c.Error)
	}
}

func TestTheDirectoryOfManyEntriesIsZIP64(t *testing.T) {
	var file bytes.Buffer
	z := NewWriter(&file, "")
	for i := range 70_000 {
		z.entries = append(z.entries, &entry{zip: z, name: fmt.Sprint(i)})
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file.Bytes(), []byte("PK\x06\x06")) {
		t.Error("70,000 entries do not fit a ZIP that is no ZIP64")
	}
}

func TestEqualContentIsEncryptedDifferentlyEachTime(t *testing.T) {
	content := map[string]string{"a.csv": strings.Repeat("a,b\r\n", 100)}
	if bytes.Equal(zipOf(t, content), zipOf(t, content)) {
		t.Error("two files have the same salt")
	}
}

func TestTimesOutsideOfWhatZIPKnows(t *testing.T) {
	for at, want := range map[time.Time][2]uint16{
		{}: {1<<5 | 1, 0},
		time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC):    {1<<5 | 1, 0},
		time.Date(2026, 11, 26, 9, 30, 5, 0, time.UTC): {46<<9 | 11<<5 | 26, 9<<11 | 30<<5 | 2},
	} {
		if date, clock := dosTime(at); date != want[0] || clock != want[1] {
			t.Errorf("%v is %d, %d; want %v", at, date, clock, want)
		}
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
	for _, room := range []int{0, 40, 60, 120, 170} {
		z := NewWriter(&full{room}, "correct horse")
		w, err := z.Create("a.csv", time.Time{})
		if err == nil {
			_, err = io.WriteString(w, "a,b\r\n")
		}
		if err == nil {
			err = z.Close()
		}
		if err == nil {
			t.Errorf("with room for %d bytes nothing failed", room)
		}
	}
}
