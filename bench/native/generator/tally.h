// What this process has seen, for the harness.
#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>
#include <stdio.h>

struct tally {
  uint64_t opened;     // handshakes that were answered with 101
  uint64_t refused;    // ... with anything else
  uint64_t failed;     // connections that could not be made
  uint64_t ended;      // connections that ended although nobody here wanted it
  uint64_t ready;      // connections that are ready now
  uint64_t readied;    // connections that became ready, each time that one did
  uint64_t ready_at;   // when the last one became ready
  uint64_t received;   // messages, each once
  uint64_t received_at; // when the last one came
  uint64_t lost;       // numbers that were passed over
  uint64_t duplicated; // numbers that came again, or out of order
  uint64_t malformed;  // frames that no server should send
  uint64_t bytes;      // of everything that came after the handshakes
};

extern struct tally tally;

void record_latency(uint64_t ns);
// Forgets everything but which connections are ready.
void tally_reset(void);
void tally_print(FILE *to);

#endif
