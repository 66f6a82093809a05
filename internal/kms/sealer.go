// Package kms seals the passphrases of exports with a KMS key.
package kms

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"bulkops/internal/engine"
)

// Sealer seals with one key. Which of Seal and Open a function may call, its
// role and the key's policy say.
type Sealer struct {
	api *kms.Client
	key string
}

var _ engine.Sealer = (*Sealer)(nil)

// New returns a sealer with the key's ARN.
func New(cfg aws.Config, key string) *Sealer { return &Sealer{kms.NewFromConfig(cfg), key} }

// about is what a sealed passphrase is bound to. The key's policy asks for the
// purpose, so that the key opens nothing else in this way.
func about(operation string) map[string]string {
	return map[string]string{"purpose": "export-passphrase", "operation": operation}
}

func (s *Sealer) Seal(ctx context.Context, operation, passphrase string) ([]byte, error) {
	out, err := s.api.Encrypt(ctx, &kms.EncryptInput{KeyId: &s.key, Plaintext: []byte(passphrase), EncryptionContext: about(operation)})
	if err != nil {
		return nil, fmt.Errorf("seal a passphrase: %w", err)
	}
	return out.CiphertextBlob, nil
}

func (s *Sealer) Open(ctx context.Context, operation string, sealed []byte) (string, error) {
	out, err := s.api.Decrypt(ctx, &kms.DecryptInput{KeyId: &s.key, CiphertextBlob: sealed, EncryptionContext: about(operation)})
	if err != nil {
		return "", fmt.Errorf("open a sealed passphrase: %w", err)
	}
	return string(out.Plaintext), nil
}
