package memory

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"bulkops/internal/engine"
)

// ExportFiles keeps the files of exports. It implements engine.Files.
type ExportFiles struct {
	mu         sync.Mutex
	complete   map[string]exportFile
	unfinished map[string][]*fileWriter
	// Fail, when set, is asked before every call and every write: what it
	// returns is what becomes of that.
	Fail func(call string) error
	// Address is what links begin with.
	Address string
	// Lose names a call whose answer is lost: it is done, and says that it failed.
	Lose string
}

type exportFile struct {
	attempt string
	content []byte
}

var _ engine.Files = (*ExportFiles)(nil)

// NewExportFiles returns a place without files.
func NewExportFiles() *ExportFiles {
	return &ExportFiles{Address: "https://files.example", complete: map[string]exportFile{}, unfinished: map[string][]*fileWriter{}}
}

func (f *ExportFiles) fails(call string) error {
	if f.Fail == nil {
		return nil
	}
	return f.Fail(call)
}

func (f *ExportFiles) lost(call string) error {
	if f.Lose == call {
		return errors.New("read: connection reset by peer")
	}
	return nil
}

// fileWriter writes one attempt.
type fileWriter struct {
	files              *ExportFiles
	operation, attempt string
	content            bytes.Buffer
	over               bool
}

func (f *ExportFiles) Create(_ context.Context, operation, attempt string) (engine.FileWriter, error) {
	if err := f.fails("create"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.giveUp(operation)
	w := &fileWriter{files: f, operation: operation, attempt: attempt}
	f.unfinished[operation] = append(f.unfinished[operation], w)
	return w, nil
}

// giveUp ends what is unfinished of an operation's file. f.mu is held.
func (f *ExportFiles) giveUp(operation string) {
	for _, w := range f.unfinished[operation] {
		w.over = true
	}
	delete(f.unfinished, operation)
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.files.fails("write"); err != nil {
		return 0, err
	}
	w.files.mu.Lock()
	defer w.files.mu.Unlock()
	if w.over {
		return 0, fmt.Errorf("this attempt was given up")
	}
	return w.content.Write(p)
}

func (w *fileWriter) Complete() error {
	if err := w.files.fails("complete"); err != nil {
		return err
	}
	w.files.mu.Lock()
	defer w.files.mu.Unlock()
	if _, there := w.files.complete[w.operation]; there {
		return engine.ErrFileExists
	}
	if w.over {
		return fmt.Errorf("this attempt was given up")
	}
	w.files.complete[w.operation] = exportFile{w.attempt, bytes.Clone(w.content.Bytes())}
	w.end()
	return w.files.lost("complete")
}

func (w *fileWriter) Abort() error {
	w.files.mu.Lock()
	defer w.files.mu.Unlock()
	w.end()
	return nil
}

// end takes the writer out of those that are unfinished. files.mu is held.
func (w *fileWriter) end() {
	w.over = true
	rest := slices.DeleteFunc(w.files.unfinished[w.operation], func(other *fileWriter) bool { return other == w })
	if w.files.unfinished[w.operation] = rest; len(rest) == 0 {
		delete(w.files.unfinished, w.operation)
	}
}

func (f *ExportFiles) Stat(_ context.Context, operation string) (attempt string, size int64, ok bool, err error) {
	if err := f.fails("stat"); err != nil {
		return "", 0, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.complete[operation]
	return c.attempt, int64(len(c.content)), ok, nil
}

func (f *ExportFiles) Link(_ context.Context, operation string, d engine.Download) (string, error) {
	if err := f.fails("link"); err != nil {
		return "", err
	}
	return f.Address + "/" + url.PathEscape(operation) + "?as=" + url.QueryEscape(d.Name), nil
}

func (f *ExportFiles) Delete(_ context.Context, operation string) error {
	if err := f.fails("delete"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.complete, operation)
	f.giveUp(operation)
	return nil
}

// Content returns a file that is complete; nil where there is none.
func (f *ExportFiles) Content(operation string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.complete[operation].content)
}

// Unfinished counts the attempts at a file that were neither completed nor given up.
func (f *ExportFiles) Unfinished(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.unfinished[operation])
}

// Sealer seals with a key of its own. It implements engine.Sealer.
type Sealer struct {
	aead cipher.AEAD
	Fail func() error // when set, is asked before every call
}

var _ engine.Sealer = (*Sealer)(nil)

// NewSealer returns a sealer whose seals nobody else opens.
func NewSealer() *Sealer {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("memory: a key of 32 bytes always fits: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("memory: " + err.Error()) // only for another block size
	}
	return &Sealer{aead: aead}
}

func (s *Sealer) Seal(_ context.Context, operation, passphrase string) ([]byte, error) {
	if s.Fail != nil {
		if err := s.Fail(); err != nil {
			return nil, err
		}
	}
	return s.aead.Seal(nil, nil, []byte(passphrase), []byte(operation)), nil
}

func (s *Sealer) Open(_ context.Context, operation string, sealed []byte) (string, error) {
	if s.Fail != nil {
		if err := s.Fail(); err != nil {
			return "", err
		}
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(operation))
	return string(plain), err
}
