#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "frames.h"
#include "handshake.h"
#include "loop.h"
#include "settings.h"
#include "tally.h"
#include "targets.h"
#include "wheel.h"

enum {
  // Clients of the wild have an address each, or share one with a few: servers that count by address see it so.
  CONNECTIONS_PER_SOURCE = 16,
  LONGEST_BACKOFF_MS = 15000,
  READ_BYTES = 1 << 18,
};

static uint32_t opened_up_to;
static int under_way;
static uint32_t wanted_open;
static const uint32_t NOBODY = UINT32_MAX;
static uint32_t first_in_line = UINT32_MAX;
static uint32_t last_in_line;
static unsigned char input[READ_BYTES];

static uint32_t index_of(const struct connection *connection) { return (uint32_t)(connection - connections); }

static bool is_under_way(const struct connection *connection) {
  return connection->state == CONNECTING || connection->state == SHAKING || connection->state == OPEN;
}

static void bind_source(int fd, uint32_t index) {
  uint32_t source = (uint32_t)settings.source_offset + index / CONNECTIONS_PER_SOURCE;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + source)};
  int yes = 1;
  // The kernel picks the port when it knows the target, so that one port serves for several targets.
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) perror("bind");
}

static uint32_t backoff(struct connection *connection) {
  uint64_t most = (uint64_t)settings.backoff_ms << (connection->failures < 8 ? connection->failures : 8);
  if (most > LONGEST_BACKOFF_MS) most = LONGEST_BACKOFF_MS;
  if (connection->failures < UINT8_MAX) connection->failures++;
  return (uint32_t)((uint64_t)rand() % (most + 1));
}

// Its server is gone: the next attempt is at the next one. (Who is refused comes again to the same.)
static void go_elsewhere(struct connection *connection) {
  connection->attempt++;
  connection_ended(connection, backoff(connection));
}

static void start(uint32_t index) {
  struct connection *connection = &connections[index];
  struct target target;
  read_target(connection, &target);
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_port = htons(target.ports[connection->attempt % target.port_count]),
    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) {
    perror("socket");
    exit(1);
  }
  bind_source(connection->fd, index);
  connection->state = CONNECTING;
  under_way++;
  watch(index, connection->fd);
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS) return;
  tally.failed++;
  go_elsewhere(connection);
}

void open_up_to(uint32_t count) { wanted_open = count < connection_count ? count : connection_count; }

void keep_opening(void) {
  while (first_in_line != NOBODY && under_way < settings.in_flight) {
    uint32_t index = first_in_line;
    first_in_line = connections[index].next_waiting;
    start(index);
  }
  while (opened_up_to < wanted_open && under_way < settings.in_flight) start(opened_up_to++);
}

// Its time has come; when all places are taken it stands in line for one.
static void due(uint32_t index) {
  connections[index].next_waiting = NOBODY;
  if (first_in_line == NOBODY) first_in_line = index;
  else connections[last_in_line].next_waiting = index;
  last_in_line = index;
}

int connections_due(void) {
  wheel_turn(due);
  keep_opening();
  return wheel_timeout();
}

void connection_ended(struct connection *connection, uint32_t delay_ms) {
  if (is_under_way(connection)) under_way--;
  if (connection->state == READY) {
    tally.ready--;
    tally.ended++;
  }
  close(connection->fd);
  connection->fd = -1;
  free(connection->held);
  connection->held = NULL;
  connection->held_bytes = 0;
  connection->state = WAITING;
  // The first time it is to succeed in any case; coming back is a wish.
  if (!connection->was_ready || settings.reconnect) wait_for(index_of(connection), delay_ms);
}

static void connection_lost(struct connection *connection) {
  if (connection->state != READY) tally.failed++;
  go_elsewhere(connection);
}

void connection_ready(struct connection *connection) {
  under_way--;
  connection->state = READY;
  connection->was_ready = true;
  connection->failures = 0;
  tally.ready++;
  tally.readied++;
  tally.ready_at = now_ns();
}

static void send_bytes(struct connection *connection, const void *bytes, size_t length) {
  // A few bytes on a socket that is not filled otherwise: what does not fit has a reader that is stuck.
  if (send(connection->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) tally.failed++;
}

void send_control(struct connection *connection, int opcode, const unsigned char *payload, size_t bytes) {
  unsigned char frame[MAX_FILLED + FRAME_HEADER];
  send_bytes(connection, frame, encode_frame(frame, opcode, payload, bytes));
}

void send_text(struct connection *connection, const char *text, size_t bytes) {
  send_control(connection, OPCODE_TEXT, (const unsigned char *)text, bytes);
}

static void say_hello(struct connection *connection) {
  struct target target;
  char text[MAX_FILLED];
  read_target(connection, &target);
  struct filling filling = filling_of(connection, &target);
  bool again = connection->was_ready && settings.again_hello_count > 0;
  int count = again ? settings.again_hello_count : settings.hello_count;
  for (int i = 0; i < count; i++) {
    const char *hello = again ? settings.again_hellos[i] : settings.hellos[i];
    send_text(connection, text, fill(hello, &filling, text));
  }
}

static void send_handshake(struct connection *connection) {
  struct target target;
  char request[MAX_FILLED + HANDSHAKE_HEADERS];
  read_target(connection, &target);
  struct filling filling = filling_of(connection, &target);
  connection->state = SHAKING;
  send_bytes(connection, request, write_handshake(request, &filling, connection->was_ready));
  watch_reading(index_of(connection), connection->fd);
}

// Gives how many bytes the answer took, 0 when it is not complete, -1 when the connection is gone.
static ssize_t take_answer(struct connection *connection, const unsigned char *bytes, size_t length) {
  struct answer answer = read_answer(bytes, length);
  if (answer.bytes == 0) return 0;
  if (answer.status != 101) {
    tally.refused++;
    uint32_t least = answer.retry_after_s * 1000;
    connection_ended(connection, least + backoff(connection));
    return -1;
  }
  tally.opened++;
  connection->state = OPEN;
  say_hello(connection);
  if (settings.ready[0] == '\0') connection_ready(connection);
  return (ssize_t)answer.bytes;
}

// Keeps the beginning of something whose end has not come.
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
  if (connection->state != SHAKING) tally.bytes += (uint64_t)got;
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
