// Package passphrase makes the passphrases that open exported files.
package passphrase

import (
	"crypto/rand"
	"strings"
)

// alphabet is Crockford's Base32 in small letters: without i, l, o and u, so
// nobody takes a letter for a digit.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const groups, groupSize = 7, 4

// New returns a passphrase of 140 random bits: seven groups of four small
// letters or digits, parted by hyphens, which are part of it.
func New() string {
	random := make([]byte, groups*groupSize)
	rand.Read(random) // never fails
	var b strings.Builder
	for i, r := range random {
		if i > 0 && i%groupSize == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[r%32]) // 256 is a multiple of 32: every character is as likely
	}
	return b.String()
}
