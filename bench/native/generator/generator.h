// Holds very many WebSocket connections to the server under test, and checks what arrives on them.
//   main.c       the event loop: one epoll for all connections and standard input
//   commands.c   the commands of the harness, and the counters they report
//   settings.c   what the harness has set about the protocol, and the targets of the connections
//   opening.c    which connections are opened when, and opened again
//   websocket.c  handshake and frames of a connection
//   messages.c   what stands in a frame
#ifndef GENERATOR_H
#define GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum {
  TOPICS_EACH = 2,
  MAX_POSITION = 24,
  MAX_PORTS = 8,
  MAX_HELLOS = 4,
  MAX_MARKER = 256,
  MAX_TEMPLATE = 1024,
  MAX_FILLED = 2048, // room for what a template makes of a connection
};

// The clock that all processes of the machine share; Node's process.hrtime is the same.
static inline uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// main.c

void watch(uint32_t connection, int fd);
// From now on only what can be read is of interest.
void watch_reading(uint32_t connection, int fd);

// commands.c

struct counters {
  uint64_t opened;     // handshakes that were answered with 101
  uint64_t refused;    // ... with anything else
  uint64_t failed;     // connections that could not be made
  uint64_t ended;      // connections that the server ended
  uint64_t ready;      // connections that are ready now
  uint64_t readied;    // connections that became ready, each time that one did
  uint64_t ready_at;   // when the last one became ready
  uint64_t received;   // messages, each once
  uint64_t received_at; // when the last one arrived
  uint64_t lost;       // numbers that were passed over
  uint64_t duplicated; // numbers that came again, or out of order
  uint64_t malformed;  // frames that no server should send
  uint64_t bytes;      // of everything that came after the handshakes
};

extern struct counters counters;

void record_latency(uint64_t ns);
// Reads commands from standard input; false at its end.
bool read_commands(void);
// Answers a `wait` whose count is reached or whose time is over. Returns the milliseconds left of it, -1 without one.
int answer_waiting(void);

// settings.c

// Templates hold %c (credential), %t and %u (first and second topic), %p and %q (their positions; of a
// protocol with an epoch, %q is that).
struct settings {
  char path[MAX_TEMPLATE];        // of the first handshake of a connection
  char again_path[MAX_TEMPLATE];  // of the later ones; empty: the same
  char hellos[MAX_HELLOS][MAX_TEMPLATE];
  int hello_count;                // text frames right after the 101 ...
  char hello_after[MAX_MARKER];   // ... or, where a server speaks first, after a frame with this text
  char again_hellos[MAX_HELLOS][MAX_TEMPLATE];
  int again_hello_count;          // in place of the hellos when a connection comes back; none: the same hellos
  char ready[MAX_MARKER];         // a frame with this text confirms the subscription; empty: the 101 does
  char reply_to[MAX_MARKER];      // a frame that is exactly this ...
  char reply[MAX_MARKER];         // ... is answered with this
  char position[MAX_MARKER];      // before the position of a message; empty: the protocol has none
  char start_position[MAX_TEMPLATE]; // before the position of a topic, in the frame that confirms the subscription
  char epoch[MAX_MARKER];         // before a word that a protocol wants beside its position, in the same frame
  bool reconnect;                 // come back when a connection ends
  int in_flight;                  // handshakes under way at once
  int backoff_ms;                 // full jitter: a first delay of 0 to this, doubled with every failure in a row
  int pause_us;                   // a rest before each look at the sockets, see main.c
  int source_offset;              // which part of 127.0.0.0/8 this process takes
};

extern struct settings settings;

// False when there is no such setting, or the value does not fit.
bool set(const char *name, const char *value);

enum state { IDLE, CONNECTING, SHAKING, OPEN, READY, WAITING };

// A million of these are to fit beside the sockets: what a target line holds is read from the file, not copied.
struct connection {
  int fd;
  uint8_t state;
  uint8_t attempt;       // which of its ports is next
  uint8_t failures;      // in a row
  bool was_ready;
  uint32_t line;         // offset of its line in the targets
  uint32_t next_waiting; // in the same slot of the timer wheel, or in the queue
  uint32_t next[TOPICS_EACH]; // the sequence number that comes next
  char positions[TOPICS_EACH][MAX_POSITION];
  unsigned char *held;   // the beginning of a frame whose end has not come yet
  uint32_t held_bytes;
};

extern struct connection *connections;
extern uint32_t connection_count;

struct target {
  uint16_t ports[MAX_PORTS];
  int port_count;
  char credential[128];
  char topics[TOPICS_EACH][208];
};

// Reads the file of targets: a line each, "port[,port…]<tab>credential<tab>topic[<tab>topic]". False, after a line on
// standard error, when it cannot be used.
bool load_targets(const char *file);
// Reads the line of a connection anew: cheaper than to keep a million of them in pieces.
void read_target(const struct connection *connection, struct target *target);
// A template filled in for a connection, with its target's `first` topic in place of %t, cut at MAX_FILLED - 1 bytes.
// Returns its length.
size_t fill(const char *template, const struct connection *connection, const struct target *target, int first, char out[MAX_FILLED]);

// opening.c

// From now on so many connections, the first of the file, are to be open ...
void open_up_to(uint32_t count);
// ... with as many handshakes under way as may be; to be called after every event.
void keep_opening(void);
// Starts those whose delay is over; returns the milliseconds until the next ones, -1 when there are none.
int connections_due(void);
// A confirmed subscription: by a frame, or by the 101 where no frame does.
void connection_ready(struct connection *connection);
// Ends a connection whose handshake was refused; the next attempt is at the same server, after this and a backoff.
void connection_refused(struct connection *connection, uint32_t least_ms);
// Ends a connection whose server is gone; the next attempt is at the next server.
void connection_lost(struct connection *connection);

// websocket.c

// Takes what epoll reports about a connection.
void connection_event(uint32_t index, uint32_t events);
void send_text(struct connection *connection, const char *text, size_t bytes);
void send_hellos(struct connection *connection);

// messages.c

// Takes a data frame. `arrived_at`: when the bytes that are being read came, 0 before the clock was asked: once for all
// messages in them.
void take_message(struct connection *connection, const char *payload, size_t bytes, uint64_t *arrived_at);

#endif
