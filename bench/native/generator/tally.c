#include "tally.h"

#include <inttypes.h>
#include <string.h>

// Buckets of 64 to each power of two: a value is known to 1.6 %.
enum { SUB_BITS = 6, SUBS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS + 1) * SUBS };

struct tally tally;
static uint64_t buckets[BUCKETS];

void record_latency(uint64_t ns) {
  int shift = 63 - SUB_BITS - __builtin_clzll(ns | SUBS);
  buckets[(uint64_t)shift * SUBS + (ns >> shift)]++;
}

void tally_reset(void) {
  tally = (struct tally){.ready = tally.ready, .ready_at = tally.ready_at};
  memset(buckets, 0, sizeof buckets);
}

void tally_print(FILE *to) {
  fprintf(to,
          "{\"opened\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"ended\":%" PRIu64 ",\"ready\":%" PRIu64
          ",\"readied\":%" PRIu64 ",\"readyAt\":%" PRIu64 ",\"received\":%" PRIu64 ",\"receivedAt\":%" PRIu64 ",\"lost\":%" PRIu64
          ",\"duplicated\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"latency\":[",
          tally.opened, tally.refused, tally.failed, tally.ended, tally.ready, tally.readied, tally.ready_at, tally.received,
          tally.received_at, tally.lost, tally.duplicated, tally.malformed, tally.bytes);
  const char *comma = "";
  for (int i = 0; i < BUCKETS; i++) {
    if (buckets[i] == 0) continue;
    fprintf(to, "%s[%d,%" PRIu64 "]", comma, i, buckets[i]);
    comma = ",";
  }
  fprintf(to, "]}\n");
  fflush(to);
}
