package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"pgregory.net/rapid"

	"bulkops/internal/audit"
)

// The leaves and roots that the tests of Certificate Transparency use.
var (
	knownLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	knownRoots  = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
)

func TestTheRootsAreThoseOfRFC6962(t *testing.T) {
	var all tree
	for n, want := range knownRoots {
		if got := hex.EncodeToString(all.root()); got != want {
			t.Errorf("the root of %d leaves is %s, want %s", n, got, want)
		}
		if n < len(knownLeaves) {
			data, err := hex.DecodeString(knownLeaves[n])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, leaf{hash: hasher.HashLeaf(data)})
		}
	}
}

// recursive is the definition of RFC 6962, section 2.1, word by word.
func recursive(leaves [][]byte) []byte {
	hash := func(parts ...[]byte) []byte {
		sum := sha256.Sum256(slices.Concat(parts...))
		return sum[:]
	}
	switch len(leaves) {
	case 0:
		return hash()
	case 1:
		return hash([]byte{0}, leaves[0])
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return hash([]byte{1}, recursive(leaves[:k]), recursive(leaves[k:]))
}

// items draws stored items with distinct keys.
func items(t *rapid.T) []audit.Item {
	n := rapid.IntRange(0, 70).Draw(t, "records")
	list := make([]audit.Item, n)
	for i := range list {
		list[i] = audit.Item{
			audit.ItemPartition: rapid.SampledFrom([]string{"OP#1", "OP#2", "HAND#x"}).Draw(t, "partition"),
			audit.ItemSort:      fmt.Sprintf("%02d#%d", rapid.IntRange(0, 5).Draw(t, "time"), i),
			"body":              rapid.String().Draw(t, "body"),
		}
	}
	return list
}

func each(list []audit.Item) func(func(audit.Item, error) bool) {
	return func(yield func(audit.Item, error) bool) {
		for _, i := range list {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// The root depends on every record and on nothing else, not on the order in
// which they are read; each has a proof; and the list of leaves gives it again.
func TestTheTreeOfAnyRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := items(t)
		all, err := treeOf(each(list))
		if err != nil {
			t.Fatal(err)
		}
		sorted := slices.Clone(list)
		slices.SortFunc(sorted, func(a, b audit.Item) int {
			return slices.Compare([]string{a[audit.ItemSort], a[audit.ItemPartition]}, []string{b[audit.ItemSort], b[audit.ItemPartition]})
		})
		var data [][]byte
		for _, i := range sorted {
			text, err := json.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, text)
		}
		root := all.root()
		if string(root) != string(recursive(data)) {
			t.Fatal("the root is not that of the definition")
		}
		shuffled, err := treeOf(each(rapid.Permutation(list).Draw(t, "order")))
		if err != nil || string(shuffled.root()) != string(root) {
			t.Fatalf("another order of reading gives another root: %v", err)
		}
		lines, err := all.lines()
		if err != nil {
			t.Fatal(err)
		}
		again, err := readLines(lines)
		if err != nil || string(again.root()) != string(root) || len(again) != len(all) {
			t.Fatalf("the list gives another root: %v", err)
		}
		if len(list) == 0 {
			return
		}
		index := rapid.IntRange(0, len(list)-1).Draw(t, "index")
		path, err := all.prove(index)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.VerifyInclusion(hasher, uint64(index), uint64(len(all)), all[index].hash, path, root); err != nil {
			t.Fatal(err)
		}
		if other := (index + 1) % len(all); other != index && proof.VerifyInclusion(hasher, uint64(other), uint64(len(all)), all[index].hash, path, root) == nil {
			t.Fatal("the proof holds for another place")
		}
		sorted[index] = audit.Item{audit.ItemPartition: sorted[index][audit.ItemPartition], audit.ItemSort: sorted[index][audit.ItemSort], "body": sorted[index]["body"] + "x"}
		changed, err := treeOf(each(sorted))
		if err != nil || string(changed.root()) == string(root) {
			t.Fatalf("a changed record leaves the root: %v", err)
		}
	})
}

func TestAListThatIsNoneIsAnError(t *testing.T) {
	for _, text := range []string{"x", `["00","a","b"]`, `["zz","a","b"]`, `{}`, "\n"} {
		if _, err := readLines([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
