package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// gatewayForContainers returns the gateway's address as a container of the engine sees it. The
// gateway listens only to this machine itself, so for an engine on this machine its port is opened
// on the containers' network too, until close is called.
func (s *Stack) gatewayForContainers(ctx context.Context, docker engine) (address string, close func(), err error) {
	gateway, err := url.Parse(s.GatewayURL)
	if err != nil {
		return "", nil, fmt.Errorf("read the gateway's address: %w", err)
	}
	answer, err := callEngine(ctx, docker.host, http.MethodGet, "/networks/bridge", nil)
	if err != nil {
		return "", nil, err
	}
	var network struct {
		IPAM struct{ Config []struct{ Gateway string } }
	}
	if err := json.Unmarshal(answer, &network); err != nil {
		return "", nil, fmt.Errorf("read the network of the Docker engine at %s: %w", docker.host, err)
	}
	for _, config := range network.IPAM.Config {
		if listener, err := net.Listen("tcp", net.JoinHostPort(config.Gateway, gateway.Port())); config.Gateway != "" && err == nil {
			go forward(listener, gateway.Host)
			return "http://" + listener.Addr().String(), func() { listener.Close() }, nil
		}
	}
	// An engine in a machine of its own, as Docker Desktop has it, offers this name for its host.
	return "http://host.docker.internal:" + gateway.Port(), func() {}, nil
}

// forward passes every connection on to target until the listener is closed.
func forward(listener net.Listener, target string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			to, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer to.Close()
			var both sync.WaitGroup
			both.Go(func() { pass(to, from) })
			both.Go(func() { pass(from, to) })
			both.Wait()
		}()
	}
}

// pass copies until the reading side ends and then tells the writing side. A broken connection is
// seen by whoever uses it.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if connection, ok := to.(*net.TCPConn); ok {
		_ = connection.CloseWrite()
	}
}
