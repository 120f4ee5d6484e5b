package holdfast

import (
	"context"
	"net/http"
)

// RegisterOptions say what a client is. None has to be given.
type RegisterOptions struct {
	// Unique within the API key.
	Name   string
	Topics []string
	// A version 4 UUID; one is made otherwise.
	ClientID string
	// Public: the person, or whatever else, that several clients may belong to.
	User string
	// Public: any JSON of at most 1 KiB.
	Info interface{}
	// What it may do with its id, never more than the API key; nil: what the API key may.
	May *RegisterMay
	// It is forgotten when it has not been connected for so long: 60 to ten years; 0: as the API key says.
	ClientExpirySeconds int
}

func (options RegisterOptions) fields(clientID string) map[string]interface{} {
	fields := map[string]interface{}{"clientId": clientID}
	if options.Name != "" {
		fields["name"] = options.Name
	}
	if options.Topics != nil {
		fields["topics"] = options.Topics
	}
	if options.User != "" {
		fields["user"] = options.User
	}
	if options.Info != nil {
		fields["info"] = options.Info
	}
	if options.May != nil {
		fields["may"] = options.May
	}
	if options.ClientExpirySeconds != 0 {
		fields["clientExpirySeconds"] = options.ClientExpirySeconds
	}
	return fields
}

// Register registers a client: its ClientID is a credential, for the page that it is meant for alone.
func (b *Backend) Register(ctx context.Context, options RegisterOptions) (*Registration, error) {
	clientID := options.ClientID
	if clientID == "" {
		var err error
		if clientID, err = newID(); err != nil {
			return nil, err
		}
	}
	given, err := requestOf(http.MethodPost, options.fields(clientID), "clients")
	if err != nil {
		return nil, err
	}
	client, err := requestOf(http.MethodDelete, noBody{}, "clients", clientID)
	if err != nil {
		return nil, err
	}
	var registered *Registration
	err = b.withRetries(ctx, func(one attempt) error {
		var err error
		registered, err = send[Registration](one.ctx, b, given)
		code := CodeOf(err)
		// A client id that the caller chose may have been another's before.
		if !one.isRepeated || (code != ClientExists && code != NameTaken) || options.ClientID != "" {
			return err
		}
		// The client of the attempt before, whose answer is gone: this one takes its place.
		if err := b.remove(one, client, UserNotFound); err != nil {
			return err
		}
		registered, err = send[Registration](one.ctx, b, given)
		return err
	})
	if err != nil {
		return nil, err
	}
	return registered, nil
}

// Unregister forgets a client, and closes its connection.
func (b *Backend) Unregister(ctx context.Context, clientID string) error {
	given, err := requestOf(http.MethodDelete, noBody{}, "clients", clientID)
	if err != nil {
		return err
	}
	return b.withRetries(ctx, func(one attempt) error { return b.remove(one, given, UserNotFound) })
}

// What was removed, of which nothing is needed.
type removed struct{}

func (removed) required() []string {
	return nil
}

// remove succeeds when an attempt before has removed it.
func (b *Backend) remove(one attempt, given request, gone Code) error {
	_, err := send[removed](one.ctx, b, given)
	if one.isRepeated && CodeOf(err) == gone {
		return nil
	}
	return err
}
