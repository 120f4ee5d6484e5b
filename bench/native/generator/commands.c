#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "settings.h"
#include "tally.h"

enum { LONGEST_LINE = 4096 };

// load <file>                       the targets
// set <name> <value>                see settings.h
// open <n>                          begins to open connections, up to the n-th of the targets
// wait <count> <n> <ms>             answers when a count is that high, or when the time is over: ready, readied,
//                                   received, or accounted (received, or passed over)
// report                            the tally
// reset                             forgets the tally
static char waits_for[16]; // empty: nothing
static uint64_t wanted;
static uint64_t give_up_at;

static void acknowledge(void) {
  printf("{}\n");
  fflush(stdout);
}

static void refuse(const char *line) {
  fprintf(stderr, "not understood: %s\n", line);
  exit(2);
}

static void wait_until(const char *what, uint64_t count, uint64_t ms) {
  strcpy(waits_for, what);
  wanted = count;
  give_up_at = now_ns() + ms * 1000000;
}

static void take_command(char *line) {
  char what[16];
  char name[64];
  int at = 0;
  uint64_t count;
  uint64_t ms;
  if (sscanf(line, "load %n", &at) == 0 && at > 0) {
    if (!load_targets(line + at)) exit(1);
    acknowledge();
  } else if (sscanf(line, "set %63s %n", name, &at) == 1 && at > 0) {
    if (!set(name, line + at)) refuse(line);
    acknowledge();
  } else if (sscanf(line, "wait %15s %" SCNu64 " %" SCNu64, what, &count, &ms) == 3) {
    wait_until(what, count, ms);
  } else if (sscanf(line, "open %" SCNu64, &count) == 1) {
    open_up_to((uint32_t)count);
    acknowledge();
  } else if (strcmp(line, "report") == 0) {
    tally_print(stdout);
  } else if (strcmp(line, "reset") == 0) {
    tally_reset();
    acknowledge();
  } else {
    refuse(line);
  }
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
  if (strcmp(name, "ready") == 0) return tally.ready;
  if (strcmp(name, "readied") == 0) return tally.readied;
  if (strcmp(name, "received") == 0) return tally.received;
  if (strcmp(name, "accounted") == 0) return tally.received + tally.lost;
  refuse(name);
  return 0;
}

int answer_waiting(void) {
  if (waits_for[0] == '\0') return -1;
  uint64_t have = count_of(waits_for);
  uint64_t now = now_ns();
  if (have < wanted && now < give_up_at) return (int)((give_up_at - now) / 1000000) + 1;
  waits_for[0] = '\0';
  tally_print(stdout);
  return -1;
}
