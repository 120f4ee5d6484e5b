#include "frames.h"

#include <stdint.h>
#include <string.h>

#include "messages.h"
#include "tally.h"

enum { FIN = 0x80, MASKED = 0x80, LENGTH_16 = 126, LENGTH_64 = 127 };

size_t encode_frame(unsigned char *out, int opcode, const unsigned char *payload, size_t bytes) {
  size_t at = 0;
  out[at++] = (unsigned char)(FIN | opcode);
  if (bytes < LENGTH_16) {
    out[at++] = (unsigned char)(MASKED | bytes);
  } else {
    out[at++] = MASKED | LENGTH_16;
    out[at++] = (unsigned char)(bytes >> 8);
    out[at++] = (unsigned char)bytes;
  }
  memset(out + at, 0, 4);
  at += 4;
  memcpy(out + at, payload, bytes);
  return at + bytes;
}

// The header's length and the payload's; 0 when the header is not complete.
static size_t read_header(const unsigned char *bytes, size_t length, uint64_t *payload) {
  if (length < 2) return 0;
  *payload = bytes[1] & 0x7f;
  if (*payload < LENGTH_16) return 2;
  size_t wide = *payload == LENGTH_16 ? 2 : 8;
  if (length < 2 + wide) return 0;
  *payload = 0;
  for (size_t i = 0; i < wide; i++) *payload = *payload << 8 | bytes[2 + i];
  return 2 + wide;
}

ssize_t take_frames(struct connection *connection, const unsigned char *bytes, size_t length) {
  size_t at = 0;
  struct arrival arrival = {0};
  for (;;) {
    uint64_t payload;
    size_t header = read_header(bytes + at, length - at, &payload);
    if (header == 0 || length - at - header < payload) return (ssize_t)at;
    const unsigned char *data = bytes + at + header;
    switch (bytes[at]) {
      case FIN | OPCODE_TEXT:
      case FIN | OPCODE_BINARY:
        take_message(connection, (const char *)data, payload, &arrival);
        break;
      case FIN | OPCODE_PING:
        send_control(connection, OPCODE_PONG, data, payload < LENGTH_16 ? payload : 0);
        break;
      case FIN | OPCODE_PONG:
        break;
      case FIN | OPCODE_CLOSE:
        return -1;
      default:
        tally.malformed++;
    }
    at += header + payload;
  }
}
