#include "targets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *text;

struct connection *connections;
uint32_t connection_count;

bool load_targets(const char *file) {
  int fd = open(file, O_RDONLY);
  struct stat stat;
  if (fd < 0 || fstat(fd, &stat) != 0 || stat.st_size == 0) {
    perror(file);
    return false;
  }
  text = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (text == MAP_FAILED || text[stat.st_size - 1] != '\n') {
    fprintf(stderr, "%s cannot be read, or does not end with a line feed\n", file);
    return false;
  }
  const char *end = text + stat.st_size;
  connection_count = 0;
  for (const char *c = text; c < end; c++) connection_count += *c == '\n';
  connections = calloc(connection_count, sizeof *connections);
  if (connections == NULL) {
    perror("memory for connections");
    return false;
  }
  const char *line = text;
  for (uint32_t i = 0; i < connection_count; i++) {
    connections[i].fd = -1;
    connections[i].line = (uint32_t)(line - text);
    for (int topic = 0; topic < TOPICS_EACH; topic++) connections[i].next[topic] = 1;
    line = memchr(line, '\n', (size_t)(end - line));
    line++;
  }
  return true;
}

// Copies up to the next tab or line feed; gives what stands after a tab, or NULL at the end of the line.
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
  const char *rest = read_field(text + connection->line, ports, sizeof ports);
  for (char *port = ports; target->port_count < MAX_PORTS; port++) {
    target->ports[target->port_count++] = (uint16_t)strtol(port, &port, 10);
    if (*port != ',') break;
  }
  if (rest != NULL) rest = read_field(rest, target->credential, sizeof target->credential);
  for (int topic = 0; topic < TOPICS_EACH && rest != NULL; topic++) {
    rest = read_field(rest, target->topics[topic], sizeof target->topics[topic]);
  }
}

struct filling filling_of(const struct connection *connection, const struct target *target) {
  return (struct filling){
    .credential = target->credential,
    .topics = {target->topics[0], target->topics[1]},
    .positions = {connection->positions[0], connection->positions[1]},
  };
}
