// What stands in a frame: messages of the bench, the word that the subscription stands, or a ping of the protocol's own.
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "connection.h"

// When the bytes that are being read came; the clock is asked once for all messages in them.
struct arrival {
  uint64_t at;
};

void take_message(struct connection *connection, const char *payload, size_t bytes, struct arrival *arrival);

#endif
