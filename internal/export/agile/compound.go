package agile

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
)

// The compound file, [MS-CFB]. Its order here: header, encrypted document,
// small streams, their table, directory, sector table (FAT), list of the sector
// table (DIFAT). So everything is known when it is written.
const (
	sectorSize     = 512
	miniSectorSize = 64
	miniCutoff     = 4096 // smaller streams lie in the mini stream
	entrySize      = 128
	inSector       = sectorSize / 4 // numbers in a sector of a table
	inHeader       = 109            // sectors of the FAT that the header lists

	free       = 0xffffffff
	endOfChain = 0xfffffffe
	fatSector  = 0xfffffffd
	difSector  = 0xfffffffc
	none       = 0xffffffff
)

// entry is one line of the directory. left, right and child make a search tree
// of the names in one storage: shorter first, then by letter.
type entry struct {
	name               string
	kind               byte // 1 storage, 2 stream, 5 root
	red                bool
	left, right, child uint32
	content            []byte // of a small stream
	start              uint32
	size               uint64
}

// The places in the directory.
const (
	root = iota
	encryptedPackage
	dataSpaces
	encryptionInfo
	dataSpaceVersion
	dataSpaceMap
	dataSpaceInfo
	strongDataSpace
	transformInfo
	strongTransform
	primary
	unused
	entries
)

func newDirectory() [entries]entry {
	return [entries]entry{
		root:             {name: "Root Entry", kind: 5, left: none, right: none, child: encryptionInfo},
		encryptedPackage: {name: "EncryptedPackage", kind: 2, left: none, right: none, child: none},
		dataSpaces:       {name: "\x06DataSpaces", kind: 1, left: none, right: none, child: dataSpaceMap},
		encryptionInfo:   {name: "EncryptionInfo", kind: 2, left: dataSpaces, right: encryptedPackage, child: none},
		dataSpaceVersion: {name: "Version", kind: 2, left: none, right: none, child: none, content: versionStream()},
		dataSpaceMap:     {name: "DataSpaceMap", kind: 2, left: dataSpaceVersion, right: dataSpaceInfo, child: none, content: mapStream()},
		dataSpaceInfo:    {name: "DataSpaceInfo", kind: 1, left: none, right: transformInfo, child: strongDataSpace},
		strongDataSpace:  {name: "StrongEncryptionDataSpace", kind: 2, left: none, right: none, child: none, content: definitionStream()},
		transformInfo:    {name: "TransformInfo", kind: 1, red: true, left: none, right: none, child: strongTransform},
		strongTransform:  {name: "StrongEncryptionTransform", kind: 1, left: none, right: none, child: primary},
		primary:          {name: "\x06Primary", kind: 2, left: none, right: none, child: none, content: primaryStream()},
		unused:           {left: none, right: none, child: none},
	}
}

// parts are what differs from file to file. info is asked for when the document
// has been read.
type parts struct {
	document               io.Reader
	info                   func() []byte
	documentSize, infoSize uint64
}

// writeCompound writes a compound file.
func writeCompound(w io.Writer, p parts) error {
	directory := newDirectory()
	size := p.documentSize
	directory[encryptedPackage].size = size

	// Sizes first: the header stands before everything.
	var whole, small uint64
	if size < miniCutoff {
		small = mini(size)
	} else {
		whole = sectors(size)
	}
	for _, e := range directory {
		small += mini(uint64(len(e.content)))
	}
	small += mini(p.infoSize)
	l := newLayout(whole, small)
	if err := write(w, l.header()); err != nil {
		return err
	}

	var miniStream []byte
	if size < miniCutoff {
		content, err := io.ReadAll(p.document)
		if err != nil {
			return fmt.Errorf("read the encrypted document back: %w", err)
		}
		directory[encryptedPackage].content = content
	} else {
		n, err := io.Copy(w, p.document)
		if err == nil && uint64(n) != size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("copy the encrypted document: %w", err)
		}
		if err := write(w, padding(size, sectorSize)); err != nil {
			return err
		}
	}
	directory[encryptionInfo].content = p.info()
	var miniTable []byte
	for i := range directory {
		e := &directory[i]
		if e.content == nil {
			continue
		}
		e.start, e.size = uint32(len(miniStream)/miniSectorSize), uint64(len(e.content))
		miniStream = append(append(miniStream, e.content...), padding(e.size, miniSectorSize)...)
		miniTable = chain(miniTable, e.start, uint32(mini(e.size)))
	}
	directory[root].start, directory[root].size = l.miniStream, uint64(len(miniStream))
	for len(miniTable)%sectorSize != 0 {
		miniTable = binary.LittleEndian.AppendUint32(miniTable, free)
	}
	end := [][]byte{miniStream, padding(uint64(len(miniStream)), sectorSize), miniTable}
	for _, e := range directory {
		end = append(end, e.bytes())
	}
	if err := write(w, end...); err != nil {
		return err
	}
	return l.tables(w)
}

