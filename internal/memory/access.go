package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"bulkops/internal/fault"
)

// Access keeps what expires about people at the portal: sessions, sign-ins
// under way, forms.
type Access struct {
	mu    sync.Mutex
	items map[accessKey]accessItem
}

type accessKey struct{ kind, id string }

type accessItem struct {
	text    []byte
	expires time.Time
}

// NewAccess returns an empty one.
func NewAccess() *Access { return &Access{items: map[accessKey]accessItem{}} }

// Put stores v under a kind and an id until expires, replacing what was there.
func (a *Access) Put(_ context.Context, kind, id string, v any, expires time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.put(accessKey{kind, id}, v, expires)
}

// Replace is Put where something is stored; fault.NotFound elsewhere.
func (a *Access) Replace(_ context.Context, kind, id string, v any, expires time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.items[accessKey{kind, id}]; !ok {
		return gone()
	}
	return a.put(accessKey{kind, id}, v, expires)
}

// Get reads into v what is stored; fault.NotFound when absent or expired.
func (a *Access) Get(_ context.Context, kind, id string, v any, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.get(accessKey{kind, id}, v, now)
}

// Delete removes what is stored, if anything.
func (a *Access) Delete(_ context.Context, kind, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.items, accessKey{kind, id})
	return nil
}

// Take is Get and Delete in one: of several calls at once, one succeeds.
func (a *Access) Take(_ context.Context, kind, id string, v any, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.get(accessKey{kind, id}, v, now)
	delete(a.items, accessKey{kind, id})
	return err
}

func (a *Access) put(key accessKey, v any, expires time.Time) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a %s: %w", key.kind, err)
	}
	a.items[key] = accessItem{text, expires}
	return nil
}

func (a *Access) get(key accessKey, v any, now time.Time) error {
	item, ok := a.items[key]
	if !ok || expired(item.expires, now) {
		return gone()
	}
	if err := json.Unmarshal(item.text, v); err != nil {
		return fmt.Errorf("decode a %s: %w", key.kind, err)
	}
	return nil
}

func gone() error { return fault.New(fault.NotFound, "This has expired or was never there.") }
