// Counts the memory allocations of each thread of a test process, by standing in front of glibc's allocator.
#pragma once
#include <stdbool.h>
#include <stdint.h>

/// How many blocks the calling thread has asked for so far.
uint64_t allocation_count(void);

/// False under a sanitizer, which has its own allocator: nothing is counted then.
bool allocation_count_works(void);
