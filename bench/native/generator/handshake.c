#include "handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t write_handshake(char out[MAX_FILLED + HANDSHAKE_HEADERS], const struct filling *filling, bool again) {
  char path[MAX_FILLED];
  fill(again && settings.again_path[0] != '\0' ? settings.again_path : settings.path, filling, path);
  return (size_t)sprintf(out,
                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                         path);
}

struct answer read_answer(const unsigned char *bytes, size_t length) {
  struct answer answer = {0};
  const unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return answer;
  answer.bytes = (size_t)(end - bytes) + 4;
  char head[2048];
  size_t copied = answer.bytes < sizeof head ? answer.bytes : sizeof head - 1;
  memcpy(head, bytes, copied);
  head[copied] = '\0';
  const char *space = strchr(head, ' ');
  answer.status = space == NULL ? 0 : atoi(space);
  const char *retry = strcasestr(head, "\r\nretry-after:");
  if (retry != NULL) answer.retry_after_s = (uint32_t)atoi(retry + strlen("\r\nretry-after:"));
  return answer;
}
