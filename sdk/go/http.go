package holdfast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A request to control-api.
type request struct {
	method string
	// Below the control URL, each part encoded.
	path           string
	query          url.Values
	body           []byte
	idempotencyKey string
}

// send makes one attempt.
func send[Answer shape](ctx context.Context, b *Backend, given request) (*Answer, error) {
	target := b.base + given.path
	if len(given.query) > 0 {
		target += "?" + given.query.Encode()
	}
	var body io.Reader
	if given.body != nil {
		body = bytes.NewReader(given.body)
	}
	made, err := http.NewRequestWithContext(ctx, given.method, target, body)
	if err != nil {
		return nil, err
	}
	made.Header.Set("X-API-Key", b.key)
	made.Header.Set("User-Agent", "holdfast-go")
	if given.body != nil {
		made.Header.Set("Content-Type", "application/json")
	}
	if given.idempotencyKey != "" {
		made.Header.Set("Idempotency-Key", given.idempotencyKey)
	}
	response, err := b.client.Do(made)
	if err != nil {
		return nil, unreachable(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, unreachable(err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, refusal(response, text)
	}
	answer, err := decodedAs[Answer](text)
	if err != nil {
		message := fmt.Sprintf("answered %d with something else: %v", response.StatusCode, err)
		return nil, &Error{Code: UnexpectedAnswer, Status: response.StatusCode, message: message, cause: err}
	}
	return &answer, nil
}

// unreachable leaves out the URL, in which ids of clients are credentials.
func unreachable(cause error) error {
	var failure *url.Error
	if errors.As(cause, &failure) {
		cause = failure.Err
	}
	return &Error{Code: Unreachable, message: cause.Error(), cause: cause}
}

func refusal(response *http.Response, text []byte) error {
	failure := &Error{
		Status:     response.StatusCode,
		RetryAfter: waitAsked(response.Header.Get("Retry-After"), response.Header.Get("Date")),
	}
	problem, err := decodedAs[Problem](text)
	if err != nil {
		failure.Code, failure.cause = UnexpectedAnswer, err
		failure.message = fmt.Sprintf("answered %d without a problem document", response.StatusCode)
		return failure
	}
	failure.Code, failure.Problem, failure.message = problem.Code, &problem, problem.Detail
	if failure.message == "" {
		failure.message = problem.Title
	}
	return failure
}

// A shape of what comes in: the names of the fields that are always there.
type shape interface {
	required() []string
}

// decodedAs decodes an object. encoding/json alone takes any object for any struct.
func decodedAs[Shape shape](text []byte) (Shape, error) {
	var value Shape
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return value, err
	}
	for _, name := range value.required() {
		if _, ok := fields[name]; !ok {
			return value, fmt.Errorf("it has no %q", name)
		}
	}
	return value, json.Unmarshal(text, &value)
}

// waitAsked is what `Retry-After` asks for: seconds, or a time, which is compared with that of the server (`Date`).
func waitAsked(retryAfter, date string) time.Duration {
	const maxDigits = 6
	if len(retryAfter) <= maxDigits {
		if seconds, err := strconv.ParseUint(retryAfter, 10, 32); err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	until, err := http.ParseTime(retryAfter)
	if err != nil {
		return 0
	}
	since, err := http.ParseTime(date)
	if err != nil {
		since = time.Now()
	}
	if wait := until.Sub(since); wait > 0 {
		return wait
	}
	return 0
}

// pathOf encodes names. URLs know "." and "..", also encoded: a name like that would make it the path of another call.
func pathOf(parts ...string) (string, error) {
	path := "/v1"
	for _, part := range parts {
		if part == "." || part == ".." {
			return "", &Error{Code: InvalidRequest, message: `"." and ".." are no names`}
		}
		path += "/" + url.PathEscape(part)
	}
	return path, nil
}

// jsonOf writes `<`, `>` and `&` as they are, other than json.Marshal.
func jsonOf(value interface{}) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(text.String(), "\n")), nil
}
