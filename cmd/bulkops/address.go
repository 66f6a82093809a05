package main

import (
	"context"
	"time"

	"bulkops/internal/fault"
	"bulkops/internal/kind"
	"bulkops/internal/registry"
)

// addressCommand keeps the addresses to which communications go.
type addressCommand struct {
	Facility string `xor:"of" required:"" placeholder:"ID" help:"Id of the facility whose contact has the address."`
	Provider string `xor:"of" required:"" placeholder:"ID" help:"Id of the provider who has it, instead of --facility."`
	Email    string `arg:"" help:"E-mail address."`
}

// addressBook is what of the registry has addresses.
type addressBook interface {
	Directory(ctx context.Context) (registry.Directory, error)
	WriteFacility(ctx context.Context, f registry.Facility, s registry.Stamp) error
	WriteProvider(ctx context.Context, p registry.Provider, s registry.Stamp) error
}

func (c addressCommand) Run(t *terminal) error {
	s, err := t.openStack()
	if err != nil {
		return err
	}
	book, err := s.registry()
	if err != nil {
		return err
	}
	name, err := c.write(t.ctx, book)
	if err != nil {
		return err
	}
	t.say("Messages to %s go to %s from now on.", visible(name), c.Email)
	return nil
}

// write stores the address and returns whose it is.
func (c addressCommand) write(ctx context.Context, book addressBook) (name string, err error) {
	if !kind.IsMail(c.Email) {
		return "", fault.New(fault.Invalid, "%q is no e-mail address.", c.Email)
	}
	d, err := book.Directory(ctx)
	if err != nil {
		return "", err
	}
	stamp := registry.Stamp{By: operator.Name, At: time.Now()}
	if f, ok := d.Facility(c.Facility); ok {
		f.Email = c.Email
		return f.Name, book.WriteFacility(ctx, f, stamp)
	}
	if p, ok := d.Provider(c.Provider); ok {
		p.Email = c.Email
		return p.Name, book.WriteProvider(ctx, p, stamp)
	}
	return "", fault.New(fault.NotFound, "There is no facility or provider with the id %q.", c.Facility+c.Provider)
}
