package holdfast

import (
	"context"
	"net/http"
)

// TopicOption is a setting of CreateTopic. A setting that is not given has its default when the topic is made, and stays as
// it is otherwise.
type TopicOption func(*topicSettings)

type topicSettings struct {
	history map[string]int
	others  map[string]interface{}
}

// HistorySize sets how many messages are kept.
func HistorySize(messages int) TopicOption {
	return func(settings *topicSettings) { settings.history["size"] = messages }
}

// HistorySeconds sets for how long a message is kept.
func HistorySeconds(seconds int) TopicOption {
	return func(settings *topicSettings) { settings.history["seconds"] = seconds }
}

// ExpireSeconds has a topic deleted when for so long nothing was published and no client was connected to it.
func ExpireSeconds(seconds int) TopicOption {
	return func(settings *topicSettings) { settings.others["expireSeconds"] = seconds }
}

// NeverExpire keeps a topic until it is deleted.
func NeverExpire() TopicOption {
	return func(settings *topicSettings) { settings.others["expireSeconds"] = nil }
}

// WithPresence shows who is connected to a topic.
func WithPresence(options PresenceOptions) TopicOption {
	return func(settings *topicSettings) { settings.others["presence"] = options }
}

// WithoutPresence ends that.
func WithoutPresence() TopicOption {
	return func(settings *topicSettings) { settings.others["presence"] = nil }
}

// CreateTopic makes a topic, or changes the settings of the one that is there.
func (b *Backend) CreateTopic(ctx context.Context, topic string, options ...TopicOption) (*Topic, error) {
	settings := topicSettings{map[string]int{}, map[string]interface{}{}}
	for _, option := range options {
		option(&settings)
	}
	settings.others["history"] = settings.history
	given, err := requestOf(http.MethodPut, settings.others, "topics", topic)
	if err != nil {
		return nil, err
	}
	return call[Topic](ctx, b, given)
}

// DeleteTopic deletes a topic with its messages.
func (b *Backend) DeleteTopic(ctx context.Context, topic string) error {
	given, err := requestOf(http.MethodDelete, noBody{}, "topics", topic)
	if err != nil {
		return err
	}
	return b.withRetries(ctx, func(one attempt) error { return b.remove(one, given, TopicNotFound) })
}
