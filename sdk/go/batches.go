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

// BatchOutcome is what became of one message of PublishMany. With a code of the SDK, such as Unreachable, it may have been
// published or not.
type BatchOutcome struct {
	BatchResult
	// Of a message that is not OK: sent again under this key within five minutes, it is published once.
	IdempotencyKey string
}

// A message as it is sent.
type encoded struct {
	topics         []string
	idempotencyKey string
	body           []byte
}

type batchResults struct {
	Results []BatchResult `json:"results"`
}

func (batchResults) required() []string {
	return []string{"results"}
}

// PublishMany publishes many messages, each to its topics, in calls of up to 1,000. Gives one outcome for each, in order;
// one that is refused does not stop the others. One that is not OK may have been published when no answer came; sent again
// with its IdempotencyKey it is published once. After a call of which nothing is known no more is sent.
//
// Fails when surely none was published, without an outcome; and with the error of the context, with the outcomes of all
// unless it had ended before.
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
		all = append(all, encoded{message.Topics, message.IdempotencyKey, body})
	}
	outcomes := make([]BatchOutcome, 0, len(all))
	// Why no more is sent.
	var end error
	for len(all) > 0 {
		count := fitting(all)
		sending := newSending(all[:count])
		all = all[count:]
		failure := end
		if end == nil {
			err := b.withRetries(ctx, func(one attempt) error { return sending.attempt(b, one) })
			if failure = err; sending.lost != nil {
				failure = sending.lost
			}
			if err != nil && !sending.isAnswered {
				if end = sending.lost; end == nil && len(outcomes) == 0 {
					return nil, err
				}
			}
		}
		outcomes = append(outcomes, sending.outcomes(failure)...)
	}
	return outcomes, contextErrorOf(ctx, outcomes)
}

// contextErrorOf is the error of a context that ended before all was sent.
func contextErrorOf(ctx context.Context, outcomes []BatchOutcome) error {
	for _, outcome := range outcomes {
		if !outcome.OK {
			return ctx.Err()
		}
	}
	return nil
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

// One batch. What a server could not take at the moment is sent again, and not what it refused.
type sending struct {
	batch   []encoded
	results []BatchResult
	// What is to be sent: indexes of the batch.
	open []int
	// Whether there are results; those of all come at once.
	isAnswered bool
	// The last error of an attempt that may have been carried out.
	lost error
}

func newSending(batch []encoded) *sending {
	open := make([]int, len(batch))
	for index := range batch {
		open[index] = index
	}
	return &sending{batch: batch, results: make([]BatchResult, len(batch)), open: open}
}

func (s *sending) attempt(b *Backend, one attempt) error {
	path, err := pathOf("messages")
	if err != nil {
		return err
	}
	answer, err := send[batchResults](one.ctx, b, request{method: http.MethodPost, path: path, body: bodyOf(s.batch, s.open)})
	if err == nil && len(answer.Results) != len(s.open) {
		err = &Error{Code: UnexpectedAnswer, Status: http.StatusAccepted, message: "it has not one result a message"}
	}
	if err != nil {
		if mayBeCarriedOut(err) {
			s.lost = err
		}
		return err
	}
	s.isAnswered = true
	var left []int
	for at, index := range s.open {
		result := answer.Results[at]
		s.results[index] = result
		if !result.OK && passingCodes[result.Code] {
			left = append(left, index)
		}
	}
	s.open = left
	if len(left) > 0 {
		return &Error{Code: RedisUnavailable, Status: http.StatusServiceUnavailable, message: "not all of it"}
	}
	return nil
}

// outcomes are those that the server gave, or all for the same reason. What a context ended got no answer.
func (s *sending) outcomes(failure error) []BatchOutcome {
	outcomes := make([]BatchOutcome, len(s.batch))
	for index, each := range s.batch {
		result := s.results[index]
		if !s.isAnswered {
			result = BatchResult{IDs: map[string]string{}, Code: Unreachable, Detail: failure.Error(), Topics: each.topics}
			var known *Error
			if errors.As(failure, &known) {
				result.Code, result.Detail = known.Code, known.message
			}
		}
		outcomes[index].BatchResult = result
		if !result.OK {
			outcomes[index].IdempotencyKey = each.idempotencyKey
		}
	}
	return outcomes
}

// mayBeCarriedOut is false for what a server refuses, below 500: it has not done that.
func mayBeCarriedOut(err error) bool {
	var failure *Error
	if !errors.As(err, &failure) {
		return true
	}
	isRefused := failure.Status >= 300 && failure.Status < http.StatusInternalServerError
	return !isRefused || failure.Status == http.StatusRequestTimeout
}

func bodyOf(batch []encoded, sent []int) []byte {
	bodies := make([][]byte, len(sent))
	for at, index := range sent {
		bodies[at] = batch[index].body
	}
	joined := bytes.Join(bodies, []byte(","))
	return append(append([]byte(`{"messages":[`), joined...), "]}"...)
}
