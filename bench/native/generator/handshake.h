// The HTTP of a WebSocket handshake.
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

enum { HANDSHAKE_HEADERS = 256 };

struct answer {
  int status;
  uint32_t retry_after_s;
  size_t bytes; // of the answer up to the end of its headers; 0 when that has not come
};

size_t write_handshake(char out[MAX_FILLED + HANDSHAKE_HEADERS], const struct filling *filling, bool again);
struct answer read_answer(const unsigned char *bytes, size_t length);

#endif
