// One WebSocket connection, from its handshake to its end.
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOPICS_EACH = 2, MAX_POSITION = 24, MAX_PORTS = 8 };

enum state { IDLE, CONNECTING, SHAKING, OPEN, READY, WAITING };

// A million of these are to fit beside the sockets: what a target line says is read from the file, not copied.
struct connection {
  int fd;
  uint8_t state;
  uint8_t attempt;       // which of its ports is next
  uint8_t failures;      // in a row
  bool was_ready;
  uint32_t line;         // offset of its line in the targets
  uint32_t next_waiting; // in the slot of the wheel
  uint32_t next[TOPICS_EACH]; // the sequence number that comes next
  char positions[TOPICS_EACH][MAX_POSITION];
  unsigned char *held;   // the beginning of a frame whose end has not come yet
  uint32_t held_bytes;
};

extern struct connection *connections;
extern uint32_t connection_count;

// Reads the file of targets: a line each, "port[,port…]<tab>credential<tab>topic[<tab>topic]". False, after a word on
// standard error, when it cannot be used.
bool load_targets(const char *file);

// From now on so many connections, the first of the file, are to be open ...
void open_up_to(uint32_t count);
// ... with as many handshakes under way as may be; to be called whenever something has happened.
void keep_opening(void);
// Starts those whose time to come back has come; gives the milliseconds until the next ones, -1 when there are none.
int connections_due(void);
// Takes what epoll says about a connection.
void connection_event(uint32_t index, uint32_t events);
// Ends a connection; it waits for its next attempt when it is to come back.
void connection_ended(struct connection *connection, uint32_t delay_ms);
void send_text(struct connection *connection, const char *text, size_t bytes);
void send_control(struct connection *connection, int opcode, const unsigned char *payload, size_t bytes);
// A frame has said that the subscription stands (or the 101 has, where no frame does).
void connection_ready(struct connection *connection);

#endif
