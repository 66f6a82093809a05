package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server that a stack started: its own process group, its output in <name>.log and
// its identity in <name>.pid of the state folder. It is only ever ended by that identity.
type process struct {
	name string
	dir  string // the state folder
}

func (p process) logFile() string { return filepath.Join(p.dir, p.name+".log") }
func (p process) pidFile() string { return filepath.Join(p.dir, p.name+".pid") }

// start runs the program. A detached process lives on when this one ends; any other is killed with
// it, so a test that crashes leaves nothing behind.
func (p process) start(detach bool, env []string, program string, args ...string) error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	log, err := os.Create(p.logFile())
	if err != nil {
		return fmt.Errorf("open the log of the %s: %w", p.name, err)
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !detach {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	started := make(chan error)
	go func() {
		// Linux sends the death signal when the thread that started the child ends, so this
		// goroutine keeps its thread until the child is gone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start the %s: %w", p.name, err)
	}
	born, err := bornAt(cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("the %s ended at once; its log is %s", p.name, p.logFile())
	}
	return os.WriteFile(p.pidFile(), fmt.Appendf(nil, "%d %s\n", cmd.Process.Pid, born), 0o644)
}

// pid returns the process's id, or 0 when it is not running.
func (p process) pid() int {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return 0
	}
	id, born, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	pid, err := strconv.Atoi(id)
	if err != nil {
		return 0
	}
	// The same id with another birth is a stranger that got the number later.
	if now, err := bornAt(pid); err != nil || now != born {
		return 0
	}
	return pid
}

// stop ends the process and its children, gently first.
func (p process) stop() error {
	pid := p.pid()
	if pid == 0 {
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the %s (process %d): %w", p.name, pid, err)
		}
		for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if p.pid() == 0 {
				// Children that outlived their parent.
				_ = syscall.Kill(-pid, syscall.SIGKILL)
				return os.Remove(p.pidFile())
			}
		}
	}
	return fmt.Errorf("the %s (process %d) does not end", p.name, pid)
}

// await polls ready until it says yes. It gives up when the process dies or a minute has passed.
func (p process) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if ready(ctx) {
			return nil
		}
		if p.pid() == 0 {
			return fmt.Errorf("the %s ended while starting:\n%s", p.name, tail(p.logFile()))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the %s did not become ready: %w; its log ends with:\n%s", p.name, ctx.Err(), tail(p.logFile()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// bornAt tells when a process started, in the kernel's own counting. A zombie counts as gone.
func bornAt(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The second field is the program's name in brackets and may hold spaces.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const state, startTime = 0, 19
	if len(fields) <= startTime || fields[state] == "Z" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return fields[startTime], nil
}

func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// answers tells whether something accepts connections on a port of this machine.
func answers(ctx context.Context, port int) bool {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", loopback(port))
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