// layout says which sectors hold what.
type layout struct {
	miniStream, miniTable, directory, fat, difat, end uint32 // first sectors; the document begins at 0
}

// newLayout lays out a document of so many sectors, with so many small sectors.
func newLayout(document, small uint64) layout {
	var l layout
	l.miniStream = uint32(document)
	l.miniTable = l.miniStream + uint32(sectors(small*miniSectorSize))
	l.directory = l.miniTable + uint32(sectors(small*4))
	l.fat = l.directory + entries*entrySize/sectorSize
	// The tables list themselves too, so they grow until all fits.
	fat, difat := uint32(1), uint32(0)
	for {
		l.difat, l.end = l.fat+fat, l.fat+fat+difat
		needFAT := (l.end + inSector - 1) / inSector
		var needDIFAT uint32
		if needFAT > inHeader {
			needDIFAT = (needFAT - inHeader + inSector - 2) / (inSector - 1)
		}
		if needFAT <= fat && needDIFAT <= difat {
			return l
		}
		fat, difat = max(fat, needFAT), max(difat, needDIFAT)
	}
}

func (l layout) header() []byte {
	le := binary.LittleEndian
	b := []byte{0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1}
	b = append(b, make([]byte, 16)...)
	for _, n := range []uint16{0x3e, 3, 0xfffe, 9, 6, 0, 0, 0} { // version 3, sectors of 2^9 and 2^6 bytes
		b = le.AppendUint16(b, n)
	}
	difat := uint32(endOfChain)
	if l.end > l.difat {
		difat = l.difat
	}
	for _, n := range []uint32{0, l.difat - l.fat, l.directory, 0, miniCutoff, l.miniTable, l.directory - l.miniTable, difat, l.end - l.difat} {
		b = le.AppendUint32(b, n)
	}
	for i := range uint32(inHeader) {
		b = le.AppendUint32(b, l.fatPart(i))
	}
	return b
}

// fatPart is the sector of the FAT's i-th part.
func (l layout) fatPart(i uint32) uint32 {
	if i < l.difat-l.fat {
		return l.fat + i
	}
	return free
}

// tables writes FAT and DIFAT. They may be large, so a sector at a time.
func (l layout) tables(w io.Writer) error {
	le := binary.LittleEndian
	starts := []uint32{l.miniStream, l.miniTable, l.directory, l.fat}
	b := make([]byte, 0, sectorSize)
	for s := uint32(0); s < (l.difat-l.fat)*inSector; s++ {
		next := s + 1
		switch {
		case s >= l.end:
			next = free
		case s >= l.difat:
			next = difSector
		case s >= l.fat:
			next = fatSector
		case slices.Contains(starts, next):
			next = endOfChain
		}
		if b = le.AppendUint32(b, next); len(b) == sectorSize {
			if err := write(w, b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	part := uint32(inHeader)
	for s := l.difat; s < l.end; s++ {
		b = b[:0]
		for range inSector - 1 {
			b = le.AppendUint32(b, l.fatPart(part))
			part++
		}
		next := s + 1
		if next == l.end {
			next = endOfChain
		}
		if err := write(w, le.AppendUint32(b, next)); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) bytes() []byte {
	le := binary.LittleEndian
	var b []byte
	for _, unit := range utf16.Encode([]rune(e.name)) {
		b = le.AppendUint16(b, unit)
	}
	length := len(b)
	b = append(b, make([]byte, 64-length)...)
	if length > 0 {
		length += 2 // the zero at the end
	}
	b = le.AppendUint16(b, uint16(length))
	colour := byte(1)
	if e.red {
		colour = 0
	}
	b = append(b, e.kind, colour)
	for _, n := range []uint32{e.left, e.right, e.child} {
		b = le.AppendUint32(b, n)
	}
	b = append(b, make([]byte, 36)...) // class, state, times
	b = le.AppendUint32(b, e.start)
	return le.AppendUint64(b, e.size)
}

// chain appends a chain of n sectors from start on to a table.
func chain(table []byte, start, n uint32) []byte {
	for i := range n {
		next := start + i + 1
		if i == n-1 {
			next = endOfChain
		}
		table = binary.LittleEndian.AppendUint32(table, next)
	}
	return table
}

func sectors(size uint64) uint64 { return (size + sectorSize - 1) / sectorSize }
func mini(size uint64) uint64    { return (size + miniSectorSize - 1) / miniSectorSize }

// padding is what fills size up to a multiple of unit.
func padding(size, unit uint64) []byte { return make([]byte, (unit-size%unit)%unit) }

func write(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
