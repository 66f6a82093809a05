package memory

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"bulkops/internal/fault"
)

// Files keeps files that are written once.
type Files struct {
	mu        sync.Mutex
	files     map[string][]byte
	rewritten map[string]bool
}

// NewFiles returns an empty one.
func NewFiles() *Files { return &Files{files: map[string][]byte{}, rewritten: map[string]bool{}} }

// Put stores a file; fault.Conflict when there is one of that name.
func (f *Files) Put(_ context.Context, name string, content []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.files[name]; there {
		return fault.New(fault.Conflict, "There is a file of this name.")
	}
	f.files[name] = bytes.Clone(content)
	return nil
}

// Get reads a file; fault.NotFound when there is none of that name.
func (f *Files) Get(_ context.Context, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, there := f.files[name]
	if !there {
		return nil, fault.New(fault.NotFound, "There is no file of this name.")
	}
	return bytes.Clone(content), nil
}

// Delete removes a file; one that is not there is no error.
func (f *Files) Delete(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.files, name)
	return nil
}

// Rewrite replaces a file as somebody does who may everything; nil takes it away.
func (f *Files) Rewrite(name string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rewritten[name] = true
	f.files[name] = bytes.Clone(content)
	if content == nil {
		delete(f.files, name)
	}
}

// Names yields the names that begin with prefix and sort after another, in order.
func (f *Files) Names(_ context.Context, prefix, after string) iter.Seq2[string, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	return namesAfter(slices.Sorted(maps.Keys(f.files)), prefix, after)
}

// Rewritten yields the names that begin with prefix and were rewritten.
func (f *Files) Rewritten(_ context.Context, prefix string) iter.Seq2[string, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	return namesAfter(slices.Sorted(maps.Keys(f.rewritten)), prefix, "")
}

func namesAfter(names []string, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if strings.HasPrefix(name, prefix) && name > after && !yield(name, nil) {
				return
			}
		}
	}
}
