package bulk

import "crypto/sha256"

// markSize is how many bytes of its hash stand for a subject. With 100,000
// subjects in each of two plans, the chance that any two are mistaken for each
// other is below 1 in 25,000; nothing but a warning hangs on it.
const markSize = 6

type mark [markSize]byte

func markOf(subject string) mark {
	sum := sha256.Sum256([]byte(subject))
	return mark(sum[:markSize])
}

// Subjects are the subjects of a plan in short, so that plans can be compared
// without being read: batch by batch a byte that counts those whose records are
// changed, and a mark of each.
type Subjects []byte

// With returns the subjects and those of the next batch.
func (s Subjects) With(b Batch) Subjects {
	at := len(s)
	s = append(s, 0)
	for _, c := range b.Changes {
		if len(c.Edits) > 0 {
			m := markOf(c.Subject)
			s = append(s, m[:]...)
			s[at]++
		}
	}
	return s
}

// each calls f with every mark and the number of its batch.
func (s Subjects) each(f func(batch int, m mark)) {
	for batch := 1; len(s) > 0; batch++ {
		count := int(s[0])
		s = s[1:]
		for range min(count, len(s)/markSize) {
			f(batch, mark(s[:markSize]))
			s = s[markSize:]
		}
	}
}

// Has returns a function that reports whether a subject is among them.
func (s Subjects) Has() func(subject string) bool {
	marks := s.marks()
	return func(subject string) bool { return marks[markOf(subject)] }
}

func (s Subjects) marks() map[mark]bool {
	marks := make(map[mark]bool, len(s)/markSize)
	s.each(func(_ int, m mark) { marks[m] = true })
	return marks
}

// Common counts, for each batch of s by its number, the subjects that are in t
// too.
func (s Subjects) Common(t Subjects) map[int]int {
	common := map[int]int{}
	marks := t.marks()
	s.each(func(batch int, m mark) {
		if marks[m] {
			common[batch]++
		}
	})
	return common
}
