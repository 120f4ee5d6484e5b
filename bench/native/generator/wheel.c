#include "wheel.h"

#include "clock.h"
#include "connection.h"

enum { SLOT_MS = 5, SLOTS = 8192 };
static const uint32_t NOBODY = UINT32_MAX;

static uint32_t slots[SLOTS];
static uint32_t waiting;
static uint64_t turned; // slots since the clock began

static uint64_t slot_now(void) { return now_ns() / 1000000 / SLOT_MS; }

void wheel_start(void) {
  for (int i = 0; i < SLOTS; i++) slots[i] = NOBODY;
  turned = slot_now();
}

void wait_for(uint32_t connection, uint32_t delay_ms) {
  uint64_t ahead = delay_ms / SLOT_MS + 1;
  if (ahead >= SLOTS) ahead = SLOTS - 1;
  if (waiting == 0) turned = slot_now();
  uint32_t *slot = &slots[(turned + ahead) % SLOTS];
  connections[connection].next_waiting = *slot;
  *slot = connection;
  waiting++;
}

void wheel_turn(void (*due)(uint32_t connection)) {
  uint64_t now = slot_now();
  while (waiting > 0 && turned < now) {
    turned++;
    uint32_t *slot = &slots[turned % SLOTS];
    uint32_t next = *slot;
    *slot = NOBODY;
    while (next != NOBODY) {
      uint32_t connection = next;
      next = connections[connection].next_waiting;
      waiting--;
      due(connection);
    }
  }
}

int wheel_timeout(void) { return waiting > 0 ? SLOT_MS : -1; }
