package readers

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
)

// base64Text is an attribute of XML with bytes.
type base64Text []byte

// UnmarshalText makes it one for encoding/xml.
func (b *base64Text) UnmarshalText(text []byte) (err error) {
	*b, err = base64.StdEncoding.DecodeString(string(text))
	return err
}

const (
	sector     = 512
	miniSector = 64
	lastSector = 0xfffffffe
	noSector   = 0xffffffff
)

var errCompound = errors.New("the compound file is broken")

// openCompound reads the streams of a compound file ([MS-CFB] version 3) by
// their names, and follows its search trees and chains as a reader does.
func openCompound(file []byte) (map[string][]byte, error) {
	if len(file) < 2*sector || len(file)%sector != 0 || le.Uint64(file) != 0xe11ab1a1e011cfd0 || le.Uint32(file[26-2:])&0xffff0000 != 3<<16 ||
		le.Uint16(file[28:]) != 0xfffe || le.Uint16(file[30:]) != 9 || le.Uint16(file[32:]) != 6 {
		return nil, errCompound
	}
	c := compound{sectors: file[sector:]}
	if err := c.readFAT(file[:sector]); err != nil {
		return nil, err
	}
	directory, err := c.chain(le.Uint32(file[48:]))
	if err != nil {
		return nil, fmt.Errorf("its directory: %w", err)
	}
	if c.miniFAT, err = c.chain(le.Uint32(file[60:])); err != nil {
		return nil, fmt.Errorf("its small table: %w", err)
	}
	if len(directory) < 128 || directory[66] != 5 {
		return nil, errCompound
	}
	if c.mini, err = c.chain(le.Uint32(directory[116:])); err != nil {
		return nil, fmt.Errorf("its small streams: %w", err)
	}
	streams := map[string][]byte{}
	return streams, c.walk(directory, le.Uint32(directory[76:]), streams, map[uint32]bool{noSector: true})
}

type compound struct {
	sectors, mini []byte
	fat, miniFAT  []byte
}

// readFAT puts the sector table together: the header lists 109 parts, further
// lists the rest.
func (c *compound) readFAT(header []byte) error {
	parts := header[76:sector]
	next := le.Uint32(header[68:])
	lists := le.Uint32(header[72:])
	if int(lists) > len(c.sectors)/sector {
		return errCompound
	}
	for range lists {
		more, err := c.sector(next)
		if err != nil {
			return err
		}
		parts, next = append(parts[:len(parts):len(parts)], more[:sector-4]...), le.Uint32(more[sector-4:])
	}
	if next != lastSector {
		return errCompound
	}
	for range le.Uint32(header[44:]) {
		if len(parts) < 4 {
			return errCompound
		}
		part, err := c.sector(le.Uint32(parts))
		if err != nil {
			return err
		}
		c.fat, parts = append(c.fat, part...), parts[4:]
	}
	return nil
}

func (c *compound) sector(n uint32) ([]byte, error) {
	if at := uint64(n) * sector; at+sector <= uint64(len(c.sectors)) {
		return c.sectors[at : at+sector], nil
	}
	return nil, io.ErrUnexpectedEOF
}

// chain is what a chain of sectors holds.
func (c *compound) chain(n uint32) ([]byte, error) {
	var content []byte
	for n != lastSector {
		s, err := c.sector(n)
		if err != nil || uint64(n)*4+4 > uint64(len(c.fat)) || len(content) > len(c.sectors) {
			return nil, errCompound
		}
		content, n = append(content, s...), le.Uint32(c.fat[n*4:])
	}
	return content, nil
}

// walk reads the entry with a number and those beside and below it.
func (c *compound) walk(directory []byte, n uint32, streams map[string][]byte, seen map[uint32]bool) error {
	if seen[n] {
		if n != noSector {
			return errCompound
		}
		return nil
	}
	seen[n] = true
	if uint64(n)*128+128 > uint64(len(directory)) {
		return errCompound
	}
	e := directory[n*128 : n*128+128]
	length := int(le.Uint16(e[64:]))
	if length < 2 || length > 64 || length%2 != 0 {
		return errCompound
	}
	var name []uint16
	for i := 0; i < length-2; i += 2 {
		name = append(name, le.Uint16(e[i:]))
	}
	if e[66] == 2 {
		content, err := c.stream(le.Uint32(e[116:]), le.Uint64(e[120:]))
		if err != nil {
			return err
		}
		streams[string(utf16.Decode(name))] = content
	}
	for _, at := range []int{68, 72, 76} {
		if err := c.walk(directory, le.Uint32(e[at:]), streams, seen); err != nil {
			return err
		}
	}
	return nil
}

func (c *compound) stream(start uint32, size uint64) ([]byte, error) {
	if size >= 4096 {
		content, err := c.chain(start)
		if err != nil || size > uint64(len(content)) {
			return nil, errCompound
		}
		return content[:size], nil
	}
	var content []byte
	for n := start; n != lastSector; n = le.Uint32(c.miniFAT[n*4:]) {
		at := uint64(n) * miniSector
		if at+miniSector > uint64(len(c.mini)) || uint64(n)*4+4 > uint64(len(c.miniFAT)) || uint64(len(content)) > size {
			return nil, errCompound
		}
		content = append(content, c.mini[at:at+miniSector]...)
	}
	if size > uint64(len(content)) {
		return nil, errCompound
	}
	return content[:size], nil
}
