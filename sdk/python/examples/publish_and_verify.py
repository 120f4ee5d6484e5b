"""Publishes a message, and waits for the webhook that tells of it.

HOLDFAST_CONTROL_URL, HOLDFAST_KEY   an installation, and a key of it that may publish and manage
WEBHOOK_SECRET                       the secret of the endpoint in its file of webhooks (type message.published)
PORT                                 where the endpoint's URL leads; 8080 when it is not given
"""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from holdfast import Holdfast, MessagePublished, WebhookError, verify_webhook

MAX_WEBHOOK_BYTES = 16 * 1024 * 1024

secret = os.environ["WEBHOOK_SECRET"]
arrived_ids: set[str] = set()
arrived = threading.Condition()


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_WEBHOOK_BYTES:
            return self.send_error(413)
        try:
            webhook = verify_webhook(self.headers, self.rfile.read(length), secret)
        except WebhookError as error:
            print("refused:", error.code, flush=True)
            return self.send_error(400)
        with arrived:
            for event in webhook.events:
                if isinstance(event.data, MessagePublished):
                    print("verified:", event.type, event.data.topic, event.data.data, flush=True)
                    arrived_ids.add(event.data.id)
            arrived.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("listening:", server.server_port, flush=True)

with Holdfast(os.environ["HOLDFAST_CONTROL_URL"], os.environ["HOLDFAST_KEY"]) as holdfast:
    holdfast.create_topic("news.sport")
    published = holdfast.publish("news.sport", {"home": 2, "away": 1})
    print("published:", published.id, flush=True)
    with arrived:
        if not arrived.wait_for(lambda: published.id in arrived_ids, timeout=60):
            raise SystemExit("no webhook came")
