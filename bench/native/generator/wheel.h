// Connections that wait for their next attempt: slots of some milliseconds, as many as the longest delay needs.
#ifndef WHEEL_H
#define WHEEL_H

#include <stdint.h>

void wheel_start(void);
void wait_for(uint32_t connection, uint32_t delay_ms);
// Hands the connections whose time has come to `due`.
void wheel_turn(void (*due)(uint32_t connection));
// Milliseconds until the next slot, -1 when nobody waits.
int wheel_timeout(void);

#endif
