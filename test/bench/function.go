package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// function is the process of one Lambda function, with this program in place of Lambda: the
// function asks it for events and gives it the answers. (AWS, "Lambda runtime API")
type function struct {
	init    time.Duration // from the start of the process until it asked for its first event
	process *exec.Cmd
	server  *http.Server
	wanted  chan struct{} // it asks for an event
	events  chan []byte
	answers chan answer
	ended   chan struct{}
}

type answer struct {
	body   []byte
	failed bool
}

const runtimeAPI = "/2018-06-01/runtime/"

// startFunction runs the program in dir with the variables and waits until it asks for an event.
func startFunction(ctx context.Context, dir string, variables map[string]string) (*function, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &function{wanted: make(chan struct{}, 1), events: make(chan []byte), answers: make(chan answer, 1), ended: make(chan struct{})}
	routes := http.NewServeMux()
	routes.HandleFunc("GET "+runtimeAPI+"invocation/next", f.next)
	routes.HandleFunc("POST "+runtimeAPI+"invocation/{id}/{what}", f.take)
	f.server = &http.Server{Handler: routes}
	go func() { _ = f.server.Serve(listener) }() // until it is closed

	f.process = exec.CommandContext(ctx, "./bootstrap")
	f.process.Dir = dir
	f.process.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}
	for name, value := range variables {
		f.process.Env = append(f.process.Env, name+"="+value)
	}
	f.process.Stdout, f.process.Stderr = os.Stderr, os.Stderr // a function says only what goes wrong
	begin := time.Now()
	if err := f.process.Start(); err != nil {
		return nil, errors.Join(err, f.server.Close())
	}
	go func() {
		_ = f.process.Wait() // why it ended, it has said
		close(f.ended)
	}()
	select {
	case <-f.wanted:
		f.init = time.Since(begin)
		return f, nil
	case <-f.ended:
		return nil, errors.Join(fmt.Errorf("the function in %s ended while starting", dir), f.server.Close())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), f.stop())
	}
}

// next answers a function that asks for an event, when there is one.
func (f *function) next(w http.ResponseWriter, r *http.Request) {
	f.wanted <- struct{}{}
	select {
	case event := <-f.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(15*time.Minute).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
		_, _ = w.Write(event) // a function that has ended is noticed elsewhere
	case <-r.Context().Done():
	}
}

// take takes what became of an event.
func (f *function) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	f.answers <- answer{body, err != nil || r.PathValue("what") != "response"}
	w.WriteHeader(http.StatusAccepted)
}

// call gives the function an event and waits for its answer.
func (f *function) call(ctx context.Context, event any) ([]byte, error) {
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	select {
	case f.events <- text:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case a := <-f.answers:
		if a.failed {
			return nil, fmt.Errorf("the function failed: %s", a.body)
		}
		return a.body, nil
	case <-f.ended:
		return nil, errors.New("the function ended")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// peak is the most memory that the process has had at a time, in MiB: its peak resident set.
func (f *function) peak() (float64, error) {
	var kB float64
	text := value(fmt.Sprintf("/proc/%d/status", f.process.Process.Pid), "VmHWM")
	if _, err := fmt.Sscanf(text, "%f kB", &kB); err != nil {
		return 0, fmt.Errorf("read the peak memory from %q: %w", text, err)
	}
	return kB / 1024, nil
}

func (f *function) stop() error {
	err := f.process.Process.Signal(syscall.SIGKILL)
	<-f.ended
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return errors.Join(err, f.server.Close())
}

// lambdaVariables are those that Lambda sets itself, for a client of the store at url.
func lambdaVariables(name, url string) map[string]string {
	return map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_LOG_FORMAT": "JSON", "_HANDLER": "bootstrap", "TZ": ":UTC", "PATH": os.Getenv("PATH"),
		"HOME": strings.TrimSuffix(os.TempDir(), "/"), // no profile of the machine's user
	}
}
