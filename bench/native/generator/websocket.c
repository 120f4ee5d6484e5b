#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "generator.h"

// RFC 6455, section 5.2.
enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { FIN = 0x80, MASKED = 0x80, LENGTH_16 = 126, FRAME_HEADER = 14 };
enum { HANDSHAKE_HEADERS = 256, READ_BYTES = 1 << 18 };

static unsigned char input[READ_BYTES];

static void send_bytes(struct connection *connection, const void *bytes, size_t length) {
  // A few bytes on a socket that is not filled otherwise: what does not fit has a reader that is stuck.
  if (send(connection->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) counters.failed++;
}

// The mask is 0, which leaves the payload as it is.
static void send_frame(struct connection *connection, int opcode, const void *payload, size_t bytes) {
  unsigned char frame[MAX_FILLED + FRAME_HEADER];
  size_t at = 0;
  frame[at++] = (unsigned char)(FIN | opcode);
  if (bytes < LENGTH_16) {
    frame[at++] = (unsigned char)(MASKED | bytes);
  } else {
    frame[at++] = MASKED | LENGTH_16;
    frame[at++] = (unsigned char)(bytes >> 8);
    frame[at++] = (unsigned char)bytes;
  }
  memset(frame + at, 0, 4);
  memcpy(frame + at + 4, payload, bytes);
  send_bytes(connection, frame, at + 4 + bytes);
}

void send_text(struct connection *connection, const char *text, size_t bytes) {
  send_frame(connection, TEXT, text, bytes);
}

static void send_handshake(struct connection *connection) {
  struct target target;
  char path[MAX_FILLED];
  char request[MAX_FILLED + HANDSHAKE_HEADERS];
  read_target(connection, &target);
  bool again = connection->was_ready && settings.again_path[0] != '\0';
  fill(again ? settings.again_path : settings.path, connection, &target, 0, path);
  int length = sprintf(request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       path);
  connection->state = SHAKING;
  send_bytes(connection, request, (size_t)length);
  watch_reading((uint32_t)(connection - connections), connection->fd);
}

void send_hellos(struct connection *connection) {
  struct target target;
  char text[MAX_FILLED];
  read_target(connection, &target);
  bool again = connection->was_ready && settings.again_hello_count > 0;
  int count = again ? settings.again_hello_count : settings.hello_count;
  for (int i = 0; i < count; i++) {
    const char *hello = again ? settings.again_hellos[i] : settings.hellos[i];
    send_text(connection, text, fill(hello, connection, &target, 0, text));
  }
}

// Returns how many bytes the answer took, 0 when it is not complete, -1 when the connection is gone.
static ssize_t take_answer(struct connection *connection, const unsigned char *bytes, size_t length) {
  const unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  size_t answer = (size_t)(end - bytes) + 4;
  char head[2048];
  size_t copied = answer < sizeof head ? answer : sizeof head - 1;
  memcpy(head, bytes, copied);
  head[copied] = '\0';
  const char *status = strchr(head, ' ');
  if (status == NULL || atoi(status) != 101) {
    const char *retry = strcasestr(head, "\r\nretry-after:");
    connection_refused(connection, retry == NULL ? 0 : (uint32_t)atoi(retry + strlen("\r\nretry-after:")) * 1000);
    return -1;
  }
  counters.opened++;
  connection->state = OPEN;
  if (settings.hello_after[0] == '\0') send_hellos(connection);
  if (settings.ready[0] == '\0') connection_ready(connection);
  return (ssize_t)answer;
}

// The header's length and the payload's; 0 when the header is not complete.
static size_t read_header(const unsigned char *bytes, size_t length, uint64_t *payload) {
  if (length < 2) return 0;
  *payload = bytes[1] & 0x7f;
  if (*payload < LENGTH_16) return 2;
  size_t wide = *payload == LENGTH_16 ? 2 : 8;
  if (length < 2 + wide) return 0;
  *payload = 0;
  for (size_t i = 0; i < wide; i++) *payload = *payload << 8 | bytes[2 + i];
  return 2 + wide;
}

// Takes all whole frames; returns how many bytes they were, -1 when the connection is over.
static ssize_t take_frames(struct connection *connection, const unsigned char *bytes, size_t length) {
  size_t at = 0;
  uint64_t arrived_at = 0;
  for (;;) {
    uint64_t payload;
    size_t header = read_header(bytes + at, length - at, &payload);
    if (header == 0 || length - at - header < payload) return (ssize_t)at;
    const unsigned char *data = bytes + at + header;
    switch (bytes[at]) {
      case FIN | TEXT:
      case FIN | BINARY:
        take_message(connection, (const char *)data, payload, &arrived_at);
        break;
      case FIN | PING:
        send_frame(connection, PONG, data, payload < LENGTH_16 ? payload : 0);
        break;
      case FIN | PONG:
        break;
      case FIN | CLOSE:
        return -1;
      default:
        counters.malformed++;
    }
    at += header + payload;
  }
}

// Keeps the beginning of a frame whose end has not come.
static void hold(struct connection *connection, const unsigned char *bytes, size_t length) {
  unsigned char *held = length == 0 ? NULL : malloc(length);
  if (length > 0 && held == NULL) abort();
  if (length > 0) memcpy(held, bytes, length);
  free(connection->held);
  connection->held = held;
  connection->held_bytes = (uint32_t)length;
}

static void take_input(struct connection *connection, const unsigned char *bytes, size_t length) {
  size_t at = 0;
  if (connection->state == SHAKING) {
    ssize_t answer = take_answer(connection, bytes, length);
    if (answer < 0) return;
    at = (size_t)answer;
  }
  if (connection->state == OPEN || connection->state == READY) {
    ssize_t frames = take_frames(connection, bytes + at, length - at);
    if (frames < 0) {
      connection_lost(connection);
      return;
    }
    at += (size_t)frames;
  }
  if (at < length || connection->held != NULL) hold(connection, bytes + at, length - at);
}

static void read_some(struct connection *connection) {
  size_t held = connection->held_bytes;
  if (held >= READ_BYTES) {
    fprintf(stderr, "a frame of more than %d bytes\n", READ_BYTES);
    exit(1);
  }
  if (held > 0) memcpy(input, connection->held, held);
  ssize_t got = recv(connection->fd, input + held, READ_BYTES - held, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    connection_lost(connection);
    return;
  }
  if (connection->state != SHAKING) counters.bytes += (uint64_t)got;
  take_input(connection, input, held + (size_t)got);
}

void connection_event(uint32_t index, uint32_t events) {
  struct connection *connection = &connections[index];
  if (connection->fd < 0) return;
  if (connection->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) connection_lost(connection);
    else if (events & EPOLLOUT) send_handshake(connection);
    return;
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_some(connection);
}
