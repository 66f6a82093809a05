package seal

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/transparency-dev/merkle/proof"

	"bulkops/internal/audit"
	"bulkops/internal/fault"
)

// Proof shows, without the table, that a record was sealed: it can be checked
// years later and elsewhere. As JSON it is what bulkops audit prove prints.
type Proof struct {
	Record audit.Item `json:"record"`
	Index  int        `json:"index"` // of the record among those of its hour
	Path   []string   `json:"path"`  // hashes from the record to the root (RFC 6962, section 2.1.1)
	Signed Signed     `json:"signed"`
	Key    []byte     `json:"key"` // the public key (PKIX, DER)
}

// Prove makes the proof for the record with the name that verify and the audit
// log show.
func (v Verifier) Prove(ctx context.Context, name string) (Proof, error) {
	partition, sort, _ := strings.Cut(name, "/")
	item, err := v.Log.Item(ctx, partition, sort)
	if err != nil {
		return Proof{}, err
	}
	stored, err := v.Files.Get(ctx, sealName(item.Hour()))
	if fault.Is(err, fault.NotFound) {
		return Proof{}, fault.New(fault.NotFound, "The record was written in the hour %s, which has no seal yet. An hour is sealed 15 minutes after its end.", item.Hour())
	}
	if err != nil {
		return Proof{}, err
	}
	seal, signed, err := parse(stored)
	if err != nil {
		return Proof{}, err
	}
	sealed, err := v.list(ctx, item.Hour(), seal)
	if err != nil {
		return Proof{}, err
	}
	mine, err := leafOf(item)
	if err != nil {
		return Proof{}, err
	}
	index := slices.IndexFunc(sealed, func(l leaf) bool { return l.name() == mine.name() && bytes.Equal(l.hash, mine.hash) })
	if index < 0 {
		return Proof{}, fault.New(fault.Conflict, "The record is not as it was sealed, or was not sealed with its hour %s. Run: bulkops audit verify --from %s --to %s", item.Hour(), item.Hour(), item.Hour())
	}
	path, err := sealed.prove(index)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Record: item, Index: index, Signed: signed}
	for _, hash := range path {
		p.Path = append(p.Path, hex.EncodeToString(hash))
	}
	if p.Key, err = x509.MarshalPKIXPublicKey(v.Key); err != nil {
		return Proof{}, err
	}
	_, err = p.Check()
	return p, err
}

// Check reports whether the proof holds, and returns the seal that it leads to.
// That the key is the installation's, its reader must know: see Fingerprint.
func (p Proof) Check() (Seal, error) {
	parsed, err := x509.ParsePKIXPublicKey(p.Key)
	key, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok {
		return Seal{}, fault.New(fault.Invalid, "The proof has no key that can be read.")
	}
	var seal Seal
	if json.Unmarshal([]byte(p.Signed.Seal), &seal) != nil {
		return Seal{}, fault.New(fault.Invalid, "The proof has no seal that can be read.")
	}
	if !p.Signed.by(key) {
		return Seal{}, fault.New(fault.Conflict, "The seal is not signed with the key in the proof.")
	}
	mine, err := leafOf(p.Record)
	if err != nil {
		return Seal{}, err
	}
	root, err := hex.DecodeString(seal.Root)
	if err != nil {
		return Seal{}, fault.New(fault.Invalid, "The seal has no root.")
	}
	var path [][]byte
	for _, text := range p.Path {
		hash, err := hex.DecodeString(text)
		if err != nil {
			return Seal{}, fault.New(fault.Invalid, "The proof's path cannot be read.")
		}
		path = append(path, hash)
	}
	if p.Index < 0 || proof.VerifyInclusion(hasher, uint64(p.Index), uint64(seal.Records), mine.hash, path, root) != nil {
		return Seal{}, fault.New(fault.Conflict, "The record does not belong to the seal: it or the proof was changed.")
	}
	return seal, nil
}

// Fingerprint names a public key: SHA-256 of its PKIX form.
func Fingerprint(key []byte) string { return fmt.Sprintf("%x", sha256.Sum256(key)) }
