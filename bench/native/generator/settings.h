// What the harness has said about the protocol of the server under test.
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_HELLOS = 4, MAX_MARKER = 256, MAX_TEMPLATE = 1024 };

// Templates hold %c (credential), %t and %u (first and second topic), %p and %q (their positions; of a
// protocol with an epoch, %q is that).
struct settings {
  char path[MAX_TEMPLATE];        // of the first handshake of a connection
  char again_path[MAX_TEMPLATE];  // of the later ones; empty: the same
  char hellos[MAX_HELLOS][MAX_TEMPLATE];
  int hello_count;                // text frames right after the 101
  char again_hellos[MAX_HELLOS][MAX_TEMPLATE];
  int again_hello_count;          // in place of the hellos when a connection comes back; none: the same hellos
  char ready[MAX_MARKER];         // a frame with this text says "subscribed"; empty: the 101 does
  char reply_to[MAX_MARKER];      // a frame that is exactly this ...
  char reply[MAX_MARKER];         // ... is answered with this
  char position[MAX_MARKER];      // before the position of a message; empty: the protocol has none
  char start_position[MAX_TEMPLATE]; // before the position of a topic, in the frame that says "subscribed"
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

// Room for what a template makes of a connection.
enum { MAX_FILLED = 2048 };

struct filling {
  const char *credential;
  const char *topics[2];
  const char *positions[2];
};

// The template with its blanks filled in, cut at MAX_FILLED - 1 bytes; gives its length.
size_t fill(const char *template, const struct filling *filling, char out[MAX_FILLED]);

#endif
