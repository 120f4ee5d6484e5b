#include <string.h>

#include "generator.h"

// A stamp in the published data: "@c.ssssssssss.nnnnnnnnnnnnnnnnnnn@", which of the connection's topics (0 or 1), the
// number within the topic, and the time at which it was published. Digits of fixed width, so that nothing is searched.
enum { SEQUENCE_AT = 3, SEQUENCE_DIGITS = 10, TIME_AT = 14, TIME_DIGITS = 19, STAMP_BYTES = 34 };

static uint64_t number(const char *digits, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) value = value * 10 + (uint64_t)(digits[i] - '0');
  return value;
}

// False for a message that came before, or should have.
static bool is_next(struct connection *connection, int topic, uint32_t sequence) {
  uint32_t next = connection->next[topic];
  if (sequence < next) {
    counters.duplicated++;
    return false;
  }
  counters.lost += sequence - next;
  connection->next[topic] = sequence + 1;
  return true;
}

// Copies what stands after the marker where it comes last (a frame may carry several messages), up to the end of a JSON
// string or number.
static void keep_position(char position[MAX_POSITION], const char *in, size_t bytes, const char *marker) {
  const char *end = in + bytes;
  const char *found = NULL;
  for (const char *at = in; (at = memmem(at, (size_t)(end - at), marker, strlen(marker))) != NULL;) {
    at += strlen(marker);
    found = at;
  }
  if (found == NULL) return;
  size_t room = (size_t)(end - found);
  size_t length = 0;
  while (length < room && strchr("\",}", found[length]) == NULL) length++;
  if (length >= MAX_POSITION) return;
  memcpy(position, found, length);
  position[length] = '\0';
}

static void take_stamp(struct connection *connection, const char *stamp, uint64_t *arrived_at) {
  uint32_t sequence = (uint32_t)number(stamp + SEQUENCE_AT, SEQUENCE_DIGITS);
  uint64_t published_at = number(stamp + TIME_AT, TIME_DIGITS);
  if (*arrived_at == 0) *arrived_at = now_ns();
  if (!is_next(connection, stamp[1] == '1', sequence)) return;
  counters.received++;
  counters.received_at = *arrived_at;
  record_latency(*arrived_at > published_at ? *arrived_at - published_at : 0);
}

// One frame may carry several messages: some protocols batch.
static int take_stamps(struct connection *connection, const char *payload, size_t bytes, uint64_t *arrived_at) {
  const char *end = payload + bytes;
  int topic = -1;
  for (const char *at = payload; (at = memchr(at, '@', (size_t)(end - at))) != NULL;) {
    if (end - at < STAMP_BYTES || at[STAMP_BYTES - 1] != '@' || at[2] != '.') {
      at++;
      continue;
    }
    topic = at[1] == '1';
    take_stamp(connection, at, arrived_at);
    at += STAMP_BYTES;
  }
  return topic;
}

static void keep_start_positions(struct connection *connection, const char *payload, size_t bytes) {
  struct target target;
  char marker[MAX_FILLED];
  read_target(connection, &target);
  for (int topic = 0; topic < TOPICS_EACH; topic++) {
    if (target.topics[topic][0] == '\0') continue;
    fill(settings.start_position, connection, &target, topic, marker);
    keep_position(connection->positions[topic], payload, bytes, marker);
  }
}

static void take_ready(struct connection *connection, const char *payload, size_t bytes) {
  const char *greeting = settings.hello_after;
  if (greeting[0] != '\0' && memmem(payload, bytes, greeting, strlen(greeting)) != NULL) {
    send_hellos(connection);
    return;
  }
  if (memmem(payload, bytes, settings.ready, strlen(settings.ready)) == NULL) return;
  if (settings.epoch[0] != '\0') keep_position(connection->positions[1], payload, bytes, settings.epoch);
  if (settings.start_position[0] != '\0') keep_start_positions(connection, payload, bytes);
  connection_ready(connection);
}

void take_message(struct connection *connection, const char *payload, size_t bytes, uint64_t *arrived_at) {
  // The same frame may hold what was missed.
  if (connection->state == OPEN) take_ready(connection, payload, bytes);
  int topic = take_stamps(connection, payload, bytes, arrived_at);
  if (topic >= 0) {
    if (settings.position[0] != '\0') keep_position(connection->positions[topic], payload, bytes, settings.position);
    return;
  }
  size_t ping = strlen(settings.reply_to);
  if (ping > 0 && bytes == ping && memcmp(payload, settings.reply_to, ping) == 0) {
    send_text(connection, settings.reply, strlen(settings.reply));
  }
}
