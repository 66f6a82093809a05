package stack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gone reports whether a process has ended within a second or two.
func gone(pid int) bool {
	for range 100 {
		if _, err := bornAt(pid); err != nil {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

func TestStopEndsAProcessAndItsChildren(t *testing.T) {
	server := process{"server", t.TempDir()}
	if err := server.start(false, os.Environ(), "sh", "-c", "sleep 60 & echo $!; wait"); err != nil {
		t.Fatal(err)
	}
	pid := server.pid()
	var child int
	if err := server.await(t.Context(), func(context.Context) bool {
		text, _ := os.ReadFile(server.logFile())
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return child != 0
	}); err != nil {
		t.Fatal(err)
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
	if server.pid() != 0 || !gone(pid) || !gone(child) {
		t.Errorf("after stop: pid file says %d, process ended %v, child ended %v", server.pid(), gone(pid), gone(child))
	}
	if err := server.stop(); err != nil {
		t.Errorf("stopping what does not run: %v", err)
	}
}

func TestAStrangerWithTheSameNumberIsLeftAlone(t *testing.T) {
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	server := process{"server", t.TempDir()}
	if err := os.WriteFile(server.pidFile(), fmt.Appendf(nil, "%d 1\n", stranger.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := bornAt(stranger.Process.Pid); err != nil {
		t.Error("stop ended a process that is not the server's")
	}
}

func TestAwaitSaysWhyAServerDidNotStart(t *testing.T) {
	server := process{"server", t.TempDir()}
	if err := server.start(false, os.Environ(), "sh", "-c", "echo the disk is full; sleep 0.2; exit 1"); err != nil {
		t.Fatal(err)
	}
	err := server.await(t.Context(), func(context.Context) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("error is %v; it must hold what the server printed", err)
	}
}

// A test that is killed leaves no servers behind.
func TestServersDieWithTheProcessThatStartedThem(t *testing.T) {
	if dir := os.Getenv("BULKOPS_TEST_PARENT"); dir != "" {
		if err := (process{"server", dir}).start(false, os.Environ(), "sleep", "60"); err != nil {
			t.Fatal(err)
		}
		fmt.Println("started")
		time.Sleep(time.Minute)
	}
	dir := t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	parent.Env = append(os.Environ(), "BULKOPS_TEST_PARENT="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "started\n" {
		t.Fatalf("the parent printed %q: %v", line, err)
	}
	pid := process{"server", dir}.pid()
	if pid == 0 {
		t.Fatal("the server does not run")
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if !gone(pid) {
		t.Errorf("the server outlived its parent; its log is %s", filepath.Join(dir, "server.log"))
	}
}

func TestATakenPortIsNamedWithTheWayOut(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	server := process{"server", t.TempDir()}
	if err := server.start(false, os.Environ(), "python3", "-m", "http.server", "--bind", "127.0.0.1", strconv.Itoa(port)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.stop() }()
	if err := server.await(t.Context(), func(ctx context.Context) bool { return answers(ctx, port) }); err != nil {
		t.Fatal(err)
	}
	_, err = choosePort(port, "mailbox's page", "MAIL_PORT")
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(port)) || !strings.Contains(err.Error(), "MAIL_PORT=") {
		t.Errorf("error is %v; it must name the port and the variable that changes it", err)
	}
}
