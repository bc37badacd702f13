#ifndef WSPERF_INSTRUCTIONS_H
#define WSPERF_INSTRUCTIONS_H

#include <stdint.h>

// Opens the hardware's count of instructions that this thread executes in user mode; -1 where the machine has none or
// does not let us.
int instructions_open(void);
uint64_t instructions_read(int counter);

#endif
