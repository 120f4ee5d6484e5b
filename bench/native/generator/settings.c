#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generator.h"

struct settings settings = {.path = "/", .in_flight = 200, .backoff_ms = 250};
struct connection *connections;
uint32_t connection_count;
static const char *targets; // the file

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

bool set(const char *name, const char *value) {
  struct { const char *name; char *to; size_t room; } texts[] = {
    {"path", settings.path, MAX_TEMPLATE},
    {"again-path", settings.again_path, MAX_TEMPLATE},
    {"ready", settings.ready, MAX_MARKER},
    {"hello-after", settings.hello_after, MAX_MARKER},
    {"reply-to", settings.reply_to, MAX_MARKER},
    {"reply", settings.reply, MAX_MARKER},
    {"position", settings.position, MAX_MARKER},
    {"epoch", settings.epoch, MAX_MARKER},
    {"start-position", settings.start_position, MAX_TEMPLATE},
  };
  struct { const char *name; int *to; } numbers[] = {
    {"in-flight", &settings.in_flight},
    {"backoff-ms", &settings.backoff_ms},
    {"pause-us", &settings.pause_us},
    {"source-offset", &settings.source_offset},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (strcmp(name, texts[i].name) == 0) return copy(texts[i].to, texts[i].room, value);
  }
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (strcmp(name, numbers[i].name) != 0) continue;
    *numbers[i].to = atoi(value);
    return true;
  }
  if (strcmp(name, "hello") == 0) return add(settings.hellos, &settings.hello_count, value);
  if (strcmp(name, "again-hello") == 0) return add(settings.again_hellos, &settings.again_hello_count, value);
  if (strcmp(name, "reconnect") != 0) return false;
  settings.reconnect = atoi(value) != 0;
  return true;
}

bool load_targets(const char *file) {
  int fd = open(file, O_RDONLY);
  struct stat stat;
  if (fd < 0 || fstat(fd, &stat) != 0 || stat.st_size == 0) {
    perror(file);
    return false;
  }
  targets = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (targets == MAP_FAILED || targets[stat.st_size - 1] != '\n') {
    fprintf(stderr, "%s cannot be read, or does not end with a line feed\n", file);
    return false;
  }
  const char *end = targets + stat.st_size;
  connection_count = 0;
  for (const char *c = targets; c < end; c++) connection_count += *c == '\n';
  connections = calloc(connection_count, sizeof *connections);
  if (connections == NULL) {
    perror("memory for connections");
    return false;
  }
  const char *line = targets;
  for (uint32_t i = 0; i < connection_count; i++) {
    connections[i].fd = -1;
    connections[i].line = (uint32_t)(line - targets);
    for (int topic = 0; topic < TOPICS_EACH; topic++) connections[i].next[topic] = 1;
    line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
  }
  return true;
}

// Copies up to the next tab or line feed; returns what stands after a tab, or NULL at the end of the line.
static const char *read_field(const char *from, char *to, size_t room) {
  size_t length = strcspn(from, "\t\n");
  size_t copied = length < room ? length : room - 1;
  memcpy(to, from, copied);
  to[copied] = '\0';
  return from[length] == '\t' ? from + length + 1 : NULL;
}

void read_target(const struct connection *connection, struct target *target) {
  char ports[64];
  memset(target, 0, sizeof *target);
  const char *rest = read_field(targets + connection->line, ports, sizeof ports);
  for (char *port = ports; target->port_count < MAX_PORTS; port++) {
    target->ports[target->port_count++] = (uint16_t)strtol(port, &port, 10);
    if (*port != ',') break;
  }
  if (rest != NULL) rest = read_field(rest, target->credential, sizeof target->credential);
  for (int topic = 0; topic < TOPICS_EACH && rest != NULL; topic++) {
    rest = read_field(rest, target->topics[topic], sizeof target->topics[topic]);
  }
}

size_t fill(const char *template, const struct connection *connection, const struct target *target, int first, char out[MAX_FILLED]) {
  size_t at = 0;
  for (const char *c = template; *c != '\0' && at < MAX_FILLED - 1; c++) {
    const char *value = NULL;
    if (*c == '%') {
      switch (c[1]) {
        case 'c': value = target->credential; break;
        case 't': value = target->topics[first]; break;
        case 'u': value = target->topics[1]; break;
        case 'p': value = connection->positions[0]; break;
        case 'q': value = connection->positions[1]; break;
      }
    }
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
