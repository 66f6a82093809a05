package seal_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"sync"
	"testing"
	"time"

	"bulkops/internal/audit"
	"bulkops/internal/memory"
	"bulkops/internal/registry"
	"bulkops/internal/seal"
)

var nine = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// signer signs with a key in memory.
type signer struct {
	key   *ecdsa.PrivateKey
	fails func() error
}

func (s signer) Sign(_ context.Context, sum [sha256.Size]byte) ([]byte, error) {
	if s.fails != nil {
		if err := s.fails(); err != nil {
			return nil, err
		}
	}
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

func (s signer) Public(context.Context) (*ecdsa.PublicKey, error) { return &s.key.PublicKey, nil }

// world is an audit log with its seals and a clock.
type world struct {
	log   *memory.Audit
	files *memory.Files
	signer
	mu  sync.Mutex
	now time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{log: memory.NewAudit(), files: memory.NewFiles(), signer: signer{key: key}, now: nine}
	w.log.Now = w.clock
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) sealer() seal.Sealer {
	return seal.Sealer{Log: w.log, Files: w.files, Signer: w.signer, Now: w.clock}
}

func (w *world) verifier() seal.Verifier {
	return seal.Verifier{Log: w.log, Files: w.files, Key: &w.key.PublicKey, Now: w.clock}
}

// run seals what is due and returns how many hours that was.
func (w *world) run(t testing.TB) int {
	t.Helper()
	n, err := w.sealer().Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// verify returns what is wrong in the hours.
func (w *world) verify(t testing.TB, from, to audit.Hour) []seal.Finding {
	t.Helper()
	r, err := w.verifier().Verify(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Findings
}

func record(n int, at time.Time) audit.Record {
	r := audit.Record{At: at, Type: audit.Change, Unique: fmt.Sprintf("%032x", n), Operation: fmt.Sprintf("OP-%06d-AAAA", n%3), Kind: "tags", Batch: 1,
		Operator: audit.Person{Sub: "s", Name: "Sam"}, Approver: audit.Person{Sub: "m", Name: "Maria"}, Reason: "<b>Insurance</b> & lapse",
		Patient: fmt.Sprintf("%06d", n), Part: registry.ProfilePart, Old: registry.Fields{"tags": "a"}, New: registry.Fields{"tags": "a b"}}
	if n%3 == 2 {
		r = audit.Record{At: at, Type: audit.Access, Unique: fmt.Sprintf("%032x", n), Operator: audit.Person{Name: "Sam"}, What: audit.Viewed, Result: audit.Done}
	}
	return r
}

// write writes n records now, and says which.
func (w *world) write(t testing.TB, from, n int) []audit.Item {
	t.Helper()
	var items []audit.Item
	for i := range n {
		r := record(from+i, w.clock().Add(time.Duration(i)*time.Second))
		item, err := r.Item(audit.HourOf(w.clock()))
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
		if err := w.log.Append(t.Context(), []audit.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

// sealedDay has seven records at 9, none at 10, five at 11 and one at 12; all
// but 12 are sealed.
func sealedDay(t *testing.T) (*world, []audit.Item) {
	w := newWorld(t)
	items := w.write(t, 0, 7)
	w.pass(2 * time.Hour)
	items = append(items, w.write(t, 100, 5)...)
	w.pass(70 * time.Minute) // 12:10
	w.write(t, 200, 1)
	if n := w.run(t); n != 3 {
		t.Fatalf("%d hours sealed, want 3", n)
	}
	if wrong := w.verify(t, "2026-12-01T09", "2026-12-01T11"); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return w, items
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	key, err := x509.MarshalPKIXPublicKey(&newWorld(t).key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
