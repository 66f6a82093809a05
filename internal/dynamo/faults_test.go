package dynamo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bulkops/internal/bulk"
	"bulkops/internal/engine"
	"bulkops/internal/fault"
	"bulkops/internal/registry"
	"bulkops/internal/storetest"
)

// network stands between a client and DynamoDB Local and spoils chosen calls.
type network struct {
	mu    sync.Mutex
	calls map[string]int
	spoil func(action string, call int, r *http.Request) (*http.Response, error)
}

// Do implements the SDK's HTTP client.
func (n *network) Do(r *http.Request) (*http.Response, error) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	n.mu.Lock()
	n.calls[action]++
	call := n.calls[action]
	n.mu.Unlock()
	if response, err := n.spoil(action, call, r); response != nil || err != nil {
		return response, err
	}
	return http.DefaultClient.Do(r)
}

var errCut = errors.New("connection reset by peer")

// cutAfter loses the answer: DynamoDB has done the work.
func cutAfter(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body) // whatever there is of it is lost
		response.Body.Close()
	}
	return nil, errCut
}

// answer is what DynamoDB says when it refuses.
func answer(status int, code string) (*http.Response, error) {
	body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"as the test wishes"}`, code)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// spoiled opens stores whose calls of the action are spoiled; the first n of them.
func spoiled(t *testing.T, action string, n int, how func(*http.Request) (*http.Response, error)) (storetest.Stores, *network) {
	net := &network{calls: map[string]int{}, spoil: func(a string, call int, r *http.Request) (*http.Response, error) {
		if a == action && call <= n {
			return how(r)
		}
		return nil, nil
	}}
	client, tables := open(t, dynamoDBLocal, func(c *aws.Config) { c.HTTPClient = net })
	return stores(client, tables), net
}

const forever = 1 << 30

func onePatient(t *testing.T, s storetest.Stores) (engine.Group, registry.Ref) {
	t.Helper()
	p := typicalPatient(1)
	check(t, s.Registry.PutRecords(t.Context(), []registry.Record{p}))
	change := bulk.Change{Subject: p.Ref.Patient, Edits: []bulk.Edit{{Ref: p.Ref,
		Before: registry.Fields{registry.StatusField: "Active"}, After: registry.Fields{registry.StatusField: "On Hold"}}}}
	return engine.Group{Operation: "OP-000001-AAAA", Changes: []bulk.Change{change}, Result: bulk.Result{Batch: 1}, Tally: bulk.Tally{Done: 1},
		Stamp: registry.Stamp{Operation: "OP-000001-AAAA", Batch: 1, By: "Ada", At: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}}, p.Ref
}

func TestACommitWhoseAnswerIsLostIsUnknownAndThenFoundRecorded(t *testing.T) {
	s, net := spoiled(t, "TransactWriteItems", 1, cutAfter)
	g, ref := onePatient(t, s)
	err := s.Operations.CommitGroup(t.Context(), g)
	if refusal := (*engine.Refusal)(nil); err == nil || fault.Is(err, fault.Busy) || errors.Is(err, engine.ErrRecorded) || errors.As(err, &refusal) {
		t.Fatalf("a lost answer says nothing about the outcome, got %v", err)
	}
	if net.calls["TransactWriteItems"] != 1 {
		t.Errorf("tried %d times, want once: the engine decides", net.calls["TransactWriteItems"])
	}
	records, err := s.Registry.Records(t.Context(), []registry.Ref{ref})
	check(t, err)
	if records[ref].Get(registry.StatusField) != "On Hold" {
		t.Fatal("the test did not lose the answer of a commit")
	}
	if err := s.Operations.CommitGroup(t.Context(), g); !errors.Is(err, engine.ErrRecorded) {
		t.Errorf("again: got %v, want ErrRecorded", err)
	}
}

func TestACommitThatDynamoDBThrottlesIsBusyAndWritesNothing(t *testing.T) {
	for _, code := range []string{"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"} {
		s, _ := spoiled(t, "TransactWriteItems", 1, func(*http.Request) (*http.Response, error) { return answer(400, code) })
		g, _ := onePatient(t, s)
		if err := s.Operations.CommitGroup(t.Context(), g); !fault.Is(err, fault.Busy) {
			t.Errorf("%s: got %v, want Busy", code, err)
		}
		check(t, s.Operations.CommitGroup(t.Context(), g))
	}
}

func TestACommitThatFailsInsideDynamoDBIsUnknown(t *testing.T) {
	s, _ := spoiled(t, "TransactWriteItems", 1, func(*http.Request) (*http.Response, error) { return answer(500, "InternalServerError") })
	g, _ := onePatient(t, s)
	if err := s.Operations.CommitGroup(t.Context(), g); err == nil || fault.Is(err, fault.Busy) {
		t.Errorf("got %v, want an error that is not Busy", err)
	}
}

func TestARequestThatIsOurMistakeIsInternal(t *testing.T) {
	for _, code := range []string{"IdempotentParameterMismatchException", "ValidationException", "AccessDeniedException"} {
		s, _ := spoiled(t, "TransactWriteItems", 1, func(*http.Request) (*http.Response, error) { return answer(400, code) })
		g, _ := onePatient(t, s)
		err := s.Operations.CommitGroup(t.Context(), g)
		if f := (*fault.Error)(nil); !errors.As(err, &f) || f.Code != fault.Internal {
			t.Errorf("%s: got %v, want the fault internal", code, err)
		}
	}
}

// A header is written once although answers are lost, because every try
// carries the token of the first.
func TestAnUpdateWhoseAnswersAreLostIsMadeOnce(t *testing.T) {
	s, net := spoiled(t, "TransactWriteItems", 4, cutAfter)
	op := bulk.Operation{ID: "OP-000001-AAAA", State: bulk.Planning, Kind: "status-change", Requester: bulk.Person{Sub: "ada"}}
	existing, err := s.Operations.Create(t.Context(), op, bulk.Selection{IDs: []string{"1"}}, "key", bulk.Event{What: "requested"})
	if err != nil || existing != "" {
		t.Fatalf("create: %q, %v", existing, err)
	}
	net.mu.Lock()
	net.calls["TransactWriteItems"] = 0
	net.mu.Unlock()
	op.Version, op.State = 1, bulk.Ready
	check(t, s.Operations.Update(t.Context(), op, bulk.Event{What: "planned"}))
	got, err := s.Operations.Operation(t.Context(), op.ID)
	check(t, err)
	events, err := s.Operations.Events(t.Context(), op.ID)
	check(t, err)
	if got.Version != 2 || len(events) != 2 {
		t.Errorf("version %d, %d events", got.Version, len(events))
	}
}

func TestAnUpdateThatIsNeverAnsweredSaysNothingOfTheOutcome(t *testing.T) {
	s, net := spoiled(t, "TransactWriteItems", 0, nil)
	op := bulk.Operation{ID: "OP-000001-AAAA", State: bulk.Planning, Requester: bulk.Person{Sub: "ada"}}
	_, err := s.Operations.Create(t.Context(), op, bulk.Selection{IDs: []string{"1"}}, "key", bulk.Event{What: "requested"})
	check(t, err)
	first := true
	net.spoil = func(action string, _ int, r *http.Request) (*http.Response, error) {
		if action == "TransactWriteItems" && first {
			first = false
			return cutAfter(r)
		}
		if action == "TransactWriteItems" {
			return answer(400, "ThrottlingException") // writes nothing, but what the first did is not known
		}
		return nil, nil
	}
	op.Version = 1
	if err := s.Operations.Update(t.Context(), op, bulk.Event{What: "planned"}); err == nil || fault.Is(err, fault.Busy) || fault.Is(err, fault.Conflict) {
		t.Errorf("got %v, want an error that claims nothing", err)
	}
}

func TestAPartOfAPlanIsStoredAlthoughItsAnswerIsLost(t *testing.T) {
	s, _ := spoiled(t, "PutItem", 1, cutAfter)
	check(t, s.Operations.PutBatch(t.Context(), "OP-000001-AAAA", "run", bulk.Batch{Number: 1}))
	if err := s.Operations.PutBatch(t.Context(), "OP-000001-AAAA", "run", bulk.Batch{Number: 1}); !fault.Is(err, fault.Conflict) {
		t.Errorf("again: got %v, want a conflict", err)
	}
}

func TestReadsWaitForABusyDatabaseAndThenSaySo(t *testing.T) {
	s, _ := spoiled(t, "GetItem", 2, func(*http.Request) (*http.Response, error) { return answer(400, "ThrottlingException") })
	if _, err := s.Operations.Operation(t.Context(), "OP-000001-AAAA"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after two refusals: got %v, want the answer", err)
	}
	s, _ = spoiled(t, "GetItem", forever, func(*http.Request) (*http.Response, error) { return nil, errCut })
	if _, err := s.Operations.Operation(t.Context(), "OP-000001-AAAA"); !fault.Is(err, fault.Busy) {
		t.Errorf("with the line cut: got %v, want Busy", err)
	}
}

// DynamoDB may answer 200 and leave a part of a batch undone.
func TestWhatABatchLeavesUndoneIsDoneAgain(t *testing.T) {
	const records, atATime = 60, 7
	client, tables := open(t, dynamoDBLocal, func(c *aws.Config) {
		c.HTTPClient = &network{calls: map[string]int{}, spoil: func(action string, _ int, r *http.Request) (*http.Response, error) {
			if action == "BatchGetItem" || action == "BatchWriteItem" {
				return partly(r, action == "BatchGetItem", atATime)
			}
			return nil, nil
		}}
	})
	s := stores(client, tables)
	var put []registry.Record
	var ids []string
	for n := range records {
		put = append(put, typicalPatient(n))
		ids = append(ids, put[n].Ref.Patient)
	}
	check(t, s.Registry.PutRecords(t.Context(), put))
	found, err := s.Registry.Patients(t.Context(), ids)
	check(t, err)
	if len(found) != records {
		t.Errorf("%d of %d patients were stored and read", len(found), records)
	}
}

func TestABatchThatNeverProceedsIsBusy(t *testing.T) {
	client, tables := open(t, dynamoDBLocal, func(c *aws.Config) {
		c.HTTPClient = &network{calls: map[string]int{}, spoil: func(action string, _ int, r *http.Request) (*http.Response, error) {
			if action == "BatchWriteItem" {
				return partly(r, false, 0)
			}
			return nil, nil
		}}
	})
	if err := stores(client, tables).Registry.PutRecords(t.Context(), []registry.Record{typicalPatient(1)}); !fault.Is(err, fault.Busy) {
		t.Errorf("got %v, want Busy", err)
	}
}

// partly forwards the first n parts of a batch and answers that the others are
// unprocessed.
func partly(r *http.Request, read bool, n int) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var request map[string]any
	if err := json.Unmarshal(text, &request); err != nil {
		return nil, err
	}
	left := map[string]any{}
	total := 0
	tables := request["RequestItems"].(map[string]any)
	for table, v := range tables {
		if read {
			keys := v.(map[string]any)["Keys"].([]any)
			total = len(keys)
			v.(map[string]any)["Keys"] = keys[:min(n, total)]
			left[table] = map[string]any{"Keys": keys[min(n, total):]}
		} else {
			writes := v.([]any)
			total = len(writes)
			tables[table] = writes[:min(n, total)]
			left[table] = writes[min(n, total):]
		}
	}
	response := map[string]any{}
	if n > 0 {
		body, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		forward := r.Clone(r.Context())
		forward.Body, forward.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		got, err := http.DefaultClient.Do(forward)
		if err != nil {
			return nil, err
		}
		defer got.Body.Close()
		if err := json.NewDecoder(got.Body).Decode(&response); err != nil {
			return nil, err
		}
	}
	if total > n {
		response[map[bool]string{true: "UnprocessedKeys", false: "UnprocessedItems"}[read]] = left
	}
	body, err := json.Marshal(response)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}
