package holdfast

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

var done = answer(http.StatusAccepted, published)

func TestRepeatedWithTheSameIdempotencyKey(t *testing.T) {
	api := scripted(t, problem(RedisUnavailable), noAnswer, problem(TooManyCalls), answer(502, "a proxy"), done)
	got, err := api.backend(t).Publish(context.Background(), "news", map[string]string{"text": "<b>"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, Published{Topic: "news", ID: "1-0"})
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(api.calls[0].idempotencyKey) {
		t.Fatal(api.calls[0].idempotencyKey)
	}
	for _, call := range api.calls {
		if call != (scriptedCall{"POST /v1/topics/news/messages", api.calls[0].idempotencyKey, `{"text":"<b>"}`, "test.secret"}) {
			t.Fatal(call)
		}
	}
	equal(t, len(api.calls), 5)
}

func TestTakesTheIdempotencyKeyOfTheCaller(t *testing.T) {
	api := scripted(t, problem(RedisUnavailable), problem(RedisUnavailable), done)
	if _, err := api.backend(t).Publish(context.Background(), "news", nil, WithIdempotencyKey("order-7")); err != nil {
		t.Fatal(err)
	}
	for _, call := range api.calls {
		equal(t, []string{call.idempotencyKey, call.body}, []string{"order-7", "null"})
	}
	equal(t, len(api.calls), 3)
}

func TestWhatIsRefusedIsNotRepeated(t *testing.T) {
	api := scripted(t, problem(TopicNotFound))
	_, err := api.backend(t).Publish(context.Background(), "news", 1)
	var failure *Error
	if !errors.As(err, &failure) {
		t.Fatal(err)
	}
	equal(t, []interface{}{failure.Code, failure.Status, failure.Problem.Detail}, []interface{}{TopicNotFound, 404, "why topic-not-found"})
	equal(t, err.Error(), "holdfast: topic-not-found: why topic-not-found")
	equal(t, len(api.calls), 1)
}

func TestAnAnswerOfSomethingElseIsNoSuccess(t *testing.T) {
	other := scripted(t, done)
	for _, given := range []scriptedAnswer{
		answer(200, "<html>"), answer(200, `{"ok":true}`), answer(200, `[1]`), answer(200, "null"),
		// It would take the key to another host.
		answer(307, "", "Location", other.URL),
	} {
		api := scripted(t, given)
		_, err := api.backend(t).Publish(context.Background(), "news", 1)
		equal(t, CodeOf(err), UnexpectedAnswer)
		equal(t, len(api.calls), 1)
	}
	equal(t, len(other.calls), 0)
}

func TestAnAnswerThatIsCutOffIsNone(t *testing.T) {
	api := scripted(t, cutOff, done)
	if _, err := api.backend(t).Publish(context.Background(), "news", 1); err != nil {
		t.Fatal(err)
	}
	equal(t, len(api.calls), 2)
}

func TestGivenUpAfterSoManyAttemptsWithTheLastError(t *testing.T) {
	api := scripted(t, noAnswer, problem(RedisUnavailable), done)
	_, err := api.backend(t, WithAttempts(2)).Publish(context.Background(), "news", 1)
	equal(t, CodeOf(err), RedisUnavailable)
	equal(t, len(api.calls), 2)
}

func TestWaitsAsLongAsTheServerAsks(t *testing.T) {
	date, later := "Sat, 28 Nov 2026 10:00:00 GMT", "Sat, 28 Nov 2026 10:00:01 GMT"
	for _, headers := range [][]string{{"Retry-After", "1"}, {"Retry-After", later, "Date", date}} {
		api := scripted(t, problem(APIBusy, headers...), done)
		since := time.Now()
		if _, err := api.backend(t).Publish(context.Background(), "news", 1); err != nil {
			t.Fatal(err)
		}
		if passed := time.Since(since); passed < 990*time.Millisecond {
			t.Fatal(passed)
		}
	}
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "Sat, 28 Nov 2026 10:02:00 GMT": 2 * time.Minute, "Sat, 28 Nov 2026 09:00:00 GMT": 0,
		"soon": 0, "-1": 0, "1000000": 0, "": 0,
	} {
		equal(t, waitAsked(text, date), want)
	}
}

