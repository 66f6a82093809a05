// Package seal makes a changed, removed, added or moved audit record known. For
// every hour it makes a seal: the root of a Merkle tree over the records that
// were written in that hour, tied to the seal of the hour before and signed with
// a key that signs nothing else. Seals lie where nobody can write over them.
package seal

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"bulkops/internal/audit"
)

// hasher hashes leaves and nodes apart from each other. (RFC 6962, section 2.1)
var hasher = rfc6962.DefaultHasher

// leaf is a record in the tree of its hour.
type leaf struct {
	partition, sort string
	hash            []byte
}

func (l leaf) name() string { return l.partition + "/" + l.sort }

// leafOf covers every attribute of the stored item: its JSON, as encoding/json
// writes a map of texts.
func leafOf(i audit.Item) (leaf, error) {
	data, err := json.Marshal(i)
	if err != nil {
		return leaf{}, fmt.Errorf("encode an audit record: %w", err)
	}
	return leaf{i[audit.ItemPartition], i[audit.ItemSort], hasher.HashLeaf(data)}, nil
}

// tree is the leaves of an hour in their order: by sort key, which begins with
// the time, then by partition.
type tree []leaf

func treeOf(items iter.Seq2[audit.Item, error]) (tree, error) {
	var t tree
	for i, err := range items {
		if err != nil {
			return nil, err
		}
		l, err := leafOf(i)
		if err != nil {
			return nil, err
		}
		t = append(t, l)
	}
	slices.SortFunc(t, func(a, b leaf) int {
		return cmp.Or(strings.Compare(a.sort, b.sort), strings.Compare(a.partition, b.partition))
	})
	return t, nil
}

// root is the hash over all leaves.
func (t tree) root() []byte {
	hash, _ := t.nodes(nil)
	return hash
}

// nodes computes the root and hands every inner node to visit.
func (t tree) nodes(visit compact.VisitFn) ([]byte, error) {
	if len(t) == 0 {
		return hasher.EmptyRoot(), nil
	}
	factory := compact.RangeFactory{Hash: hasher.HashChildren}
	all := factory.NewEmptyRange(0)
	for _, l := range t {
		if err := all.Append(l.hash, visit); err != nil {
			return nil, err
		}
	}
	return all.GetRootHash(visit)
}

// prove returns the hashes that lead from a leaf to the root.
func (t tree) prove(index int) ([][]byte, error) {
	path, err := proof.Inclusion(uint64(index), uint64(len(t)))
	if err != nil {
		return nil, err
	}
	wanted := map[compact.NodeID][]byte{}
	for _, id := range path.IDs {
		wanted[id] = nil
	}
	for i, l := range t {
		if id := compact.NewNodeID(0, uint64(i)); has(wanted, id) {
			wanted[id] = l.hash
		}
	}
	if _, err := t.nodes(func(id compact.NodeID, hash []byte) {
		if has(wanted, id) {
			wanted[id] = hash
		}
	}); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(path.IDs))
	for i, id := range path.IDs {
		hashes[i] = wanted[id]
	}
	return path.Rehash(hashes, hasher.HashChildren)
}

func has(m map[compact.NodeID][]byte, id compact.NodeID) bool {
	_, ok := m[id]
	return ok
}

// lines writes the leaves, one a line, as JSON: hash, partition, sort key. Kept
// beside the seal, they tell which record is not as it was.
func (t tree) lines() ([]byte, error) {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, l := range t {
		if err := lines.Encode([3]string{hex.EncodeToString(l.hash), l.partition, l.sort}); err != nil {
			return nil, fmt.Errorf("write a list of sealed records: %w", err)
		}
	}
	return b.Bytes(), nil
}

// readLines reads what lines wrote.
func readLines(text []byte) (tree, error) {
	var t tree
	for line := range bytes.Lines(text) {
		var parts [3]string
		err := json.Unmarshal(line, &parts)
		hash, also := hex.DecodeString(parts[0])
		if err != nil || also != nil || len(hash) != hasher.Size() {
			return nil, fmt.Errorf("line %d of a list of sealed records cannot be read", len(t)+1)
		}
		t = append(t, leaf{parts[1], parts[2], hash})
	}
	return t, nil
}
