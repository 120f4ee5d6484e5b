package holdfast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func ok(topic string) string {
	return fmt.Sprintf(`{"ok":true,"ids":{%q:"1-0"}}`, topic)
}

func failed(code Code) string {
	return fmt.Sprintf(`{"ok":false,"ids":{},"code":%q,"detail":"why","topics":["a"]}`, code)
}

func results(given ...string) scriptedAnswer {
	return answer(http.StatusAccepted, `{"results":[`+strings.Join(given, ",")+`]}`)
}

func sent(t *testing.T, call scriptedCall) []Message {
	var body struct{ Messages []Message }
	if err := json.Unmarshal([]byte(call.body), &body); err != nil {
		t.Fatal(err)
	}
	return body.Messages
}

func allOK(t *testing.T) scriptedAnswer {
	return func(response http.ResponseWriter, call scriptedCall) {
		given := make([]string, len(sent(t, call)))
		for index := range given {
			given[index] = ok("a")
		}
		results(given...)(response, call)
	}
}

func threeMessages() []Message {
	return []Message{{Topics: []string{"a"}}, {Topics: []string{"b"}}, {Topics: []string{"c"}}}
}

func TestPublishManySendsAgainUnderTheSameKeyOnlyWhatMaySucceedInAMoment(t *testing.T) {
	first := results(ok("a"), failed(RedisUnavailable), failed(TopicNotFound))
	api := scripted(t, noAnswer, first, results(ok("b")))
	outcomes, err := api.backend(t).PublishMany(context.Background(), threeMessages())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []interface{}{outcomes[0].IDs, outcomes[1].IDs, outcomes[2].Code}, []interface{}{map[string]string{"a": "1-0"}, map[string]string{"b": "1-0"}, TopicNotFound})
	one := sent(t, api.calls[0])
	equal(t, sent(t, api.calls[1]), one)
	equal(t, sent(t, api.calls[2]), one[1:2])
	if one[0].IdempotencyKey == "" || one[0].IdempotencyKey == one[1].IdempotencyKey {
		t.Fatal(one)
	}
}

func TestPublishManySaysOfEachWhatBecameOfItWhenTheAttemptsAreOver(t *testing.T) {
	api := scripted(t, results(ok("a"), failed(RedisUnavailable), ok("c")), noAnswer)
	outcomes, err := api.backend(t, WithAttempts(2)).PublishMany(context.Background(), threeMessages())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []interface{}{outcomes[0].OK, outcomes[1].Code, outcomes[2].OK}, []interface{}{true, RedisUnavailable, true})
}

func TestPublishManyFailsWhenSurelyNoneWasPublished(t *testing.T) {
	for _, code := range []Code{KeyUnknown, TooManyCalls} {
		api := scripted(t, problem(code), problem(code))
		outcomes, err := api.backend(t, WithAttempts(2)).PublishMany(context.Background(), threeMessages())
		equal(t, []interface{}{len(outcomes), CodeOf(err)}, []interface{}{0, code})
	}
	api := scripted(t)
	_, err := api.backend(t).PublishMany(context.Background(), []Message{{Topics: []string{"a"}}, {Topics: []string{"a"}, Data: func() {}}})
	if err == nil || len(api.calls) != 0 {
		t.Fatal(err, api.calls)
	}
}

func TestWhatMayHaveBeenPublishedHasAnOutcomeWithItsKey(t *testing.T) {
	for _, given := range []struct {
		code    Code
		answers []scriptedAnswer
	}{
		{Unreachable, []scriptedAnswer{noAnswer, noAnswer}},
		{Unreachable, []scriptedAnswer{noAnswer, problem(KeyUnknown)}},
		{InternalError, []scriptedAnswer{problem(InternalError), problem(InternalError)}},
		{UnexpectedAnswer, []scriptedAnswer{results()}},
	} {
		api := scripted(t, given.answers...)
		outcomes, err := api.backend(t, WithAttempts(2)).PublishMany(context.Background(), threeMessages())
		if err != nil {
			t.Fatal(err)
		}
		for index, message := range sent(t, api.calls[0]) {
			got := outcomes[index]
			equal(t, []interface{}{got.OK, got.Code, got.Topics, got.IdempotencyKey}, []interface{}{false, given.code, message.Topics, message.IdempotencyKey})
		}
	}
}

