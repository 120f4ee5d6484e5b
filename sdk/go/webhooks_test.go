package holdfast

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Spaces and escapes as no serializer would write them.
const eventText = `{"type":"member.joined", "timestamp":"2026-11-28T10:00:00.000Z",` +
	`"data":{"topic":"chat.lobby","member":{"id":"\u0061nn","info":1.0},"count":1,"version":7}}`

func newSecret(t *testing.T) string {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

func signed(t *testing.T, body, secret string, at time.Time) http.Header {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte("event-1." + timestamp + "." + body))
	header := http.Header{}
	header.Set("webhook-id", "event-1")
	header.Set("webhook-timestamp", timestamp)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(hash.Sum(nil)))
	return header
}

func codeOfWebhook(header http.Header, body string, secrets ...string) WebhookErrorCode {
	_, err := VerifyWebhook(header, []byte(body), secrets...)
	var failure *WebhookError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

func TestVerifyWebhookGivesTheEvent(t *testing.T) {
	secret := newSecret(t)
	webhook, err := VerifyWebhook(signed(t, eventText, secret, time.Now()), []byte(eventText), secret)
	if err != nil {
		t.Fatal(err)
	}
	data, isJoined := webhook.Events[0].Data.(MemberJoined)
	if !isJoined || data.Topic != "chat.lobby" || data.Member.ID != "ann" || data.Count != 1 || data.Version != 7 {
		t.Fatal(webhook.Events)
	}
	event := webhook.Events[0]
	equal(t, []interface{}{webhook.ID, event.ID, event.Type, event.Timestamp}, []interface{}{"event-1", "event-1", "member.joined", "2026-11-28T10:00:00Z"})
}

func TestVerifyWebhookSignsAsStandardWebhooksDoes(t *testing.T) {
	header := http.Header{}
	header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("webhook-timestamp", "1614265330")
	header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	// The signature is right: it is the time that is not.
	equal(t, codeOfWebhook(header, `{"test": 2432232314}`, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), WrongTimestamp)
}

func TestVerifyWebhookGivesTheEventsOfABatch(t *testing.T) {
	secret := newSecret(t)
	body := `{"type":"batch","timestamp":"2026-11-28T10:00:00Z","data":{"events":[` +
		`{"id":"a","type":"topic.occupied","timestamp":"2026-11-28T10:00:00Z","data":{"topic":"news"}},` +
		`{"id":"b","type":"from.the.future","timestamp":"2026-11-28T10:00:00Z","data":{"new":true}}]}}`
	webhook, err := VerifyWebhook(signed(t, body, secret, time.Now()), []byte(body), secret)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []string{webhook.ID, webhook.Events[0].ID, webhook.Events[1].ID}, []string{"event-1", "a", "b"})
	raw, isRaw := webhook.Events[1].Data.(json.RawMessage)
	if !isRaw || string(raw) != `{"new":true}` || webhook.Events[0].Data != (TopicOccupied{Topic: "news"}) {
		t.Fatal(webhook.Events)
	}
}

func TestVerifyWebhookRefusesWhatWasChanged(t *testing.T) {
	secret := newSecret(t)
	given := signed(t, eventText, secret, time.Now())
	equal(t, codeOfWebhook(given, eventText, secret), "")
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(eventText)); err != nil {
		t.Fatal(err)
	}
	equal(t, codeOfWebhook(given, compact.String(), secret), WrongSignature)
	for _, change := range [][2]string{
		{"webhook-id", "event-2"},
		{"webhook-timestamp", strconv.FormatInt(time.Now().Unix()+1, 10)},
		{"webhook-signature", "v1,AAAA"},
		{"webhook-signature", "v1,not base64"},
		{"webhook-signature", strings.Replace(given.Get("webhook-signature"), "v1,", "v2,", 1)},
	} {
		header := given.Clone()
		header.Set(change[0], change[1])
		equal(t, codeOfWebhook(header, eventText, secret), WrongSignature)
	}
	equal(t, codeOfWebhook(http.Header{}, eventText, secret), Malformed)
	for _, body := range []string{"not JSON", "[]", "{}", "null", `{"type":"batch","data":{}}`,
		`{"type":"topic.occupied","timestamp":"2026-11-28T10:00:00Z","data":{}}`} {
		equal(t, codeOfWebhook(signed(t, body, secret, time.Now()), body, secret), Malformed)
	}
}

func TestVerifyWebhookRefusesWhatIsFiveMinutesOldOrFromTheFuture(t *testing.T) {
	secret := newSecret(t)
	for minutes, want := range map[float64]WebhookErrorCode{-5.1: WrongTimestamp, -4.9: "", 4.9: "", 5.1: WrongTimestamp} {
		at := time.Now().Add(time.Duration(minutes * float64(time.Minute)))
		equal(t, codeOfWebhook(signed(t, eventText, secret, at), eventText, secret), want)
	}
}

func TestVerifyWebhookTakesEitherSecretWhileOneIsBeingChanged(t *testing.T) {
	secret, old := newSecret(t), newSecret(t)
	given := signed(t, eventText, old, time.Now())
	equal(t, codeOfWebhook(given, eventText, secret), WrongSignature)
	equal(t, codeOfWebhook(given, eventText, secret, old), "")
	equal(t, codeOfWebhook(given, eventText, old, secret), "")
	fresh := signed(t, eventText, secret, time.Now())
	given.Set("webhook-signature", given.Get("webhook-signature")+" "+fresh.Get("webhook-signature"))
	equal(t, codeOfWebhook(given, eventText, secret), "")
	for _, wrong := range [][]string{{}, {"whsec_"}, {"a password"}, {"whsec_*"}} {
		var failure *WebhookError
		if _, err := VerifyWebhook(given, []byte(eventText), wrong...); err == nil || errors.As(err, &failure) {
			t.Fatal(wrong, err)
		}
	}
}
