// The lines of the file of targets.
#ifndef TARGETS_H
#define TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "settings.h"

struct target {
  uint16_t ports[MAX_PORTS];
  int port_count;
  char credential[128];
  char topics[TOPICS_EACH][208];
};

// Reads the line of a connection anew: cheaper than to keep a million of them in pieces.
void read_target(const struct connection *connection, struct target *target);
// What the templates of the settings are filled with; points into both.
struct filling filling_of(const struct connection *connection, const struct target *target);

#endif
