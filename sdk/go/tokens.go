package holdfast

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

const (
	// Shorter than a page stays open, for a page renews its token by itself; long enough not to ask all the time.
	defaultTokenLife = 15 * time.Minute
	defaultAudience  = "holdfast"
)

// TokenIssuer makes tokens for users who are logged in. It makes no call, and may be used from any goroutine.
type TokenIssuer struct {
	keyID    string
	audience string
	issuer   string
	signer   signer
}

// TokenIssuerOption is an option of NewTokenIssuer.
type TokenIssuerOption func(*TokenIssuer)

// WithKeyID names the API key; it is the "kid" of the JSON Web Key otherwise.
func WithKeyID(id string) TokenIssuerOption {
	return func(issuer *TokenIssuer) { issuer.keyID = id }
}

// WithAudience is what the API key has as audience; "holdfast" otherwise.
func WithAudience(audience string) TokenIssuerOption {
	return func(issuer *TokenIssuer) { issuer.audience = audience }
}

// WithIssuer is what the API key has as issuer.
func WithIssuer(name string) TokenIssuerOption {
	return func(issuer *TokenIssuer) { issuer.issuer = name }
}

// NewTokenIssuer takes the private key as a JSON Web Key: what `npx holdfast key create --tokens` gave. ES256 (P-256), EdDSA
// (Ed25519), RS256 and HS256.
func NewTokenIssuer(privateJWK []byte, options ...TokenIssuerOption) (*TokenIssuer, error) {
	var key jwk
	if err := json.Unmarshal(privateJWK, &key); err != nil {
		return nil, err
	}
	signer, err := key.signer()
	if err != nil {
		return nil, err
	}
	issuer := &TokenIssuer{keyID: key.KeyID, audience: defaultAudience, signer: signer}
	for _, option := range options {
		option(issuer)
	}
	if issuer.keyID == "" {
		return nil, errors.New(`holdfast: the key has no "kid": name the API key by WithKeyID`)
	}
	return issuer, nil
}

// Claims are what a token says.
type Claims struct {
	// Who is logged in: becomes the user of the client.
	User string
	// What the client is subscribed to.
	Topics []string
	// What the client may do by itself, never more than the API key.
	May *TokenMay
	// The name of the client, one for each tab or device; that of the user otherwise, and then the newest replaces the others.
	Client string
	// What others see of it: JSON of at most 1 KiB.
	Info interface{}
	// For how long the token is valid; 0: 15 minutes.
	Life time.Duration
}

// Issue makes a token for a user, for a page to give to `connect`.
func (issuer *TokenIssuer) Issue(claims Claims) (string, error) {
	if claims.User == "" {
		return "", errors.New("holdfast: a token is for a user")
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	life := claims.Life
	if life == 0 {
		life = defaultTokenLife
	}
	now := time.Now().Unix()
	text, err := jsonOf(struct {
		Subject  string      `json:"sub"`
		Audience string      `json:"aud"`
		Issuer   string      `json:"iss,omitempty"`
		IssuedAt int64       `json:"iat"`
		Expires  int64       `json:"exp"`
		ID       string      `json:"jti"`
		Own      interface{} `json:"hf"`
	}{claims.User, issuer.audience, issuer.issuer, now, now + int64(life/time.Second), id, claims.own()})
	if err != nil {
		return "", err
	}
	header, err := jsonOf(map[string]string{"alg": issuer.signer.algorithm, "kid": issuer.keyID, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(text)
	signature, err := issuer.signer.sign([]byte(signed))
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// own is what the token says beside the registered claims; what is nil is not said.
func (claims Claims) own() map[string]interface{} {
	own := map[string]interface{}{}
	if claims.Client != "" {
		own["client"] = claims.Client
	}
	if claims.Topics != nil {
		own["topics"] = claims.Topics
	}
	if claims.May != nil {
		own["may"] = claims.May
	}
	if claims.Info != nil {
		own["info"] = claims.Info
	}
	return own
}
