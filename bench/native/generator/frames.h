// RFC 6455 frames: whole ones in, whole ones out.
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <sys/types.h>

#include "connection.h"

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10, FRAME_HEADER = 14 };

// Writes a masked frame; its mask is 0, which leaves the payload as it is. Gives the length.
size_t encode_frame(unsigned char *out, int opcode, const unsigned char *payload, size_t bytes);
// Takes all whole frames; gives how many bytes they were, -1 when the connection is over.
ssize_t take_frames(struct connection *connection, const unsigned char *bytes, size_t length);

#endif
