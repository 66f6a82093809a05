package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// StylesDir is where the portal embeds the US Web Design System from, below the project's root.
const StylesDir = "internal/portal/static/uswds"

// Files of the package's dist folder that pages name themselves.
var styleFiles = []string{
	"css/uswds.min.css",
	"js/uswds.min.js",
	"js/uswds-init.min.js",
	"img/sprite.svg",
	"img/us_flag_small.png",
}

// The photograph of a page part the portal does not have: a third of a megabyte in each function.
const unusedPhoto = "img/hero.jpg"

var cssAddress = regexp.MustCompile(`url\(["']?\.\./([^"')?#]+)["']?\)`)

// CopyStyles fills StylesDir from the installed package with the files that pages name and the
// files that those styles name. Nothing is written when the folder already has this version.
func CopyStyles(root string) error {
	dist := filepath.Join(Node.Dir(root), "node_modules", "@uswds", "uswds", "dist")
	target := filepath.Join(root, filepath.FromSlash(StylesDir))
	unlock, err := lock(filepath.Join(root, ".tools", "styles.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	version, err := os.ReadFile(filepath.Join(Node.Dir(root), "installed"))
	if err != nil {
		return fmt.Errorf("copy the portal's styles: the Node packages are not installed, run: make assets (%w)", err)
	}
	stamp := filepath.Join(target, ".version")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == string(version) {
		return nil
	}
	styles, err := os.ReadFile(filepath.Join(dist, "css", "uswds.min.css"))
	if err != nil {
		return fmt.Errorf("copy the portal's styles: %w", err)
	}
	files := slices.Clone(styleFiles)
	for _, address := range cssAddress.FindAllStringSubmatch(string(styles), -1) {
		if address[1] != unusedPhoto {
			files = append(files, address[1])
		}
	}
	for _, name := range files {
		if err := copyFile(filepath.Join(dist, filepath.FromSlash(name)), filepath.Join(target, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("copy the portal's styles: %w", err)
		}
	}
	return os.WriteFile(stamp, version, 0o644)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	// A map of the script is not shipped, so the script must not ask for it.
	if strings.HasSuffix(to, ".js") || strings.HasSuffix(to, ".css") {
		content = sourceMap.ReplaceAll(content, nil)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

var sourceMap = regexp.MustCompile(`(?m)^(//|/\*)# sourceMappingURL=.*$`)
