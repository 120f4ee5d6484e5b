// The harness speaks a line, and gets a line of JSON for it.
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

// Reads what the harness has said; false when it has gone.
bool read_commands(void);
// Answers a command that waits, when what it waits for has come about or its time is over. Gives the milliseconds until
// that time, -1 when nothing waits.
int answer_waiting(void);

#endif