func TestNoMoreIsSentAfterACallOfWhichNothingIsKnown(t *testing.T) {
	api := scripted(t, noAnswer, allOK(t))
	outcomes, err := api.backend(t, WithAttempts(1)).PublishMany(context.Background(), numbered(1001))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []interface{}{len(api.calls), outcomes[1000].Code, outcomes[1000].IdempotencyKey != ""}, []interface{}{1, Unreachable, true})
}

func TestALaterCallThatFailsIsAnOutcome(t *testing.T) {
	api := scripted(t, allOK(t), problem(KeyUnknown))
	outcomes, err := api.backend(t).PublishMany(context.Background(), numbered(1001))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []interface{}{outcomes[999].OK, outcomes[1000].Code, outcomes[1000].Topics}, []interface{}{true, KeyUnknown, []string{"a"}})
}

func TestPublishManyMakesCallsOfAtMost1000MessagesAnd16MiB(t *testing.T) {
	api := scripted(t, allOK(t), allOK(t), allOK(t), allOK(t))
	backend := api.backend(t)
	large := make([]Message, 300)
	for index := range large {
		large[index] = Message{Topics: []string{"a"}, Data: strings.Repeat("x", 60_000)}
	}
	for _, messages := range [][]Message{numbered(1001), large, nil} {
		outcomes, err := backend.PublishMany(context.Background(), messages)
		if err != nil || len(outcomes) != len(messages) {
			t.Fatal(err, len(outcomes))
		}
	}
	var counts []int
	for _, call := range api.calls {
		counts = append(counts, len(sent(t, call)))
		if len(call.body) > maxBatchBytes {
			t.Fatal(len(call.body))
		}
	}
	equal(t, counts, []int{1000, 1, 278, 22})
}

func TestPublishManyEndsWithItsContextAndGivesWhatBecameOfAll(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	api := scripted(t, allOK(t), func(response http.ResponseWriter, call scriptedCall) {
		cancel()
		given := make([]string, len(sent(t, call)))
		for index := range given {
			given[index] = failed(RedisUnavailable)
		}
		given[0] = ok("a")
		results(given...)(response, call)
	})
	outcomes, err := api.backend(t).PublishMany(ctx, numbered(2001))
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	equal(t, []interface{}{len(outcomes), len(api.calls), outcomes[999].OK}, []interface{}{2001, 2, true})
	for _, outcome := range outcomes[1001:] {
		if outcome.OK || outcome.Code == "" || outcome.IdempotencyKey == "" {
			t.Fatal(outcome)
		}
	}
	outcomes, err = api.backend(t).PublishMany(ctx, numbered(1))
	if !errors.Is(err, context.Canceled) || len(outcomes) != 0 {
		t.Fatal(outcomes, err)
	}
}

func TestPublishManyKeepsWhatWasAcceptedOfTheBatchInWhichItsContextEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	api := scripted(t, results(ok("a"), failed(RedisUnavailable), failed(TopicNotFound)), func(response http.ResponseWriter, call scriptedCall) {
		cancel()
		problem(RedisUnavailable)(response, call)
	})
	outcomes, err := api.backend(t).PublishMany(ctx, threeMessages())
	if !errors.Is(err, context.Canceled) || len(outcomes) != 3 {
		t.Fatal(outcomes, err)
	}
	keys := sent(t, api.calls[0])
	equal(t, []interface{}{outcomes[0].OK, outcomes[1].Code, outcomes[2].Code}, []interface{}{true, RedisUnavailable, TopicNotFound})
	equal(t, []string{outcomes[0].IdempotencyKey, outcomes[1].IdempotencyKey}, []string{"", keys[1].IdempotencyKey})
}
