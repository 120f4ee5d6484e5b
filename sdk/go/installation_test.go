package holdfast

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// installation is the one that HOLDFAST_CONTROL_URL and HOLDFAST_KEY name; HOLDFAST_TOKEN_KEYS is a file with a list of
// private JSON Web Keys, one of an API key each.
func installation(t *testing.T) *Backend {
	url := os.Getenv("HOLDFAST_CONTROL_URL")
	if url == "" {
		t.Skip("HOLDFAST_CONTROL_URL names no installation")
	}
	backend, err := New(url, os.Getenv("HOLDFAST_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

func unique(t *testing.T, name string) string {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		t.Fatal(err)
	}
	return name + "-" + hex.EncodeToString(random[:])
}

// must is for calls that have to succeed.
func must[Value any](t *testing.T) func(Value, error) Value {
	return func(value Value, err error) Value {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestTopicsAndMessagesOfAnInstallation(t *testing.T) {
	backend, ctx, name := installation(t), context.Background(), unique(t, "go")
	topic := must[*Topic](t)
	made := topic(backend.CreateTopic(ctx, name, HistorySize(10), ExpireSeconds(3600), WithPresence(PresenceOptions{By: "client"})))
	equal(t, made.History, History{Size: 10, Seconds: 300})
	equal(t, []interface{}{made.Topic, *made.ExpireSeconds, made.Presence.By, made.Presence.Limit}, []interface{}{name, 3600, "client", 1000})
	made = topic(backend.CreateTopic(ctx, name, HistorySeconds(60), NeverExpire()))
	equal(t, made.History, History{Size: 10, Seconds: 60})
	if made.ExpireSeconds != nil || made.Presence == nil {
		t.Fatal(made)
	}
	if made = topic(backend.CreateTopic(ctx, name, WithoutPresence())); made.Presence != nil {
		t.Fatal(made)
	}

	publish := must[*Published](t)
	first := publish(backend.Publish(ctx, name, map[string]string{"text": "Ünïcode <b>"}, WithIdempotencyKey(name)))
	equal(t, publish(backend.Publish(ctx, name, map[string]string{"text": "Ünïcode <b>"}, WithIdempotencyKey(name))), first)
	_, err := backend.Publish(ctx, name, "another", WithIdempotencyKey(name))
	equal(t, CodeOf(err), IdempotencyConflict)
	outcomes := must[[]BatchOutcome](t)(backend.PublishMany(ctx, []Message{
		{Topics: []string{name}}, {Topics: []string{name, unique(t, "none")}, Data: 2},
	}))
	if !outcomes[0].OK || outcomes[0].IDs[name] <= first.ID || outcomes[1].OK || outcomes[1].Code != TopicNotFound {
		t.Fatal(outcomes)
	}
	if err := backend.DeleteTopic(ctx, name); err != nil {
		t.Fatal(err)
	}
	equal(t, CodeOf(backend.DeleteTopic(ctx, name)), TopicNotFound)
	_, err = backend.Publish(ctx, name, 1)
	equal(t, CodeOf(err), TopicNotFound)
}

func TestClientsAndUsersOfAnInstallation(t *testing.T) {
	backend, ctx, name, user := installation(t), context.Background(), unique(t, "go"), unique(t, "ann/é")
	must[*Topic](t)(backend.CreateTopic(ctx, name))
	client := must[*Registration](t)(backend.Register(ctx, RegisterOptions{
		Name: user, User: user, Topics: []string{name}, Info: map[string]int{"age": 7}, ClientExpirySeconds: 60,
		May: &RegisterMay{Subscribe: []string{name}, Presence: []string{}},
	}))
	equal(t, []interface{}{client.Name, client.Topics, len(client.Connect.URLs) > 0}, []interface{}{user, []string{name}, true})
	details := must[*ClientDetails](t)(backend.GetClient(ctx, client.ClientID))
	equal(t, details.May, May{Subscribe: []string{name}, Presence: []string{}})
	equal(t, []interface{}{details.User, details.Info, *details.ClientExpirySeconds}, []interface{}{user, map[string]int{"age": 7}, 60})
	if age := time.Since(details.RegisteredAt); age > time.Minute || age < -time.Minute || details.Connected || !details.ExpiresAt.IsZero() {
		t.Fatal(details)
	}
	_, err := backend.Register(ctx, RegisterOptions{Name: user})
	equal(t, CodeOf(err), NameTaken)

	topics := must[*ClientTopics](t)
	equal(t, topics(backend.Unsubscribe(ctx, client.ClientID, name)).Topics, []string{})
	equal(t, topics(backend.Subscribe(ctx, client.ClientID, name)).Topics, []string{name})
	publish := must[*Published](t)
	equal(t, publish(backend.PublishToUser(ctx, user, 1)).Topic, "@user")
	equal(t, publish(backend.PublishToClient(ctx, client.ClientID, 2)).Topic, "@me")
	_, err = backend.PublishToUser(ctx, unique(t, "none"), 1)
	equal(t, CodeOf(err), NoSuchUser)
	equal(t, must[*UserDetails](t)(backend.GetUser(ctx, user)), UserDetails{User: user, Clients: 1})
	equal(t, must[*DisconnectedUser](t)(backend.DisconnectUser(ctx, user)), DisconnectedUser{User: user, Clients: 1})
	_, err = backend.Presence(ctx, name, Page{})
	equal(t, CodeOf(err), PresenceOff)
	must[*Topic](t)(backend.CreateTopic(ctx, name, WithPresence(PresenceOptions{})))
	page := must[*PresencePage](t)(backend.Presence(ctx, name, Page{Limit: 10}))
	equal(t, []interface{}{page.Count, page.Members, page.Cursor}, []interface{}{0, []Member{}, ""})

	if err := backend.Unregister(ctx, client.ClientID); err != nil {
		t.Fatal(err)
	}
	equal(t, CodeOf(backend.Unregister(ctx, client.ClientID)), UserNotFound)
	_, err = backend.GetClient(ctx, client.ClientID)
	equal(t, CodeOf(err), ClientNotFound)
}

func TestATokenOfEachAlgorithmRegistersUntilItIsRevoked(t *testing.T) {
	backend, ctx, topic := installation(t), context.Background(), unique(t, "go")
	must[*Topic](t)(backend.CreateTopic(ctx, topic))
	var keys []json.RawMessage
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(os.Getenv("HOLDFAST_TOKEN_KEYS"))), &keys); err != nil || len(keys) == 0 {
		t.Fatal(err)
	}
	for _, key := range keys {
		user := unique(t, "token")
		issuer := must[*TokenIssuer](t)(NewTokenIssuer(key))
		may := &TokenMay{Publish: []string{"chat.*"}}
		token := must[string](t)(issuer.Issue(Claims{User: user, Topics: []string{topic}, Client: "tab", Info: "hi", May: may}))
		status, client := registerByToken(t, token)
		equal(t, []interface{}{status, client["name"], client["topics"]}, []interface{}{http.StatusCreated, "tab", []string{topic}})
		details := must[*ClientDetails](t)(backend.GetClient(ctx, client["clientId"].(string)))
		if details.User != user || details.ExpiresAt.IsZero() {
			t.Fatal(details)
		}
		// The claim `iat` has seconds: what is revoked must be of one before.
		time.Sleep(1100 * time.Millisecond)
		equal(t, must[*Revoked](t)(backend.RevokeUser(ctx, user, time.Time{})), Revoked{User: user, Clients: 1})
		status, refused := registerByToken(t, token)
		equal(t, []interface{}{status, refused["code"]}, []interface{}{http.StatusForbidden, TokenRevoked})
	}
}

// registerByToken does what a page does.
func registerByToken(t *testing.T, token string) (int, map[string]interface{}) {
	request := must[*http.Request](t)(http.NewRequest(http.MethodPost, os.Getenv("HOLDFAST_CONTROL_URL")+"/v1/clients", strings.NewReader("{}")))
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response := must[*http.Response](t)(http.DefaultClient.Do(request))
	defer response.Body.Close()
	var body map[string]interface{}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}
