package holdfast

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// Standard Webhooks 1.0: how far the clock of the sender may be from ours, either way.
	webhookTolerance = 5 * time.Minute
	secretPrefix     = "whsec_"
	signatureScheme  = "v1,"
)

// WebhookErrorCode says why a webhook must not be believed.
type WebhookErrorCode string

// The codes of a WebhookError.
const (
	// WrongSignature: it is not from Holdfast, or was changed.
	WrongSignature WebhookErrorCode = "signature"
	// WrongTimestamp: it is too old or too new.
	WrongTimestamp WebhookErrorCode = "timestamp"
	// Malformed: it is no webhook.
	Malformed WebhookErrorCode = "malformed"
)

// WebhookError is a request that must not be believed: answer it with 400.
type WebhookError struct {
	Code    WebhookErrorCode
	message string
}

func (e *WebhookError) Error() string {
	return "holdfast: webhook: " + string(e.Code) + ": " + e.message
}

// Event is what happened.
type Event struct {
	// The same when it is sent again: an event that was dealt with is known by it.
	ID   string
	Type string
	// When it happened.
	Timestamp time.Time
	// Of the struct of its type, such as ClientConnected; a json.RawMessage for a type that this version does not know.
	Data interface{}
}

// Webhook is a request that was verified.
type Webhook struct {
	// The same on every try.
	ID string
	// In order; one, or those of a batch.
	Events []Event
}

// VerifyWebhook verifies a webhook (Standard Webhooks 1.0) and gives its events. The body is taken as it came, before
// anything parsed it; the secret is that of the endpoint, whsec_…, several while it is being changed. Fails with a
// *WebhookError for a request that must not be believed, and with another error for a secret that is none.
func VerifyWebhook(header http.Header, body []byte, secrets ...string) (*Webhook, error) {
	if len(secrets) == 0 {
		return nil, errors.New("holdfast: a webhook is verified by a secret")
	}
	id, timestamp, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return nil, &WebhookError{Malformed, "it has not the three headers webhook-id, webhook-timestamp, webhook-signature"}
	}
	isSigned := false
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
		if err != nil || len(key) == 0 || !strings.HasPrefix(secret, secretPrefix) {
			return nil, errors.New("holdfast: a secret is whsec_ and base64")
		}
		hash := hmac.New(sha256.New, key)
		hash.Write([]byte(id + "." + timestamp + "."))
		hash.Write(body)
		// All are compared, so that the time tells nothing.
		isSigned = hasSignature(signatures, hash.Sum(nil)) || isSigned
	}
	if !isSigned {
		return nil, &WebhookError{WrongSignature, "no signature is right"}
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return nil, &WebhookError{WrongTimestamp, "the header webhook-timestamp is no time"}
	}
	const tolerance = int64(webhookTolerance / time.Second)
	if now := time.Now().Unix(); seconds < now-tolerance || seconds > now+tolerance {
		return nil, &WebhookError{WrongTimestamp, fmt.Sprintf("it is not from the last %d s", tolerance)}
	}
	return webhookOf(id, body)
}

func hasSignature(signatures string, expected []byte) bool {
	found := false
	for _, each := range strings.Split(signatures, " ") {
		if !strings.HasPrefix(each, signatureScheme) {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(each, signatureScheme))
		if err == nil && hmac.Equal(signature, expected) {
			found = true
		}
	}
	return found
}

// An event as it comes; alone it has no id of its own.
type eventBody struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

func (eventBody) required() []string {
	return []string{"type", "timestamp", "data"}
}

type batchBody struct {
	Events []json.RawMessage `json:"events"`
}

func (batchBody) required() []string {
	return []string{"events"}
}

func webhookOf(id string, body []byte) (*Webhook, error) {
	whole, err := decodedAs[eventBody](body)
	if err != nil {
		return nil, &WebhookError{Malformed, err.Error()}
	}
	texts := []json.RawMessage{body}
	if whole.Type == "batch" {
		batch, err := decodedAs[batchBody](whole.Data)
		if err != nil {
			return nil, &WebhookError{Malformed, err.Error()}
		}
		texts = batch.Events
	}
	webhook := &Webhook{ID: id, Events: make([]Event, 0, len(texts))}
	for _, text := range texts {
		each, err := decodedAs[eventBody](text)
		if err != nil {
			return nil, &WebhookError{Malformed, err.Error()}
		}
		data, err := eventData(each.Type, each.Data)
		if err != nil {
			return nil, &WebhookError{Malformed, err.Error()}
		}
		if whole.Type != "batch" {
			each.ID = id
		}
		webhook.Events = append(webhook.Events, Event{each.ID, each.Type, each.Timestamp, data})
	}
	return webhook, nil
}
