#ifndef WSPERF_INSTRUCTIONS_H
#define WSPERF_INSTRUCTIONS_H

#include <stdint.h>

// Opens the hardware counter of instructions that this thread executes in user mode. Returns -1 if the machine has none
// or does not permit it.
int instructions_open(void);
uint64_t instructions_read(int counter);

#endif
