// Publishes a message, and waits for the webhook that tells of it.
//
//	HOLDFAST_CONTROL_URL, HOLDFAST_KEY   an installation, and a key of it that may publish and manage
//	WEBHOOK_SECRET                       the secret of the endpoint in its file of webhooks (type message.published)
//	PORT                                 where the endpoint's URL leads; 8080 when it is not given
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"holdfast.example/holdfast"
)

const maxWebhookBytes = 16 << 20

// endpoint verifies webhooks, and passes on the messages that they tell of.
func endpoint(secret string, messages chan<- holdfast.MessagePublished) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, maxWebhookBytes))
		if err != nil {
			return
		}
		webhook, err := holdfast.VerifyWebhook(request.Header, body, secret)
		var refused *holdfast.WebhookError
		if errors.As(err, &refused) {
			fmt.Println("refused:", refused.Code)
			http.Error(response, string(refused.Code), http.StatusBadRequest)
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		for _, event := range webhook.Events {
			if data, ok := event.Data.(holdfast.MessagePublished); ok {
				fmt.Println("verified:", event.Type, data.Topic, string(data.Data))
				messages <- data
			}
		}
		response.WriteHeader(http.StatusNoContent)
	}
}

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	messages := make(chan holdfast.MessagePublished, 100)
	server := &http.Server{Handler: endpoint(os.Getenv("WEBHOOK_SECRET"), messages), ReadHeaderTimeout: 10 * time.Second}
	go func() { log.Fatal(server.Serve(listener)) }()
	fmt.Println("listening:", listener.Addr().(*net.TCPAddr).Port)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	backend, err := holdfast.New(os.Getenv("HOLDFAST_CONTROL_URL"), os.Getenv("HOLDFAST_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := backend.CreateTopic(ctx, "news.sport"); err != nil {
		log.Fatal(err)
	}
	published, err := backend.Publish(ctx, "news.sport", map[string]int{"home": 2, "away": 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("published:", published.ID)
	for {
		select {
		case message := <-messages:
			if message.ID == published.ID {
				return
			}
		case <-ctx.Done():
			log.Fatal("no webhook came")
		}
	}
}
