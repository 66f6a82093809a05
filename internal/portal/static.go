package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed all:static
var staticFiles embed.FS

// contentTypes are those of the files there are: what a machine's own tables
// say of an extension differs.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".jpg": "image/jpeg", ".woff2": "font/woff2",
}

// statics serves the style sheets, the script, fonts and images. Their address
// holds a hash over all of them, so browsers may keep them for good and a new
// version is never mixed with an old one.
type statics struct {
	root   string // /static/<hash>/
	packed sync.Map
}

func newStatics() (*statics, error) {
	sum := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n", name, len(content))
		// Fonts and pictures come with a pinned package: their names and sizes do.
		if ext := path.Ext(name); ext == ".css" || ext == ".js" || ext == ".svg" {
			_, _ = sum.Write(content)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("portal: static files: %w", err)
	}
	return &statics{root: "/static/" + hex.EncodeToString(sum.Sum(nil)[:6]) + "/"}, nil
}

// address of a file such as portal.css.
func (s *statics) address(name string) string { return s.root + name }

func (s *statics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, name := r.PathValue("version"), r.PathValue("name")
	content, err := staticFiles.ReadFile("static/" + path.Clean("/" + name)[1:])
	kind := contentTypes[path.Ext(name)]
	if err != nil || kind == "" || strings.HasPrefix(path.Base(name), ".") {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	if "/static/"+version+"/" == s.root {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && !strings.HasSuffix(name, ".woff2") {
		h.Set("Content-Encoding", "gzip")
		content = s.pack(name, content)
	}
	h.Set("Content-Length", fmt.Sprint(len(content)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // nobody is there if it fails
	}
}

// pack compresses a file once.
func (s *statics) pack(name string, content []byte) []byte {
	if packed, ok := s.packed.Load(name); ok {
		return packed.([]byte)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write(content) // a bytes.Buffer takes everything
	_ = zip.Close()
	s.packed.Store(name, packed.Bytes())
	return packed.Bytes()
}