func TestDoesNotBeginToWaitBeyondTheDeadline(t *testing.T) {
	api := scripted(t, problem(APIBusy, "Retry-After", "60"), done)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := api.backend(t).Publish(ctx, "news", 1)
	var failure *Error
	if !errors.As(err, &failure) || failure.RetryAfter != time.Minute || ctx.Err() != nil {
		t.Fatal(err)
	}
}

func TestDoesNotWaitLongerThan60SecondsHoweverLongTheServerAsks(t *testing.T) {
	for _, asked := range []string{"61", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		api := scripted(t, problem(APIBusy, "Retry-After", asked), done)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		// Beyond any wait, so that it is not what ends the call.
		_, err := api.backend(t).Publish(withoutDeadline{ctx}, "news", 1)
		cancel()
		var failure *Error
		if !errors.As(err, &failure) || failure.RetryAfter < 61*time.Second {
			t.Fatal(err)
		}
		equal(t, []interface{}{failure.Code, len(api.calls)}, []interface{}{APIBusy, 1})
	}
}

// withoutDeadline is a context that ends, and does not say when.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) {
	return time.Time{}, false
}

func TestAnAttemptDoesNotWaitForEver(t *testing.T) {
	api := scripted(t)
	api.answers = []scriptedAnswer{api.silent, api.silent, done}
	_, err := api.backend(t, WithAttempts(2), WithTimeout(50*time.Millisecond)).Publish(context.Background(), "news", 1)
	equal(t, CodeOf(err), Unreachable)
	equal(t, len(api.calls), 2)
}

func TestNoServerIsUnreachableAndTheErrorHasNoCredential(t *testing.T) {
	api := scripted(t)
	backend := api.backend(t, WithAttempts(2))
	api.Close()
	_, err := backend.GetClient(context.Background(), "3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11")
	equal(t, CodeOf(err), Unreachable)
	if strings.Contains(err.Error(), "3f0c8f5e") {
		t.Fatal(err)
	}
}

func TestEndsWithItsContextInAnAttemptAndBetweenTwo(t *testing.T) {
	for _, waits := range []bool{true, false} {
		api := scripted(t)
		api.answers = []scriptedAnswer{api.silent}
		if waits {
			api.answers = []scriptedAnswer{problem(APIBusy, "Retry-After", "60")}
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := api.backend(t, WithTimeout(time.Minute)).Publish(ctx, "news", 1)
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		equal(t, len(api.calls), 1)
	}
}

func TestNamesCannotBecomeOtherPaths(t *testing.T) {
	api := scripted(t, done)
	backend := api.backend(t)
	for _, name := range []string{".", ".."} {
		_, err := backend.PublishToUser(context.Background(), name, 1)
		equal(t, CodeOf(err), InvalidRequest)
	}
	if _, err := backend.PublishToUser(context.Background(), "../ann?x=1#/é", 1); err != nil {
		t.Fatal(err)
	}
	equal(t, api.lines(), []string{"POST /v1/users/..%2Fann%3Fx=1%23%2F%C3%A9/messages"})
}

func TestAKeyIsOneAndTheErrorDoesNotQuoteIt(t *testing.T) {
	for _, key := range []string{"", "SECRET", ".SECRET", "app.", "app.SEC\nRET", "app.SEC RET", "app.SECRÉT", "app.SECRET\x7f"} {
		_, err := New("http://x", key)
		if err == nil || strings.Contains(err.Error(), "SEC") {
			t.Fatal(key, err)
		}
	}
	api := scripted(t, done)
	backend, err := New(api.URL, " app.SECRET\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = backend.Publish(context.Background(), "news", 1); err != nil {
		t.Fatal(err)
	}
	equal(t, api.calls[0].key, "app.SECRET")
}

func TestNewTakesAURLAndBounds(t *testing.T) {
	for _, url := range []string{"", "control-api:7700", "ftp://x", "http://", "http://user:pw@x", "http://x/?a", "http://x:port"} {
		if _, err := New(url, "test.secret"); err == nil {
			t.Fatal(url)
		}
	}
	if _, err := New("http://x", "test.secret", WithAttempts(0)); err == nil {
		t.Fatal("no attempt")
	}
	api := scripted(t, done)
	backend, err := New(api.URL+"/push/", "test.secret", WithHTTPClient(&http.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = backend.Publish(context.Background(), "news", 1); err != nil {
		t.Fatal(err)
	}
	equal(t, api.lines(), []string{"POST /push/v1/topics/news/messages"})
}
