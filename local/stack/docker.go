package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"bulkops/local/progress"
	"bulkops/local/tools"
)

// localImage stands in for the image of Lambda's runtime where none can be fetched. It holds a shell
// and what the SAM command line's own layer needs; the functions are static binaries.
const localImage = "local/provided:al2023"

// engine is a Docker engine that sam local invoke can use.
type engine struct {
	host string // as in DOCKER_HOST
	own  bool   // started here: it has the local image, and no registry to fetch another from
}

// ownBridge is the address of this machine on the network of an engine started here.
const ownBridge = "172.30.99.1/24"

// findEngine returns the machine's Docker engine or, where none answers, starts one of its own in
// the state folder. That one lives until Stop, or until this process ends.
func (s *Stack) findEngine(ctx context.Context, log io.Writer) (engine, error) {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	if pingEngine(ctx, host) == nil {
		return engine{host: host}, nil
	}
	ours := engine{host: "unix://" + filepath.Join(s.dir, "docker.sock"), own: true}
	if s.docker().pid() != 0 && pingEngine(ctx, ours.host) == nil {
		return ours, nil
	}
	if err := tools.EnsureDebian(ctx, s.root, log, tools.Docker, tools.StaticBusybox); err != nil {
		return engine{}, err
	}
	if os.Geteuid() != 0 {
		return engine{}, fmt.Errorf("no Docker engine answers at %s and only root can start one: start Docker, or set DOCKER_HOST to one that runs", host)
	}
	return ours, progress.Step(log, "start a Docker engine and make the functions' image", func() error {
		if err := s.startEngine(ctx, ours.host); err != nil {
			return err
		}
		return importImage(ctx, ours.host)
	})
}

// StopEngine ends the Docker engine that InvokeLocal has started, if it has.
func (s *Stack) StopEngine() error {
	err := s.docker().stop()
	if s.engineLock != nil {
		err = errors.Join(err, s.engineLock.Close())
		s.engineLock = nil
	}
	return err
}

func (s *Stack) docker() process { return process{"docker", s.dir} }

// startEngine runs dockerd on plain folders, which needs no kernel module, and without firewall
// rules, which would be the machine's and not the project's.
func (s *Stack) startEngine(ctx context.Context, host string) error {
	if err := s.docker().stop(); err != nil {
		return err
	}
	// Engines share the machine's one bridge, so there is one engine at a time.
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "bulkops-docker.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open the lock of the Docker engine: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("wait for another stack's Docker engine to end: %w", errors.Join(err, lock.Close()))
	}
	s.engineLock = lock
	data := filepath.Join(s.dir, "docker")
	err = s.docker().start(false, environment(), "/usr/sbin/dockerd",
		"--host", host, "--data-root", filepath.Join(data, "data"), "--exec-root", filepath.Join(data, "exec"),
		"--pidfile", filepath.Join(data, "engine.pid"), "--storage-driver", "vfs",
		"--bip", ownBridge, "--iptables=false", "--ip6tables=false", "--ip-masq=false")
	if err != nil {
		return err
	}
	return s.docker().await(ctx, func(ctx context.Context) bool { return pingEngine(ctx, host) == nil })
}

func pingEngine(ctx context.Context, host string) error {
	_, err := callEngine(ctx, host, http.MethodGet, "/_ping", nil)
	return err
}

// importImage makes the local image from Debian's static busybox: no registry, no build.
func importImage(ctx context.Context, host string) error {
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return fmt.Errorf("make the functions' image: %w", err)
	}
	var content bytes.Buffer
	files := tar.NewWriter(&content)
	write := func(header *tar.Header, body []byte) {
		header.Size = int64(len(body))
		if err == nil {
			err = files.WriteHeader(header)
		}
		if err == nil {
			_, err = files.Write(body)
		}
	}
	for _, dir := range []string{"bin/", "tmp/", "var/", "var/task/", "var/runtime/", "opt/", "usr/", "usr/local/", "usr/local/bin/"} {
		write(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o777}, nil)
	}
	write(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, busybox)
	for _, name := range []string{"sh", "mv", "chmod", "mkdir"} {
		write(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}, nil)
	}
	if err == nil {
		err = files.Close()
	}
	if err != nil {
		return fmt.Errorf("pack the functions' image: %w", err)
	}
	name, tag, _ := strings.Cut(localImage, ":")
	query := url.Values{"fromSrc": {"-"}, "repo": {name}, "tag": {tag}, "changes": {"ENV PATH=/bin:/usr/local/bin"}}
	_, err = callEngine(ctx, host, http.MethodPost, "/images/create?"+query.Encode(), &content)
	return err
}

// callEngine calls the API of a Docker engine at an address such as unix:///path or tcp://host:port.
func callEngine(ctx context.Context, host, method, path string, body io.Reader) (answer []byte, err error) {
	network, address, _ := strings.Cut(host, "://")
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call the Docker engine at %s: %w", host, err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		return nil, fmt.Errorf("read the answer of the Docker engine at %s: %w", host, err)
	}
	if response.StatusCode >= 300 || bytes.Contains(answer, []byte(`"errorDetail"`)) {
		return nil, fmt.Errorf("the Docker engine at %s refused %s: %s", host, path, answer)
	}
	return answer, nil
}
