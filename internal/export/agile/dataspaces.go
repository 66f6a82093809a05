package agile

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// The streams below say in the way of [MS-OFFCRYPTO] 2.1 and 2.2 that one
// stream is encrypted, and which. They are the same in every file.

// versions are the versions of reader, updater and writer: 1.0 each.
var versions = []byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}

func versionStream() []byte {
	return slices.Concat(text("Microsoft.Container.DataSpaces"), versions)
}

func mapStream() []byte {
	what := slices.Concat(number(1), number(0), text("EncryptedPackage"), text("StrongEncryptionDataSpace"))
	return slices.Concat(number(8), number(1), number(uint32(4+len(what))), what)
}

func definitionStream() []byte {
	return slices.Concat(number(8), number(1), text("StrongEncryptionTransform"))
}

func primaryStream() []byte {
	id := text("{FF9A3F03-56EF-4613-BDD5-5A41C1D07246}")
	return slices.Concat(number(uint32(8+len(id))), number(1), id, text("Microsoft.Container.EncryptionTransform"), versions,
		number(0), number(0), number(0), number(4))
}

func number(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// text is a text in UTF-16 with its length before it, filled up to four bytes.
func text(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return slices.Concat(number(uint32(len(b))), b, padding(uint64(len(b)), 4))
}
