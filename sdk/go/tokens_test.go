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
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"
)

var encode = base64.RawURLEncoding.EncodeToString

type verifiable struct {
	algorithm string
	jwk       map[string]string
	verify    func(text, signature []byte) bool
}

func keys(t *testing.T) []verifiable {
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("a secret of thirty-two bytes ....")
	return []verifiable{
		{"ES256", map[string]string{"kty": "EC", "crv": "P-256", "d": encode(elliptical.D.FillBytes(make([]byte, 32)))},
			func(text, signature []byte) bool {
				hash := sha256.Sum256(text)
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				return len(signature) == 64 && ecdsa.Verify(&elliptical.PublicKey, hash[:], r, s)
			}},
		{"EdDSA", map[string]string{"kty": "OKP", "crv": "Ed25519", "d": encode(edwards.Seed())},
			func(text, signature []byte) bool { return ed25519.Verify(public, text, signature) }},
		{"RS256", map[string]string{"kty": "RSA", "n": encode(numbers.N.Bytes()), "e": "AQAB", "d": encode(numbers.D.Bytes()),
			"p": encode(numbers.Primes[0].Bytes()), "q": encode(numbers.Primes[1].Bytes())},
			func(text, signature []byte) bool {
				hash := sha256.Sum256(text)
				return rsa.VerifyPKCS1v15(&numbers.PublicKey, crypto.SHA256, hash[:], signature) == nil
			}},
		{"HS256", map[string]string{"kty": "oct", "k": encode(secret)}, func(text, signature []byte) bool {
			hash := hmac.New(sha256.New, secret)
			hash.Write(text)
			return hmac.Equal(signature, hash.Sum(nil))
		}},
	}
}

func decoded(t *testing.T, part string) map[string]interface{} {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]interface{}
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTokensAreSignedAsTheKeySays(t *testing.T) {
	for _, key := range keys(t) {
		key.jwk["kid"] = "web"
		issuer, err := NewTokenIssuer([]byte(asJSON(t, key.jwk)), WithIssuer("https://app.example.com"))
		if err != nil {
			t.Fatal(key.algorithm, err)
		}
		token, err := issuer.Issue(Claims{User: "ann", Topics: []string{"news.sport"}, Client: "tab-1", May: &TokenMay{Publish: []string{"chat.*"}}})
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !key.verify([]byte(parts[0]+"."+parts[1]), signature) {
			t.Fatal(key.algorithm, err)
		}
		equal(t, decoded(t, parts[0]), map[string]string{"alg": key.algorithm, "kid": "web", "typ": "JWT"})
		claims := decoded(t, parts[1])
		equal(t, []interface{}{claims["sub"], claims["aud"], claims["iss"]}, []string{"ann", "holdfast", "https://app.example.com"})
		equal(t, claims["hf"], map[string]interface{}{
			"client": "tab-1", "topics": []string{"news.sport"}, "may": map[string]interface{}{"publish": []string{"chat.*"}},
		})
	}
}

func TestATokenIsValidFor15MinutesOrAsLongAsIsAskedForAndNoTwoAreTheSame(t *testing.T) {
	issuer, err := NewTokenIssuer([]byte(`{"kty":"oct","k":"c2VjcmV0"}`), WithKeyID("web"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[interface{}]bool{}
	for life, seconds := range map[time.Duration]float64{0: 900, time.Minute: 60} {
		token, err := issuer.Issue(Claims{User: "ann", Life: life})
		if err != nil {
			t.Fatal(err)
		}
		claims := decoded(t, strings.Split(token, ".")[1])
		ids[claims["jti"]] = true
		if claims["exp"].(float64)-claims["iat"].(float64) != seconds || claims["iss"] != nil {
			t.Fatal(claims)
		}
	}
	equal(t, len(ids), 2)
}

func TestAnIssuerIsNotMadeOfWhatCannotSign(t *testing.T) {
	for text, message := range map[string]string{
		`{"kty":"EC","crv":"P-256","kid":"web","x":"AA","y":"AA"}`: "no private key",
		`{"kty":"EC","crv":"P-256","kid":"web","d":"AA"}`:          "no private key",
		`{"kty":"EC","crv":"P-384","kid":"web","d":"AA"}`:          "EC P-384 are not for tokens",
		`{"kty":"RSA","kid":"web","n":"AQ","e":"AQAB","d":"AQ"}`:   "no private key",
		`{"kty":"oct","k":"c2VjcmV0"}`:                             "WithKeyID",
		`{`:                                                        "JSON",
	} {
		if _, err := NewTokenIssuer([]byte(text)); err == nil || !strings.Contains(err.Error(), message) {
			t.Fatal(text, err)
		}
	}
	issuer, err := NewTokenIssuer([]byte(`{"kty":"oct","k":"c2VjcmV0","kid":"web"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Issue(Claims{}); err == nil {
		t.Fatal("a token for no user")
	}
}
