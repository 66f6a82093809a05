package tools

import (
	"context"
	"fmt"
	"path/filepath"
)

// ValidatePages checks every page (*.html) in a folder against the HTML standard. The error lists
// what is wrong and where. The rules, and why some of them are relaxed, are in htmlvalidate.mjs.
func ValidatePages(ctx context.Context, root, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		return fmt.Errorf("list the pages to check: %w", err)
	}
	script := filepath.Join(root, "local", "tools", "htmlvalidate.mjs")
	return run(ctx, dir, nil, "node", append([]string{script, Node.Dir(root)}, files...)...)
}
