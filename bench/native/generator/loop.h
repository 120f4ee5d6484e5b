// The event loop: one epoll for the connections and standard input.
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

void watch(uint32_t connection, int fd);
// From now on only what can be read is of interest.
void watch_reading(uint32_t connection, int fd);

#endif
