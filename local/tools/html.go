package tools

import (
	"context"
	"path/filepath"
)

// ValidatePages checks every page (*.html) in a folder against the HTML standard. The error lists
// what is wrong and where.
func ValidatePages(ctx context.Context, root, dir string) error {
	return run(ctx, dir, nil, filepath.Join(Node.Dir(root), "node_modules", ".bin", "html-validate"),
		"--config", filepath.Join(root, "local", "tools", "htmlvalidate.json"), "--ext", "html", dir)
}
