package lambdahttp

import (
	"bytes"
	"maps"
	"net/http"
)

// Answer is a response writer that keeps the whole answer.
type Answer struct {
	header http.Header // as the handler sees it
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

// Hold returns an answer in the place of w, which nobody sees until SendTo.
func Hold(w http.ResponseWriter) *Answer { return &Answer{header: w.Header().Clone()} }

func (w *Answer) Header() http.Header { return w.header }

func (w *Answer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *Answer) Write(p []byte) (int, error) {
	if w.status == 0 {
		if w.header.Get("Content-Type") == "" {
			w.header.Set("Content-Type", http.DetectContentType(p))
		}
		w.WriteHeader(http.StatusOK)
	}
	return w.body.Write(p)
}

// Status is what the handler answered.
func (w *Answer) Status() int {
	w.WriteHeader(http.StatusOK) // for a handler that wrote nothing
	return w.status
}

// SendTo gives the answer to whom it was held back from.
func (w *Answer) SendTo(to http.ResponseWriter) {
	status, header := w.Status(), to.Header()
	clear(header)
	maps.Copy(header, w.sent)
	to.WriteHeader(status)
	_, _ = w.body.WriteTo(to) // the person may have left
}
