package storetest

import (
	"fmt"
	"sync"
	"testing"

	"bulkops/internal/bulk"
	"bulkops/internal/fault"
)

var noticeTests = []test{
	{"of twenty claims at once exactly one is stored, and all are told which", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		var held sync.Map
		parallel(20, func(i int) {
			for {
				c, err := s.Operations.Claim(t.Context(), id, 1, 0, bulk.Claim{By: fmt.Sprint("call ", i), At: noon})
				if err == nil {
					held.Store(c.By, true)
					return
				}
			}
		})
		winners := 0
		held.Range(func(any, any) bool { winners++; return true })
		same(t, "winners", winners, 1)
	}},
	{"a claim is kept with its outcome, whoever claims again", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		mine := bulk.Claim{By: "mine", At: noon}
		held, err := s.Operations.Claim(t.Context(), id, 1, 7, mine)
		must(t, "claim", err)
		same(t, "claimed", held, mine)
		held, err = s.Operations.Claim(t.Context(), id, 1, 7, mine)
		must(t, "claim again, after a lost answer", err)
		same(t, "still mine", held, mine)
		mine.Outcome = &bulk.Outcome{Subject: "fac-1", State: bulk.Failed, Code: bulk.MailRefused, Sentence: hostileNames[0], Retryable: true}
		must(t, "put", s.Operations.PutOutcome(t.Context(), id, 1, 7, mine))
		held, err = s.Operations.Claim(t.Context(), id, 1, 7, bulk.Claim{By: "another", At: noon})
		must(t, "claim", err)
		same(t, "held", held, mine)
		for _, place := range [][2]int{{1, 6}, {2, 7}} {
			held, err = s.Operations.Claim(t.Context(), id, place[0], place[1], bulk.Claim{By: "another", At: noon})
			must(t, "claim", err)
			same(t, "that of another change", held.By, "another")
		}
	}},
	{"a page of a list is written once and read back in its order", func(t *testing.T, s Stores) {
		id := create(t, s, operation("OP-000001-AAAA", noon))
		pages := [][]string{{"P2", "P1", hostileNames[3]}, {"P3"}}
		for n, page := range pages {
			must(t, "put", s.Operations.PutListed(t.Context(), id, "run", 1, n+1, page))
		}
		want(t, "put again", s.Operations.PutListed(t.Context(), id, "run", 1, 1, pages[1]), fault.Conflict)
		must(t, "put for another run", s.Operations.PutListed(t.Context(), id, "other", 1, 1, pages[1]))
		for n, page := range pages {
			got, err := s.Operations.Listed(t.Context(), id, "run", 1, n+1)
			must(t, "read", err)
			same(t, "page", got, page)
		}
		_, err := s.Operations.Listed(t.Context(), id, "run", 1, 3)
		want(t, "a page too far", err, fault.NotFound)
		_, err = s.Operations.Listed(t.Context(), id, "run", 2, 1)
		want(t, "another list", err, fault.NotFound)
	}},
}
