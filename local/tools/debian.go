package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"bulkops/local/progress"
)

// Package is a Debian package and how one sees that it is there: by a file of it, or by a program
// that may also come from elsewhere.
type Package struct {
	name string
	sign string
}

// The Debian packages. They are the only things installed outside the project's folder.
var (
	Maven         = Package{"maven", "mvn"} // fetches DynamoDB Local
	Chromium      = Package{"chromium", "/usr/bin/chromium"}
	Docker        = Package{"docker.io", "/usr/sbin/dockerd"}
	LibreOffice   = Package{"libreoffice-calc", "/usr/lib/libreoffice/program/libsclo.so"}
	UNO           = Package{"python3-uno", "/usr/lib/python3/dist-packages/uno.py"} // how a script asks LibreOffice
	SevenZip      = Package{"p7zip-full", "/usr/bin/7z"}
	StaticBusybox = Package{"busybox-static", "/var/lib/dpkg/info/busybox-static.list"} // another busybox has the same program
)

// EnsureDebian installs the packages that are missing. Without the right to install, the error is
// the command for somebody who has it.
func EnsureDebian(ctx context.Context, root string, log io.Writer, want ...Package) error {
	unlock, err := lock(root + "/.tools/debian.lock")
	if err != nil {
		return err
	}
	defer unlock()
	var missing []string
	for _, p := range want {
		_, err := os.Stat(p.sign)
		if !strings.HasPrefix(p.sign, "/") {
			_, err = exec.LookPath(p.sign)
		}
		if err != nil {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	names := strings.Join(missing, " ")
	if os.Geteuid() != 0 {
		return fmt.Errorf("packages of Debian are missing and only root may install them; run: sudo apt-get install --yes --no-install-recommends %s", names)
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("apt-get is not here: install by hand what these Debian packages hold: " + names)
	}
	return progress.Step(log, "install Debian packages "+names, func() error {
		quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
		if err := run(ctx, root, quiet, "apt-get", "update", "--quiet"); err != nil {
			return err
		}
		install := append([]string{"install", "--quiet", "--yes", "--no-install-recommends"}, missing...)
		return run(ctx, root, quiet, "apt-get", install...)
	})
}
