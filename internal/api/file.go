package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bulkops/internal/bulk"
	"bulkops/internal/journal"
	"bulkops/internal/staff"
)

// FileView is the file of an export. There is one only when it is complete. Its
// passphrase is shown in the portal, to its requester and once.
type FileView struct {
	Patients        int            `json:"patients" doc:"Whose rows are in it."`
	Rows            map[string]int `json:"rows" doc:"By sheet. The file gets the values as they are when it is made, so these can differ from the planned ones."`
	Size            int64          `json:"size" doc:"In bytes."`
	Digest          string         `json:"digest" doc:"SHA-256 of the encrypted file."`
	Ready           time.Time      `json:"ready"`
	Expires         time.Time      `json:"expires" doc:"Then it is deleted."`
	Deleted         *time.Time     `json:"deleted,omitempty"`
	PassphraseShown *time.Time     `json:"passphrase_shown,omitempty"`
}

func fileView(f *bulk.File) *FileView {
	if f == nil {
		return nil
	}
	return &FileView{f.Patients, present(f.Rows), f.Size, f.Digest, f.Ready, f.Expires, moment(f.Deleted), moment(f.Shown)}
}

type linkOut struct {
	Body struct {
		Link   string `json:"link" doc:"An address from which the file can be downloaded within a minute, without signing in."`
		Name   string `json:"name" example:"OP-0SX4K2-7QFM.xlsx"`
		Size   int64  `json:"size"`
		Digest string `json:"digest" doc:"SHA-256 of the file, to be compared."`
	}
}

func (a *api) fileRoutes(h huma.API) {
	use(a, h, huma.Operation{OperationID: "download", Method: http.MethodPost, Path: "/v1/operations/{id}/file", Tags: []string{"operations"},
		Summary: "Get a link to the file of an export", Description: "Only for its requester; each is recorded. A file that was deleted is gone (410)."}, a.download)
}

func (a *api) download(ctx context.Context, person staff.Person, in *OperationID) (*linkOut, error) {
	op, err := a.visible(ctx, person, in.ID)
	if err != nil {
		return nil, err
	}
	handed, err := a.engine.Download(ctx, person, op.ID)
	if err != nil {
		return nil, err
	}
	journal.Note(ctx).Target = handed.Name
	out := &linkOut{}
	out.Body.Link, out.Body.Name, out.Body.Size, out.Body.Digest = handed.Link, handed.Name, handed.File.Size, handed.File.Digest
	return out, nil
}
