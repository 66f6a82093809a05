package passphrase_test

import (
	"regexp"
	"testing"

	"bulkops/internal/export/passphrase"
)

// Seven groups of four characters, each one of 32, are 140 bits.
func TestPassphrasesAreEasyToReadOutAndNeverTheSame(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){6}$`)
	seen, letters := map[string]bool{}, map[rune]int{}
	for range 2000 {
		p := passphrase.New()
		if !shape.MatchString(p) || seen[p] {
			t.Fatalf("%q is of another shape, or came twice", p)
		}
		seen[p] = true
		for _, r := range p {
			letters[r]++
		}
	}
	// 56,000 characters, 1,750 of each: seven standard deviations are about 290.
	for r, n := range letters {
		if r != '-' && (n < 1460 || n > 2040) {
			t.Errorf("%q came %d times of 56,000", r, n)
		}
	}
	if len(letters) != 33 {
		t.Errorf("%d characters were used, want 32 and the hyphen", len(letters))
	}
}
