// Package signing signs with a key of AWS KMS, which nobody can read.
package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Key is an ECDSA key over P-256.
type Key struct {
	api *kms.Client
	id  string
}

// New returns the key with the id or ARN.
func New(cfg aws.Config, id string) *Key { return &Key{kms.NewFromConfig(cfg), id} }

// Sign signs a SHA-256. The signature is in ASN.1.
func (k *Key) Sign(ctx context.Context, sum [sha256.Size]byte) ([]byte, error) {
	out, err := k.api.Sign(ctx, &kms.SignInput{
		KeyId: &k.id, Message: sum[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return out.Signature, nil
}

// Public returns the public key.
func (k *Key) Public(ctx context.Context) (*ecdsa.PublicKey, error) {
	out, err := k.api.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &k.id})
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the key is %T, not one over P-256", parsed)
	}
	return key, nil
}
