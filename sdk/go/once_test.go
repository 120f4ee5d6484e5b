package holdfast

import (
	"context"
	"encoding/json"
	"testing"
)

const (
	clientID   = "3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11"
	registered = `{"clientId":"` + clientID + `","name":null,"topics":[],"connect":{"url":null,"urls":[]}}`
)

func TestRegisterTakesThePlaceOfAClientWhoseRegistrationWasNotAnswered(t *testing.T) {
	api := scripted(t, noAnswer, problem(NameTaken), answer(200, "{}"), answer(201, registered))
	client, err := api.backend(t).Register(context.Background(), RegisterOptions{Name: "tab", May: &RegisterMay{Presence: []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []string{client.ClientID, client.Name}, []string{clientID, ""})
	var body struct {
		ClientID string                 `json:"clientId"`
		May      map[string]interface{} `json:"may"`
	}
	if err := json.Unmarshal([]byte(api.calls[0].body), &body); err != nil {
		t.Fatal(err)
	}
	equal(t, body.May, map[string]interface{}{"presence": []string{}})
	for _, index := range []int{1, 3} {
		equal(t, api.calls[index].body, api.calls[0].body)
	}
	equal(t, api.lines(), []string{"POST /v1/clients", "POST /v1/clients", "DELETE /v1/clients/" + body.ClientID, "POST /v1/clients"})
}

func TestRegisterLeavesTheClientOfAnotherAlone(t *testing.T) {
	taken := scripted(t, problem(NameTaken))
	_, err := taken.backend(t).Register(context.Background(), RegisterOptions{Name: "tab"})
	equal(t, CodeOf(err), NameTaken)
	equal(t, len(taken.calls), 1)
	given := scripted(t, noAnswer, problem(ClientExists))
	_, err = given.backend(t).Register(context.Background(), RegisterOptions{ClientID: clientID})
	equal(t, CodeOf(err), ClientExists)
	equal(t, len(given.calls), 2)
}

func TestWhatAnAttemptBeforeHasRemovedIsGone(t *testing.T) {
	api := scripted(t, noAnswer, problem(UserNotFound), noAnswer, problem(TopicNotFound))
	backend := api.backend(t)
	if err := backend.Unregister(context.Background(), clientID); err != nil {
		t.Fatal(err)
	}
	if err := backend.DeleteTopic(context.Background(), "news"); err != nil {
		t.Fatal(err)
	}
	equal(t, len(api.calls), 4)
}

func TestWhatWasNotThereIsAnError(t *testing.T) {
	api := scripted(t, problem(UserNotFound), problem(TopicNotFound))
	backend := api.backend(t)
	equal(t, CodeOf(backend.Unregister(context.Background(), clientID)), UserNotFound)
	equal(t, CodeOf(backend.DeleteTopic(context.Background(), "news")), TopicNotFound)
}
