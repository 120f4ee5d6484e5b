package holdfast

import (
	"bytes"
	"context"
	"errors"
	"net/http"
)

// For the names and braces around a message.
const bytesAround = 100

// What a message may be refused with that passes.
var passingCodes = map[Code]bool{RedisUnavailable: true, APIBusy: true, InternalError: true}

// Message is one message of PublishMany, for one or more topics.
type Message struct {
	Topics []string `json:"topics"`
	// A JSON value.
	Data interface{} `json:"data"`
	// As in Publish; one is made otherwise.
	IdempotencyKey string `json:"idempotencyKey"`
}

// A message as it is sent.
type encoded struct {
	topics []string
	body   []byte
}

type batchResults struct {
	Results []BatchOutcome `json:"results"`
}

func (batchResults) required() []string {
	return []string{"results"}
}

// PublishMany publishes many messages, each to its topics, in calls of up to 1,000. Gives one outcome for each, in order;
// one that fails does not stop the others. Fails only when nothing was sent, or with the error of the context, and then
// gives the outcomes of what was sent before.
func (b *Backend) PublishMany(ctx context.Context, messages []Message) ([]BatchOutcome, error) {
	// All are encoded before the first is sent: one that is no JSON is known then.
	all := make([]encoded, 0, len(messages))
	for _, message := range messages {
		if message.IdempotencyKey == "" {
			var err error
			if message.IdempotencyKey, err = newID(); err != nil {
				return nil, err
			}
		}
		body, err := jsonOf(message)
		if err != nil {
			return nil, err
		}
		all = append(all, encoded{message.Topics, body})
	}
	outcomes := make([]BatchOutcome, 0, len(all))
	for len(all) > 0 {
		count := fitting(all)
		batch := all[:count]
		all = all[count:]
		results, err := b.sendBatch(ctx, batch)
		var failure *Error
		switch {
		case err == nil:
			outcomes = append(outcomes, results...)
		case len(outcomes) == 0 || !errors.As(err, &failure):
			return outcomes, err
		default:
			for _, each := range batch {
				failed := BatchOutcome{IDs: map[string]string{}, Code: failure.Code, Detail: failure.message, Topics: each.topics}
				outcomes = append(outcomes, failed)
			}
		}
	}
	return outcomes, nil
}

// fitting is how many of the messages go into one call: at least one.
func fitting(messages []encoded) int {
	size := 0
	for index, message := range messages {
		size += len(message.body) + bytesAround
		if index > 0 && (index == maxBatchMessages || size > maxBatchBytes) {
			return index
		}
	}
	return len(messages)
}

// sendBatch sends again what a server could not take at the moment, and not what it refused.
func (b *Backend) sendBatch(ctx context.Context, batch []encoded) ([]BatchOutcome, error) {
	outcomes := make([]BatchOutcome, len(batch))
	open := make([]int, len(batch))
	for index := range batch {
		open[index] = index
	}
	hasOutcomes := false
	path, err := pathOf("messages")
	if err != nil {
		return nil, err
	}
	err = b.withRetries(ctx, func(one attempt) error {
		answer, err := send[batchResults](one.ctx, b, request{method: http.MethodPost, path: path, body: bodyOf(batch, open)})
		if err != nil {
			return err
		}
		if len(answer.Results) != len(open) {
			return &Error{Code: UnexpectedAnswer, Status: http.StatusAccepted, message: "it has not one result a message"}
		}
		hasOutcomes = true
		var left []int
		for at, index := range open {
			outcomes[index] = answer.Results[at]
			if !outcomes[index].OK && passingCodes[outcomes[index].Code] {
				left = append(left, index)
			}
		}
		open = left
		if len(open) > 0 {
			return &Error{Code: RedisUnavailable, Status: http.StatusServiceUnavailable, message: "not all of it"}
		}
		return nil
	})
	var failure *Error
	if err != nil && (!hasOutcomes || !errors.As(err, &failure)) {
		return nil, err
	}
	return outcomes, nil
}

func bodyOf(batch []encoded, sent []int) []byte {
	bodies := make([][]byte, len(sent))
	for at, index := range sent {
		bodies[at] = batch[index].body
	}
	joined := bytes.Join(bodies, []byte(","))
	return append(append([]byte(`{"messages":[`), joined...), "]}"...)
}
