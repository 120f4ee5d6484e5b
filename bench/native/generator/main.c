#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "generator.h"

enum { EVENTS = 512 };
static const uint32_t STANDARD_INPUT = UINT32_MAX;

static int epoll;

static void control(int operation, int fd, uint32_t connection, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u32 = connection};
  if (epoll_ctl(epoll, operation, fd, &event) == 0) return;
  perror("epoll_ctl");
  exit(1);
}

void watch(uint32_t connection, int fd) { control(EPOLL_CTL_ADD, fd, connection, EPOLLIN | EPOLLOUT); }

void watch_reading(uint32_t connection, int fd) { control(EPOLL_CTL_MOD, fd, connection, EPOLLIN); }

static int sooner(int a, int b) {
  if (a < 0) return b;
  return b < 0 || a < b ? a : b;
}

static void raise_descriptors(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void) {
  raise_descriptors();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  control(EPOLL_CTL_ADD, STDIN_FILENO, STANDARD_INPUT, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS];
    // A sleeper that each packet wakes makes the sender pay for the waking, 2 to 10 µs a delivery on the machine where
    // this was tried, and never the same. Network cards gather interrupts for the same reason.
    if (settings.pause_us > 0) usleep((useconds_t)settings.pause_us);
    int timeout = sooner(connections_due(), answer_waiting());
    int count = epoll_wait(epoll, events, EVENTS, timeout);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u32 != STANDARD_INPUT) connection_event(events[i].data.u32, events[i].events);
      // The end of standard input: the harness has ended.
      else if (!read_commands()) return 0;
    }
    keep_opening();
  }
}
