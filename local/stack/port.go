package stack

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// freePort returns a port nobody listens on. It is taken from below the range the kernel uses for
// outgoing connections, so it is still free when the server it is meant for starts.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if portFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port found between 20000 and 32000")
}

func portFree(port int) bool {
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

// choosePort returns the wanted port, or a free one where none is wanted. variable is what a person
// sets to change it.
func choosePort(want int, what, variable string) (int, error) {
	if want == 0 {
		return freePort()
	}
	if !portFree(want) {
		return 0, fmt.Errorf("port %d, meant for the %s, is taken by another program: stop that program or choose another port with %s=", want, what, variable)
	}
	return want, nil
}
