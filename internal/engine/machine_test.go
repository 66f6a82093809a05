package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"

	"bulkops/internal/engine"
)

// machine is the state machine as the engine sees it.
type machine struct {
	mu      sync.Mutex
	started []string
	alive   map[string]bool
	waits   map[string]bool // tokens that are waited with
	answers []string        // token and answer
}

func (m *machine) Start(_ context.Context, operation string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.started, operation) {
		m.started = append(m.started, operation)
		m.alive[operation] = true
	}
	return m.alive[operation], nil
}

func (m *machine) Succeed(_ context.Context, token string, output any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.waits[token] {
		return engine.ErrNoWait
	}
	delete(m.waits, token)
	answer := output.(engine.Answer)
	said := answer.Next
	if answer.StartAt != "" {
		said += " at " + answer.StartAt
	}
	m.answers = append(m.answers, token+": "+said)
	return nil
}

func (m *machine) Alive(_ context.Context, operation string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.alive[operation], nil
}

// errLost is an answer that never came.
var errLost = errors.New("read: connection reset by peer")
