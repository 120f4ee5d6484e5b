// Package holdfast is what a backend needs of Holdfast: calls that repeat themselves safely, tokens for its users, and
// webhooks.
//
// In what a server answers, text that JSON has as null or not at all is empty, and a time is zero; a number or a bool is
// then nil.
package holdfast

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Five attempts spread over some seconds: a control-api that restarts is back by then.
const (
	defaultAttempts = 5
	defaultTimeout  = 10 * time.Second
)

// Idle connections beyond two are closed by the default transport, so that a busy backend would open new ones all the time.
const idleConnections = 100

// Backend makes the calls of a backend, with its API key. Each repeats itself while that may help, and has its effect once.
// They fail with an *Error, or with the error of their context. It may be used from any goroutine.
type Backend struct {
	base     string
	key      string
	attempts int
	timeout  time.Duration
	client   *http.Client
}

// Option is an option of New.
type Option func(*Backend)

// WithAttempts sets how often a call is made at most: again after no answer, 408, 429 and 5xx. 5 by default.
func WithAttempts(attempts int) Option {
	return func(backend *Backend) { backend.attempts = attempts }
}

// WithTimeout sets how long one attempt may take, 10 s by default. A context bounds a call with all of its attempts.
func WithTimeout(timeout time.Duration) Option {
	return func(backend *Backend) { backend.timeout = timeout }
}

// WithHTTPClient gives the client that is used, for its transport: proxies, certificates. It follows no redirect, which
// would take the API key to another host.
func WithHTTPClient(client *http.Client) Option {
	return func(backend *Backend) { backend.client = client }
}

// A key as a header takes it.
var wellFormedKey = regexp.MustCompile(`^[!-~]+\.[!-~]+$`)

// New takes where control-api listens, such as http://127.0.0.1:7700, and an API key as it is presented: <id>.<secret>. White
// space around the key is left out, for a file ends with a line break. It makes no call, and its errors never quote the key.
func New(controlURL, key string, options ...Option) (*Backend, error) {
	parsed, err := url.Parse(controlURL)
	if err != nil {
		return nil, err
	}
	isURL := (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != ""
	if !isURL || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return nil, errors.New("holdfast: the control URL is http:// or https://, a host, and a port or a path if need be")
	}
	key = strings.TrimSpace(key)
	if !wellFormedKey.MatchString(key) {
		return nil, errors.New("holdfast: the key is <id>.<secret>, of visible ASCII characters")
	}
	backend := &Backend{
		base:     strings.TrimRight(controlURL, "/"),
		key:      key,
		attempts: defaultAttempts,
		timeout:  defaultTimeout,
	}
	for _, option := range options {
		option(backend)
	}
	if backend.attempts < 1 || backend.timeout <= 0 {
		return nil, errors.New("holdfast: a call takes at least one attempt, and an attempt some time")
	}
	backend.client = withoutRedirects(backend.client)
	return backend, nil
}

func withoutRedirects(given *http.Client) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	} else if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := standard.Clone()
		transport.MaxIdleConnsPerHost = idleConnections
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}
