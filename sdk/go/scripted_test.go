package holdfast

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

const published = `{"topic":"news","id":"1-0"}`

var statuses = map[Code]int{
	RedisUnavailable: 503, APIBusy: 503, InternalError: 500, TooManyCalls: 429, TopicNotFound: 404, UserNotFound: 409,
	ClientExists: 409, NameTaken: 409, KeyUnknown: 403,
}

type scriptedCall struct {
	line           string
	idempotencyKey string
	body           string
	key            string
}

type scriptedAnswer func(http.ResponseWriter, scriptedCall)

// scriptedAPI is a control-api that gives the answers of a test, one after the other.
type scriptedAPI struct {
	*httptest.Server
	over    chan struct{}
	mutex   sync.Mutex
	calls   []scriptedCall
	answers []scriptedAnswer
}

func scripted(t *testing.T, answers ...scriptedAnswer) *scriptedAPI {
	api := &scriptedAPI{over: make(chan struct{}), answers: answers}
	api.Server = httptest.NewServer(http.HandlerFunc(api.take))
	t.Cleanup(func() {
		close(api.over)
		api.Close()
	})
	return api
}

func (api *scriptedAPI) take(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	line := request.Method + " " + request.URL.EscapedPath()
	call := scriptedCall{line, request.Header.Get("Idempotency-Key"), string(body), request.Header.Get("X-API-Key")}
	api.mutex.Lock()
	answer := problem(InternalError)
	if len(api.answers) > 0 {
		answer = api.answers[0]
		api.answers = api.answers[1:]
	}
	api.calls = append(api.calls, call)
	api.mutex.Unlock()
	answer(response, call)
}

func (api *scriptedAPI) backend(t *testing.T, options ...Option) *Backend {
	backend, err := New(api.URL, "test.secret", options...)
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

func answer(status int, body string, headers ...string) scriptedAnswer {
	return func(response http.ResponseWriter, _ scriptedCall) {
		for index := 0; index < len(headers); index += 2 {
			response.Header().Set(headers[index], headers[index+1])
		}
		response.WriteHeader(status)
		fmt.Fprint(response, body)
	}
}

func problem(code Code, headers ...string) scriptedAnswer {
	status := statuses[code]
	body := fmt.Sprintf(`{"type":"urn:holdfast:problem:%s","title":"title","status":%d,"code":%q,"detail":"why %s"}`, code, status, code, code)
	return answer(status, body, headers...)
}

// noAnswer ends the connection.
func noAnswer(http.ResponseWriter, scriptedCall) {
	panic(http.ErrAbortHandler)
}

// cutOff ends it within the answer.
func cutOff(response http.ResponseWriter, _ scriptedCall) {
	response.Header().Set("Content-Length", "100")
	response.WriteHeader(http.StatusAccepted)
	fmt.Fprint(response, `{"topic"`)
	if flusher, ok := response.(http.Flusher); ok {
		flusher.Flush()
	}
	panic(http.ErrAbortHandler)
}

// silent gives no answer until the test is over.
func (api *scriptedAPI) silent(http.ResponseWriter, scriptedCall) {
	<-api.over
}

func (api *scriptedAPI) lines() []string {
	lines := make([]string, len(api.calls))
	for index, call := range api.calls {
		lines[index] = call.line
	}
	return lines
}

func asJSON(t *testing.T, value interface{}) string {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func equal(t *testing.T, got, want interface{}) {
	t.Helper()
	if asJSON(t, got) != asJSON(t, want) {
		t.Fatalf("got %s, want %s", asJSON(t, got), asJSON(t, want))
	}
}

func numbered(count int) []Message {
	messages := make([]Message, count)
	for index := range messages {
		messages[index] = Message{Topics: []string{"a"}, Data: strconv.Itoa(index)}
	}
	return messages
}
