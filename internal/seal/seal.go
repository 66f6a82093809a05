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
	Public(ctx context.Context) (*ecdsa.PublicKey, error)
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
	hours, begins, err := s.due(ctx)
	if err != nil {
		return 0, err
	}
	for n, hour := range hours {
		previous := ""
		if n > 0 || !begins {
			stored, err := s.Files.Get(ctx, sealName(hour.Before()))
			if err != nil {
				return sealed, fmt.Errorf("read the seal before the hour %s: %w", hour, err)
			}
			previous = digest(stored)
		}
		if err := s.hour(ctx, hour, previous); err != nil {
			return sealed, fmt.Errorf("seal the hour %s: %w", hour, err)
		}
		sealed++
	}
	return sealed, nil
}

// due returns the hours to seal: those since the first seal that the key has
// signed that have no file under their name, and where there is no such seal, all
// from the earliest in which something was written; begins says so. A file that is
// no seal stands in the way of its own hour, which verify names, and of no other.
func (s Sealer) due(ctx context.Context) (hours []audit.Hour, begins bool, err error) {
	last := audit.HourOf(s.Now().Add(-Grace)).Before()
	key, err := s.Signer.Public(ctx)
	if err != nil {
		return nil, false, err
	}
	first, there := audit.Hour(""), map[audit.Hour]bool{}
	// A week back is enough unless sealing has stood still for longer.
	for _, after := range []string{sealName(audit.HourOf(s.Now().AddDate(0, 0, -7))), ""} {
		if first, there, err = s.sealed(ctx, after, key); err != nil {
			return nil, false, err
		}
		if first != "" {
			break
		}
	}
	if begins = first == ""; begins {
		if first, err = s.earliest(ctx, last); err != nil {
			return nil, false, err
		}
	}
	for hour := first; hour <= last; hour = hour.Next() {
		if !there[hour] {
			hours = append(hours, hour)
		}
	}
	return hours, begins && len(hours) > 0 && hours[0] == first, nil
}

// sealed returns the hours after a name under whose names there is something, and
// the first of them whose seal the key has signed.
func (s Sealer) sealed(ctx context.Context, after string, key *ecdsa.PublicKey) (first audit.Hour, there map[audit.Hour]bool, err error) {
	there = map[audit.Hour]bool{}
	for name, err := range s.Files.Names(ctx, sealPrefix, after) {
		if err != nil {
			return "", nil, err
		}
		hour, named := hourOfName(name)
		if !named {
			continue
		}
		there[hour] = true
		if first != "" {
			continue
		}
		stored, err := s.Files.Get(ctx, name)
		if err != nil {
			return "", nil, err
		}
		if seal, signed, err := parse(stored); err == nil && signed.by(key) && seal.Hour == hour {
			first = hour
		}
	}
	return first, there, nil
}

// earliest is the first hour in which something was written, the last that is
// due where nothing was.
func (s Sealer) earliest(ctx context.Context, last audit.Hour) (audit.Hour, error) {
	for hour := audit.HourOf(last.Start().Add(-lookBack * time.Hour)); hour < last; hour = hour.Next() {
		for _, err := range s.Log.InHour(ctx, hour) {
			return hour, err
		}
	}
	return last, nil
}

// hour seals one hour. Of several at once one stores the seal, and the others
// find it.
func (s Sealer) hour(ctx context.Context, hour audit.Hour, previous string) error {
	t, err := treeOf(s.Log.InHour(ctx, hour))
	if err != nil {
		return err
	}
	seal := Seal{Hour: hour, Records: len(t), Root: hex.EncodeToString(t.root()), Previous: previous, Sealed: s.Now().UTC()}
	lines, err := t.lines()
	if err != nil {
		return err
	}
	list, err := packed(lines)
	if err != nil {
		return err
	}
	if err := s.Files.Put(ctx, listName(hour, seal.Root), list); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	text, err := json.Marshal(seal)
	if err != nil {
		return err
	}
	signature, err := s.Signer.Sign(ctx, sha256.Sum256(text))
	if err != nil {
		return err
	}
	stored, err := json.Marshal(Signed{string(text), signature})
	if err != nil {
		return err
	}
	err = s.Files.Put(ctx, sealName(hour), stored)
	if fault.Is(err, fault.Conflict) {
		return s.same(ctx, seal)
	}
	return err
}

// same reports an hour of which the stored seal says something else.
func (s Sealer) same(ctx context.Context, mine Seal) error {
	stored, err := s.Files.Get(ctx, sealName(mine.Hour))
	if err != nil {
		return err
	}
	theirs, _, err := parse(stored)
	if err != nil {
		return err
	}
	if theirs.Root != mine.Root || theirs.Previous != mine.Previous || theirs.Records != mine.Records || theirs.Hour != mine.Hour {
		return fault.New(fault.Conflict, "The hour %s is sealed already, and otherwise: %d records then, %d now. Run: bulkops audit verify", mine.Hour, theirs.Records, mine.Records)
	}
	return nil
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
