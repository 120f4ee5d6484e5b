#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "generator.h"

enum {
  // Real clients have an address each, or share one with a few: servers that count by address see it so.
  CONNECTIONS_PER_SOURCE = 16,
  LONGEST_BACKOFF_MS = 15000,
  // The timer wheel of connections that wait for their next attempt: as many slots as the longest delay needs.
  SLOT_MS = 5,
  SLOTS = 8192,
};

static uint32_t wanted_open;
static uint32_t opened_up_to;
static int under_way;
// Indices of connections, or NONE.
static const uint32_t NONE = UINT32_MAX;
static uint32_t queue_first = UINT32_MAX; // those whose delay is over, and that wait for a place under way
static uint32_t queue_last;
static uint32_t wheel[SLOTS]; // the first in each slot, plus 1; 0 for none
static uint32_t in_wheel;
static uint64_t turned; // slots since the clock began

static uint32_t index_of(const struct connection *connection) { return (uint32_t)(connection - connections); }

static uint64_t slot_now(void) { return now_ns() / 1000000 / SLOT_MS; }

static void start_later(uint32_t index, uint32_t delay_ms) {
  uint64_t ahead = delay_ms / SLOT_MS + 1;
  if (ahead >= SLOTS) ahead = SLOTS - 1;
  if (in_wheel == 0) turned = slot_now();
  uint32_t *slot = &wheel[(turned + ahead) % SLOTS];
  connections[index].next_waiting = *slot;
  *slot = index + 1;
  in_wheel++;
}

static void enqueue(uint32_t index) {
  connections[index].next_waiting = NONE;
  if (queue_first == NONE) queue_first = index;
  else connections[queue_last].next_waiting = index;
  queue_last = index;
}

static void turn_wheel(void) {
  uint64_t now = slot_now();
  while (in_wheel > 0 && turned < now) {
    turned++;
    uint32_t next = wheel[turned % SLOTS];
    wheel[turned % SLOTS] = 0;
    while (next != 0) {
      uint32_t index = next - 1;
      next = connections[index].next_waiting;
      in_wheel--;
      enqueue(index);
    }
  }
}

static void end(struct connection *connection, uint32_t delay_ms) {
  if (connection->state == CONNECTING || connection->state == SHAKING || connection->state == OPEN) under_way--;
  if (connection->state == READY) {
    counters.ready--;
    counters.ended++;
  }
  close(connection->fd);
  connection->fd = -1;
  free(connection->held);
  connection->held = NULL;
  connection->held_bytes = 0;
  connection->state = WAITING;
  // Until it was ready once it is tried again in any case.
  if (!connection->was_ready || settings.reconnect) start_later(index_of(connection), delay_ms);
}

static uint32_t backoff(struct connection *connection) {
  uint64_t most = (uint64_t)settings.backoff_ms << (connection->failures < 8 ? connection->failures : 8);
  if (most > LONGEST_BACKOFF_MS) most = LONGEST_BACKOFF_MS;
  if (connection->failures < UINT8_MAX) connection->failures++;
  return (uint32_t)((uint64_t)rand() % (most + 1));
}

void connection_refused(struct connection *connection, uint32_t least_ms) {
  counters.refused++;
  end(connection, least_ms + backoff(connection));
}

void connection_lost(struct connection *connection) {
  if (connection->state != READY) counters.failed++;
  connection->attempt++;
  end(connection, backoff(connection));
}

void connection_ready(struct connection *connection) {
  under_way--;
  connection->state = READY;
  connection->was_ready = true;
  connection->failures = 0;
  counters.ready++;
  counters.readied++;
  counters.ready_at = now_ns();
}

static void bind_source(int fd, uint32_t index) {
  uint32_t source = (uint32_t)settings.source_offset + index / CONNECTIONS_PER_SOURCE;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + source)};
  int yes = 1;
  // The kernel picks the port when it knows the target, so that one port serves for several targets.
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) perror("bind");
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
  connection_lost(connection);
}

void open_up_to(uint32_t count) { wanted_open = count < connection_count ? count : connection_count; }

void keep_opening(void) {
  while (queue_first != NONE && under_way < settings.in_flight) {
    uint32_t index = queue_first;
    queue_first = connections[index].next_waiting;
    start(index);
  }
  while (opened_up_to < wanted_open && under_way < settings.in_flight) start(opened_up_to++);
}

int connections_due(void) {
  turn_wheel();
  keep_opening();
  return in_wheel > 0 ? SLOT_MS : -1;
}
