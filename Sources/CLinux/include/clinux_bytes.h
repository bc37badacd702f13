// Loops over payloads, compiled for the processor's widest registers. Swift compiles for the narrowest that any
// processor has.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// XORs `count` bytes with the key's four bytes, repeated (RFC 6455 §5.3). `key` is in memory order.
void clinux_mask(void *bytes, size_t count, uint32_t key);

/// The number of leading bytes that are certainly ASCII: a multiple of 128, at most `count`.
size_t clinux_ascii_prefix(const void *bytes, size_t count);

/// Copies `count` bytes, XORed with 32 repeating bytes: `low`, `high`, and both rotated to the right by 3 bits, each
/// with its lowest byte first and only the bits of `mask`. `from` must be readable up to the next multiple of 8; `to`
/// and `from` must not overlap.
void clinux_random_bytes(void *to, const void *from, size_t count, uint64_t low, uint64_t high, uint64_t mask);
