package portal

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"bulkops/internal/fault"
)

// partBytes is how much of a large value one stored item holds: an item may
// have 400 KB, and JSON writes bytes as base64, a third longer.
const partBytes = 180 << 10

// maxStored bounds a value that is read back.
const maxStored = 32 << 20

// parts is the first item of a large value; the others follow under ids made
// of its id, the run and a number. Each time it is stored it gets a new run, so
// that a reader never mixes two versions.
type parts struct {
	Run   string `json:"run"`
	Count int    `json:"count"`
	Data  []byte `json:"data"`
}

// putLarge stores a value of any size: a hundred thousand ids, or four
// megabytes of pasted text.
func (p *portal) putLarge(ctx context.Context, kind, id string, v any, expires time.Time) error {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if err := json.NewEncoder(zip).Encode(v); err != nil {
		return fmt.Errorf("encode a %s: %w", kind, err)
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("pack a %s: %w", kind, err)
	}
	data := packed.Bytes()
	first := parts{Run: secret(), Count: 1 + (len(data)-1)/partBytes, Data: data[:min(partBytes, len(data))]}
	for n := 1; n < first.Count; n++ {
		part := parts{Data: data[n*partBytes : min((n+1)*partBytes, len(data))]}
		if err := p.Store.Put(ctx, kind, partID(id, first.Run, n), part, expires); err != nil {
			return err
		}
	}
	return p.Store.Put(ctx, kind, id, first, expires)
}

// getLarge reads a value that putLarge stored.
func (p *portal) getLarge(ctx context.Context, kind, id string, v any) error {
	var first parts
	if err := p.Store.Get(ctx, kind, id, &first, p.Now()); err != nil {
		return err
	}
	data := first.Data
	for n := 1; n < first.Count; n++ {
		var part parts
		if err := p.Store.Get(ctx, kind, partID(id, first.Run, n), &part, p.Now()); err != nil {
			return err
		}
		data = append(data, part.Data...)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fault.Wrap(err, fault.Internal, "unpack a %s", kind)
	}
	if err := json.NewDecoder(io.LimitReader(unzip, maxStored)).Decode(v); err != nil {
		return fault.Wrap(err, fault.Internal, "decode a %s", kind)
	}
	return nil
}

func partID(id, run string, n int) string { return id + "." + run + "." + strconv.Itoa(n) }
