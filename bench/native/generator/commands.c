// Each line on standard input is a command, and is answered with a line of JSON:
//   load <file>            the targets
//   set <name> <value>     see settings in generator.h
//   open <n>               starts to open connections, up to the n-th of the targets
//   wait <count> <n> <ms>  answers when a count is that high, or when the time is over: ready, readied, received, or
//                          accounted (received, or passed over)
//   report                 the counters
//   reset                  sets the counters to 0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generator.h"

// 64 buckets to each power of two: a value is known to 1.6 %.
enum { LONGEST_LINE = 4096, SUB_BITS = 6, SUBS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS + 1) * SUBS };

struct counters counters;
static uint64_t buckets[BUCKETS];
static char waits_for[16]; // empty: nothing
static uint64_t wanted;
static uint64_t give_up_at;

void record_latency(uint64_t ns) {
  int shift = 63 - SUB_BITS - __builtin_clzll(ns | SUBS);
  buckets[(uint64_t)shift * SUBS + (ns >> shift)]++;
}

static void acknowledge(void) {
  printf("{}\n");
  fflush(stdout);
}

static void report(void) {
  struct { const char *name; uint64_t value; } all[] = {
    {"opened", counters.opened},         {"refused", counters.refused},       {"failed", counters.failed},
    {"ended", counters.ended},           {"ready", counters.ready},           {"readied", counters.readied},
    {"readyAt", counters.ready_at},      {"received", counters.received},     {"receivedAt", counters.received_at},
    {"lost", counters.lost},             {"duplicated", counters.duplicated}, {"malformed", counters.malformed},
    {"bytes", counters.bytes},
  };
  printf("{");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) printf("\"%s\":%" PRIu64 ",", all[i].name, all[i].value);
  printf("\"latency\":[");
  const char *comma = "";
  for (int i = 0; i < BUCKETS; i++) {
    if (buckets[i] == 0) continue;
    printf("%s[%d,%" PRIu64 "]", comma, i, buckets[i]);
    comma = ",";
  }
  printf("]}\n");
  fflush(stdout);
}

// Which connections are ready stays.
static void reset(void) {
  counters = (struct counters){.ready = counters.ready, .ready_at = counters.ready_at};
  memset(buckets, 0, sizeof buckets);
}

static void refuse(const char *line) {
  fprintf(stderr, "not understood: %s\n", line);
  exit(2);
}

static void take_command(char *line) {
  char name[64];
  int at = 0;
  uint64_t count;
  uint64_t ms;
  if (sscanf(line, "wait %15s %" SCNu64 " %" SCNu64, waits_for, &count, &ms) == 3) {
    wanted = count;
    give_up_at = now_ns() + ms * 1000000;
    return;
  }
  if (strcmp(line, "report") == 0) {
    report();
    return;
  }
  if (sscanf(line, "load %n", &at) == 0 && at > 0) {
    if (!load_targets(line + at)) exit(1);
  } else if (sscanf(line, "set %63s %n", name, &at) == 1 && at > 0) {
    if (!set(name, line + at)) refuse(line);
  } else if (sscanf(line, "open %" SCNu64, &count) == 1) {
    open_up_to((uint32_t)count);
  } else if (strcmp(line, "reset") == 0) {
    reset();
  } else {
    refuse(line);
  }
  acknowledge();
}

bool read_commands(void) {
  static char buffer[LONGEST_LINE];
  static size_t filled;
  ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled - 1);
  if (got <= 0) return false;
  filled += (size_t)got;
  buffer[filled] = '\0';
  char *line = buffer;
  for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    take_command(line);
  }
  filled = (size_t)(buffer + filled - line);
  memmove(buffer, line, filled);
  if (filled >= sizeof buffer - 1) refuse("a line without an end");
  return true;
}

static uint64_t count_of(const char *name) {
  if (strcmp(name, "ready") == 0) return counters.ready;
  if (strcmp(name, "readied") == 0) return counters.readied;
  if (strcmp(name, "received") == 0) return counters.received;
  if (strcmp(name, "accounted") == 0) return counters.received + counters.lost;
  refuse(name);
  return 0;
}

int answer_waiting(void) {
  if (waits_for[0] == '\0') return -1;
  uint64_t have = count_of(waits_for);
  uint64_t now = now_ns();
  if (have < wanted && now < give_up_at) return (int)((give_up_at - now) / 1000000) + 1;
  waits_for[0] = '\0';
  report();
  return -1;
}
