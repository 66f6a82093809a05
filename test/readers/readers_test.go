package readers_test

import (
	"bytes"
	"testing"

	"bulkops/internal/export"
	"bulkops/test/readers"
)

// A file that was changed anywhere is refused or read as it was, never
// otherwise, and nothing makes the readers panic. The seeds are real files, so
// the changes begin deep inside.
func FuzzOpenZIP(f *testing.F) {
	fuzz(f, export.CSV, func(file []byte) ([]byte, error) {
		entries, err := readers.OpenZIP(file, passphrase)
		var all []byte
		for _, e := range entries {
			all = append(append(all, e.Name...), e.Content...)
		}
		return all, err
	})
}

func FuzzOpenAgile(f *testing.F) {
	fuzz(f, export.Excel, func(file []byte) ([]byte, error) { return readers.OpenAgile(file, passphrase) })
}

const passphrase = "7k3m-9qwx-02fa-ht6z-1bne-5c8v-rj4d"

func fuzz(f *testing.F, format export.Format, open func([]byte) ([]byte, error)) {
	file, _ := write(f, format, ordinary)
	want, err := open(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, []byte{}, len(file))
	f.Add(100, []byte{0xff}, len(file))
	f.Add(30, []byte("\x00\x00\x00\x00"), len(file))
	f.Add(0, []byte{}, len(file)/2)
	f.Add(68, []byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, len(file)) // a list of sectors that never ends
	f.Fuzz(func(t *testing.T, at int, change []byte, length int) {
		changed := bytes.Clone(file[:min(max(length, 0), len(file))])
		if at >= 0 && at < len(changed) {
			copy(changed[at:], change)
		}
		got, err := open(changed)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("%d bytes changed at %d of %d give other content", len(change), at, length)
		}
	})
}

// Every single byte of a file, one bit of it turned: what opens is what was
// written, and of what is encrypted nothing opens.
func TestEveryTurnedBitIsNoticed(t *testing.T) {
	for format, open := range map[export.Format]func([]byte) ([]byte, error){
		export.CSV: func(file []byte) ([]byte, error) {
			entries, err := readers.OpenZIP(file, passphrase)
			if err != nil || len(entries) != 2 {
				return nil, err
			}
			return append(entries[0].Content, entries[1].Content...), nil
		},
		export.Excel: func(file []byte) ([]byte, error) { return readers.OpenAgile(file, passphrase) },
	} {
		file, _ := write(t, format, ordinary)
		want, err := open(file)
		if err != nil {
			t.Fatal(err)
		}
		unnoticed := 0
		for at := range file {
			file[at] ^= 1 << (at % 8)
			got, err := open(file)
			file[at] ^= 1 << (at % 8)
			if err != nil {
				continue
			}
			if unnoticed++; !bytes.Equal(got, want) {
				t.Errorf("%s: a turned bit at %d gives other content", format, at)
			}
		}
		t.Logf("%s: %d of %d bytes do not matter to a reader (times, colours, free sectors)", format, unnoticed, len(file))
	}
}
