package holdfast

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// PublishOption is an option of Publish, PublishToUser and PublishToClient.
type PublishOption func(*request)

// WithIdempotencyKey gives the key under which a message is published: again under the same key within five minutes
// publishes nothing and gives the same id. One is made for each call otherwise; give it to be safe across a crash of this
// process too.
func WithIdempotencyKey(key string) PublishOption {
	return func(given *request) { given.idempotencyKey = key }
}

// Publish publishes a JSON value to a topic: whatever encoding/json takes.
func (b *Backend) Publish(ctx context.Context, topic string, data interface{}, options ...PublishOption) (*Published, error) {
	return b.publish(ctx, data, options, "topics", topic, "messages")
}

// PublishToUser publishes to all connections of a user, as topic @user. Code NoSuchUser when it has no client.
func (b *Backend) PublishToUser(ctx context.Context, user string, data interface{}, options ...PublishOption) (*Published, error) {
	return b.publish(ctx, data, options, "users", user, "messages")
}

// PublishToClient publishes to one client, as topic @me.
func (b *Backend) PublishToClient(ctx context.Context, clientID string, data interface{}, options ...PublishOption) (*Published, error) {
	return b.publish(ctx, data, options, "clients", clientID, "messages")
}

func (b *Backend) publish(ctx context.Context, data interface{}, options []PublishOption, parts ...string) (*Published, error) {
	key, err := newID()
	if err != nil {
		return nil, err
	}
	given, err := requestOf(http.MethodPost, data, parts...)
	if err != nil {
		return nil, err
	}
	given.idempotencyKey = key
	for _, option := range options {
		option(&given)
	}
	return call[Published](ctx, b, given)
}

// Subscribe subscribes a client to topics.
func (b *Backend) Subscribe(ctx context.Context, clientID string, topics ...string) (*ClientTopics, error) {
	return b.changeTopics(ctx, http.MethodPost, clientID, topics)
}

// Unsubscribe ends subscriptions of a client.
func (b *Backend) Unsubscribe(ctx context.Context, clientID string, topics ...string) (*ClientTopics, error) {
	return b.changeTopics(ctx, http.MethodDelete, clientID, topics)
}

func (b *Backend) changeTopics(ctx context.Context, method, clientID string, topics []string) (*ClientTopics, error) {
	if topics == nil {
		topics = []string{}
	}
	given, err := requestOf(method, map[string][]string{"topics": topics}, "clients", clientID, "topics")
	if err != nil {
		return nil, err
	}
	return call[ClientTopics](ctx, b, given)
}

// GetClient gives all that is known of a client.
func (b *Backend) GetClient(ctx context.Context, clientID string) (*ClientDetails, error) {
	given, err := requestOf(http.MethodGet, noBody{}, "clients", clientID)
	if err != nil {
		return nil, err
	}
	return call[ClientDetails](ctx, b, given)
}

// GetUser tells whether a user is connected, and with how many clients.
func (b *Backend) GetUser(ctx context.Context, user string) (*UserDetails, error) {
	given, err := requestOf(http.MethodGet, noBody{}, "users", user)
	if err != nil {
		return nil, err
	}
	return call[UserDetails](ctx, b, given)
}

// Page says which part of a list is asked for.
type Page struct {
	// Of the page before it; empty for the first.
	Cursor string
	// 0: as many as the server gives.
	Limit int
}

// Presence tells who is present on a topic, a page at a time.
func (b *Backend) Presence(ctx context.Context, topic string, page Page) (*PresencePage, error) {
	given, err := requestOf(http.MethodGet, noBody{}, "topics", topic, "presence")
	if err != nil {
		return nil, err
	}
	given.query = url.Values{}
	if page.Cursor != "" {
		given.query.Set("cursor", page.Cursor)
	}
	if page.Limit != 0 {
		given.query.Set("limit", strconv.Itoa(page.Limit))
	}
	return call[PresencePage](ctx, b, given)
}

// DisconnectUser ends the connections of a user; its registrations stay.
func (b *Backend) DisconnectUser(ctx context.Context, user string) (*DisconnectedUser, error) {
	given, err := requestOf(http.MethodPost, noBody{}, "users", user, "disconnect")
	if err != nil {
		return nil, err
	}
	return call[DisconnectedUser](ctx, b, given)
}

// RevokeUser refuses all tokens of a user that were issued before a time, as after a logout, and ends their connections.
// A zero time is now.
func (b *Backend) RevokeUser(ctx context.Context, user string, issuedBefore time.Time) (*Revoked, error) {
	if issuedBefore.IsZero() {
		issuedBefore = time.Now()
	}
	body := map[string]time.Time{"issuedBefore": issuedBefore.UTC()}
	given, err := requestOf(http.MethodPost, body, "users", user, "revoke")
	if err != nil {
		return nil, err
	}
	return call[Revoked](ctx, b, given)
}

// noBody is for a request without one: nil is a JSON value.
type noBody struct{}

func requestOf(method string, body interface{}, parts ...string) (request, error) {
	path, err := pathOf(parts...)
	if err != nil {
		return request{}, err
	}
	given := request{method: method, path: path}
	if _, isEmpty := body.(noBody); !isEmpty {
		given.body, err = jsonOf(body)
	}
	return given, err
}

// call makes a call whose answer is decoded as a struct.
func call[Answer shape](ctx context.Context, b *Backend, given request) (*Answer, error) {
	var answer *Answer
	err := b.withRetries(ctx, func(one attempt) error {
		var err error
		answer, err = send[Answer](one.ctx, b, given)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}
