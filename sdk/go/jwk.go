package holdfast

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
)

// A private JSON Web Key: RFC 7517, RFC 7518 section 6, RFC 8037.
type jwk struct {
	KeyID string `json:"kid"`
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	D     string `json:"d"`
	// Of a shared secret.
	K string `json:"k"`
	// Of RSA.
	N string `json:"n"`
	E string `json:"e"`
	P string `json:"p"`
	Q string `json:"q"`
}

type signer struct {
	algorithm string
	sign      func(text []byte) ([]byte, error)
}

var errNoPrivateKey = errors.New("holdfast: it is no private key")

func (key jwk) signer() (signer, error) {
	switch key.Type + " " + key.Curve {
	case "EC P-256":
		return key.es256()
	case "OKP Ed25519":
		return key.edDSA()
	case "RSA ":
		return key.rs256()
	case "oct ":
		return key.hs256()
	}
	return signer{}, fmt.Errorf("holdfast: keys of type %s %s are not for tokens: P-256, Ed25519, RSA or oct are", key.Type, key.Curve)
}

func (key jwk) es256() (signer, error) {
	// Bytes of a coordinate, of a private key, and of each half of a signature.
	const size = 32
	curve := elliptic.P256()
	d, err := bytesOf(key.D)
	if err != nil || len(d) != size {
		return signer{}, errNoPrivateKey
	}
	private := &ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: curve}, D: new(big.Int).SetBytes(d)}
	if private.D.Sign() == 0 || private.D.Cmp(curve.Params().N) >= 0 {
		return signer{}, errNoPrivateKey
	}
	private.X, private.Y = curve.ScalarBaseMult(d)
	return signer{"ES256", func(text []byte) ([]byte, error) {
		hash := sha256.Sum256(text)
		r, s, err := ecdsa.Sign(rand.Reader, private, hash[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
		return signature, nil
	}}, nil
}

func (key jwk) edDSA() (signer, error) {
	seed, err := bytesOf(key.D)
	if err != nil || len(seed) != ed25519.SeedSize {
		return signer{}, errNoPrivateKey
	}
	private := ed25519.NewKeyFromSeed(seed)
	return signer{"EdDSA", func(text []byte) ([]byte, error) { return ed25519.Sign(private, text), nil }}, nil
}

func (key jwk) rs256() (signer, error) {
	var numbers [5]*big.Int
	for index, text := range []string{key.N, key.E, key.D, key.P, key.Q} {
		bytes, err := bytesOf(text)
		if err != nil || len(bytes) == 0 {
			return signer{}, errNoPrivateKey
		}
		numbers[index] = new(big.Int).SetBytes(bytes)
	}
	n, e, d, p, q := numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return signer{}, errNoPrivateKey
	}
	private := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: int(e.Int64())}, D: d, Primes: []*big.Int{p, q}}
	if private.Validate() != nil {
		return signer{}, errNoPrivateKey
	}
	private.Precompute()
	return signer{"RS256", func(text []byte) ([]byte, error) {
		hash := sha256.Sum256(text)
		return rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, hash[:])
	}}, nil
}

func (key jwk) hs256() (signer, error) {
	secret, err := bytesOf(key.K)
	if err != nil || len(secret) == 0 {
		return signer{}, errNoPrivateKey
	}
	return signer{"HS256", func(text []byte) ([]byte, error) {
		hash := hmac.New(sha256.New, secret)
		hash.Write(text)
		return hash.Sum(nil), nil
	}}, nil
}

func bytesOf(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(text)
}
