#include "settings.h"

#include <stdlib.h>
#include <string.h>

struct settings settings = {.path = "/", .in_flight = 200, .backoff_ms = 250};

static bool copy(char *to, size_t room, const char *value) {
  size_t length = strlen(value);
  if (length >= room) return false;
  memcpy(to, value, length + 1);
  return true;
}

static bool add(char to[MAX_HELLOS][MAX_TEMPLATE], int *count, const char *value) {
  if (*count == MAX_HELLOS) return false;
  return copy(to[(*count)++], MAX_TEMPLATE, value);
}

static bool set_text(const char *name, const char *value) {
  struct { const char *name; char *to; size_t room; } texts[] = {
    {"path", settings.path, MAX_TEMPLATE},
    {"again-path", settings.again_path, MAX_TEMPLATE},
    {"ready", settings.ready, MAX_MARKER},
    {"reply-to", settings.reply_to, MAX_MARKER},
    {"reply", settings.reply, MAX_MARKER},
    {"position", settings.position, MAX_MARKER},
    {"epoch", settings.epoch, MAX_MARKER},
    {"start-position", settings.start_position, MAX_TEMPLATE},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (strcmp(name, texts[i].name) == 0) return copy(texts[i].to, texts[i].room, value);
  }
  return false;
}

bool set(const char *name, const char *value) {
  if (strcmp(name, "hello") == 0) return add(settings.hellos, &settings.hello_count, value);
  if (strcmp(name, "again-hello") == 0) return add(settings.again_hellos, &settings.again_hello_count, value);
  if (strcmp(name, "reconnect") == 0) {
    settings.reconnect = atoi(value) != 0;
    return true;
  }
  struct { const char *name; int *to; } numbers[] = {
    {"in-flight", &settings.in_flight},
    {"backoff-ms", &settings.backoff_ms},
    {"pause-us", &settings.pause_us},
    {"source-offset", &settings.source_offset},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (strcmp(name, numbers[i].name) != 0) continue;
    *numbers[i].to = atoi(value);
    return true;
  }
  return set_text(name, value);
}

static const char *blank(char letter, const struct filling *filling) {
  switch (letter) {
    case 'c': return filling->credential;
    case 't': return filling->topics[0];
    case 'u': return filling->topics[1];
    case 'p': return filling->positions[0];
    case 'q': return filling->positions[1];
    default: return NULL;
  }
}

size_t fill(const char *template, const struct filling *filling, char out[MAX_FILLED]) {
  size_t at = 0;
  for (const char *c = template; *c != '\0' && at < MAX_FILLED - 1; c++) {
    const char *value = *c == '%' ? blank(c[1], filling) : NULL;
    if (value == NULL) {
      out[at++] = *c;
      continue;
    }
    size_t length = strnlen(value, MAX_FILLED - 1 - at);
    memcpy(out + at, value, length);
    at += length;
    c++;
  }
  out[at] = '\0';
  return at;
}
