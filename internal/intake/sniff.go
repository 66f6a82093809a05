package intake

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"bulkops/internal/fault"
)

// decode returns the file's text. Bytes that are not UTF-8 are left as they
// are: they matter only where they stand in an id, and separators are ASCII in
// every encoding that people send.
func decode(content []byte) (string, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return "", fault.New(fault.Invalid, "The file is empty. %s", expected)
	}
	if sentence := foreign(content); sentence != "" {
		return "", fault.New(fault.Invalid, "%s", sentence)
	}
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		content = content[3:]
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		content = fromUTF16(content[2:], binary.LittleEndian)
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		content = fromUTF16(content[2:], binary.BigEndian)
	case unmarkedUTF16(content):
		return "", fault.New(fault.Invalid, "The file is in an encoding that cannot be recognised. %s", saveAsUTF8)
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return "", fault.New(fault.Invalid, "This is not a text file. Save the list as CSV (UTF-8) and upload that.")
	}
	return string(content), nil
}

const saveWorkbook = "save it as CSV (UTF-8) and upload that."

// magic recognises files by how they begin.
var magic = []struct{ start, sentence string }{
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is an old Excel workbook, or one with a password; open it, " + saveWorkbook},
	{"%PDF", "This is a PDF document. A CSV file with the patient ids is needed."},
	{"\x89PNG", "This is a picture. A CSV file with the patient ids is needed."},
	{"\xff\xd8\xff", "This is a picture. A CSV file with the patient ids is needed."},
	{"GIF8", "This is a picture. A CSV file with the patient ids is needed."},
	{"\x1f\x8b", "This is a compressed file. Unpack it and upload the CSV file in it."},
	{"7z\xbc\xaf\x27\x1c", "This is a compressed file. Unpack it and upload the CSV file in it."},
	{"Rar!", "This is a compressed file. Unpack it and upload the CSV file in it."},
	{"{\\rtf", "This is a text document. A CSV file with the patient ids is needed."},
	{"<", "This is a web page or an XML file, even if its name ends in .csv or .xls. Open it in a spreadsheet, " + saveWorkbook},
	{"{", "This is a JSON file. A CSV file with the patient ids is needed."},
}

// foreign says what a file is that is no CSV file at all; "" for one that may be.
func foreign(content []byte) string {
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) || bytes.HasPrefix(content, []byte("PK\x05\x06")) {
		begin := content[:min(len(content), 4096)]
		switch {
		case bytes.Contains(begin, []byte("opendocument.spreadsheet")):
			return "This is a LibreOffice workbook; " + saveWorkbook
		case bytes.Contains(begin, []byte("word/")):
			return "This is a Word document. A CSV file with the patient ids is needed."
		case bytes.Contains(begin, []byte("xl/")), bytes.Contains(begin, []byte("[Content_Types].xml")):
			return "This is an Excel workbook; " + saveWorkbook
		}
		return "This is a compressed file. Unpack it and upload the CSV file in it."
	}
	begin := bytes.TrimLeft(bytes.TrimPrefix(content[:min(len(content), 512)], []byte("\xef\xbb\xbf")), " \t\r\n")
	for _, m := range magic {
		if bytes.HasPrefix(begin, []byte(m.start)) {
			return m.sentence
		}
	}
	return ""
}

// unmarkedUTF16 reports whether every second of the first bytes is zero, as
// in Western text in UTF-16.
func unmarkedUTF16(content []byte) bool {
	begin := content[:min(len(content), 512)&^1]
	var zeros [2]int
	for i, b := range begin {
		if b == 0 {
			zeros[i%2]++
		}
	}
	most := len(begin) / 2 * 3 / 4
	return most > 0 && (zeros[0] >= most && zeros[1] == 0 || zeros[1] >= most && zeros[0] == 0)
}

// fromUTF16 drops half a character at the end.
func fromUTF16(content []byte, order binary.ByteOrder) []byte {
	text := make([]byte, 0, len(content))
	for i := 0; i+1 < len(content); i += 2 {
		r := rune(order.Uint16(content[i:]))
		if utf16.IsSurrogate(r) && i+3 < len(content) {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(content[i+2:]))); pair != '\uFFFD' {
				r = pair
				i += 2
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text
}
