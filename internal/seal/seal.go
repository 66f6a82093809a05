package seal

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
)

// Seal is what is signed for an hour.
type Seal struct {
	Hour     audit.Hour `json:"hour"`
	Records  int        `json:"records"`
	Root     string     `json:"root"`     // of the Merkle tree over the records, in hexadecimal
	Previous string     `json:"previous"` // SHA-256 of the stored seal of the hour before; empty for the first
	Sealed   time.Time  `json:"sealed"`
}

// Signed is a seal as it is stored.
type Signed struct {
	Seal      string `json:"seal"`      // what was signed, byte by byte: the JSON of a Seal
	Signature []byte `json:"signature"` // ECDSA over P-256 of its SHA-256, in ASN.1
}

// digest is how the next seal names a stored one.
func digest(stored []byte) string {
	sum := sha256.Sum256(stored)
	return hex.EncodeToString(sum[:])
}

// parse reads a stored seal.
func parse(stored []byte) (s Seal, signed Signed, err error) {
	if err := json.Unmarshal(stored, &signed); err != nil {
		return s, signed, fmt.Errorf("a seal that cannot be read: %w", err)
	}
	if err := json.Unmarshal([]byte(signed.Seal), &s); err != nil {
		return s, signed, fmt.Errorf("a seal that cannot be read: %w", err)
	}
	return s, signed, nil
}

// by reports whether the key signed the seal.
func (s Signed) by(key *ecdsa.PublicKey) bool {
	sum := sha256.Sum256([]byte(s.Seal))
	return ecdsa.VerifyASN1(key, sum[:], s.Signature)
}

// Files keeps files that are written once.
type Files interface {
	// Put stores a file; fault.Conflict when there is one of that name.
	Put(ctx context.Context, name string, content []byte) error
	// Get reads one; fault.NotFound when there is none of that name.
	Get(ctx context.Context, name string) ([]byte, error)
	// Names yields the names that begin with prefix and sort after another, in order.
	Names(ctx context.Context, prefix, after string) iter.Seq2[string, error]
	// Rewritten yields the names that begin with prefix and were written more than
	// once, by somebody who may more than Put.
	Rewritten(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// Signer signs with a key that nobody can read.
type Signer interface {
	Sign(ctx context.Context, sum [sha256.Size]byte) (signature []byte, err error)
}

const (
	sealPrefix = "seals/"
	listPrefix = "records/"
)

func sealName(h audit.Hour) string { return sealPrefix + string(h) + ".json" }

// listName has the root in it, so that a list which was written before a failure
// never stands in the way of another one.
func listName(h audit.Hour, root string) string {
	return listPrefix + string(h) + "." + root + ".txt.gz"
}

func hourOfName(name string) (audit.Hour, bool) {
	h := audit.Hour(strings.TrimSuffix(strings.TrimPrefix(name, sealPrefix), ".json"))
	return h, name == sealName(h) && !h.Start().IsZero()
}

// Sealer makes the seals.
type Sealer struct {
	Log    audit.Written
	Files  Files
	Signer Signer
	Now    func() time.Time
}

// Grace is how long after its end an hour is sealed. Nobody who writes a record
// takes that long: functions are ended after a minute.
const Grace = 10 * time.Minute

// lookBack is how far before now the very first seal may be.
const lookBack = 14 * 24

// Run seals every hour that has ended and has no seal, oldest first, and
// returns how many. A call that ends early is continued by the next.
func (s Sealer) Run(ctx context.Context) (sealed int, err error) {
	last := audit.HourOf(s.Now().Add(-Grace)).Before()
	hour, previous, err := s.next(ctx, last)
	if err != nil {
		return 0, err
	}
	for ; hour <= last; hour = hour.Next() {
		if previous, err = s.hour(ctx, hour, previous); err != nil {
			return sealed, fmt.Errorf("seal the hour %s: %w", hour, err)
		}
		sealed++
	}
	return sealed, nil
}

// next returns the hour after the newest seal, with that seal's digest; before
// the first seal the earliest hour in which something was written.
func (s Sealer) next(ctx context.Context, last audit.Hour) (hour audit.Hour, previous string, err error) {
	newest, err := s.newest(ctx, last)
	if err != nil {
		return "", "", err
	}
	if newest != "" {
		stored, err := s.Files.Get(ctx, sealName(newest))
		return newest.Next(), digest(stored), err
	}
	hour = audit.HourOf(last.Start().Add(-lookBack * time.Hour))
	for ; hour < last; hour = hour.Next() {
		for _, err := range s.Log.InHour(ctx, hour) {
			return hour, "", err
		}
	}
	return last, "", nil
}

// newest returns the newest hour with a seal. One after the last that is due has
// none of ours: verify names it, and it must not end the sealing.
func (s Sealer) newest(ctx context.Context, last audit.Hour) (newest audit.Hour, err error) {
	// A week back is enough unless sealing has stood still for longer.
	for _, after := range []string{sealName(audit.HourOf(s.Now().AddDate(0, 0, -7))), ""} {
		for name, err := range s.Files.Names(ctx, sealPrefix, after) {
			if err != nil {
				return "", err
			}
			if h, ok := hourOfName(name); ok && h <= last {
				newest = h
			}
		}
		if newest != "" {
			return newest, nil
		}
	}
	return "", nil
}

// hour seals one hour and returns the digest of its seal. Of several at once
// one stores the seal, and the others find it.
func (s Sealer) hour(ctx context.Context, hour audit.Hour, previous string) (string, error) {
	t, err := treeOf(s.Log.InHour(ctx, hour))
	if err != nil {
		return "", err
	}
	seal := Seal{Hour: hour, Records: len(t), Root: hex.EncodeToString(t.root()), Previous: previous, Sealed: s.Now().UTC()}
	lines, err := t.lines()
	if err != nil {
		return "", err
	}
	list, err := packed(lines)
	if err != nil {
		return "", err
	}
	if err := s.Files.Put(ctx, listName(hour, seal.Root), list); err != nil && !fault.Is(err, fault.Conflict) {
		return "", err
	}
	text, err := json.Marshal(seal)
	if err != nil {
		return "", err
	}
	signature, err := s.Signer.Sign(ctx, sha256.Sum256(text))
	if err != nil {
		return "", err
	}
	stored, err := json.Marshal(Signed{string(text), signature})
	if err != nil {
		return "", err
	}
	err = s.Files.Put(ctx, sealName(hour), stored)
	if fault.Is(err, fault.Conflict) {
		return s.same(ctx, seal)
	}
	return digest(stored), err
}

// same returns the digest of the stored seal of an hour that says the same.
func (s Sealer) same(ctx context.Context, mine Seal) (string, error) {
	stored, err := s.Files.Get(ctx, sealName(mine.Hour))
	if err != nil {
		return "", err
	}
	theirs, _, err := parse(stored)
	if err != nil {
		return "", err
	}
	if theirs.Root != mine.Root || theirs.Previous != mine.Previous || theirs.Records != mine.Records || theirs.Hour != mine.Hour {
		return "", fault.New(fault.Conflict, "The hour %s is sealed already, and otherwise: %d records then, %d now. Run: bulkops audit verify", mine.Hour, theirs.Records, mine.Records)
	}
	return digest(stored), nil
}

func packed(text []byte) ([]byte, error) {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	if _, err := zip.Write(text); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxList bounds a list that is read back: some millions of records.
const maxList = 1 << 30

func unpacked(content []byte) ([]byte, error) {
	zip, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(zip, maxList))
}
