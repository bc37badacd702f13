#include "clinux_bytes.h"

// Written once, compiled for each width: the compiler makes vectors of whole blocks. memcpy is how a word is read from an
// address that need not be aligned.
enum { BLOCK = 128 };

static inline __attribute__((always_inline)) void mask(uint8_t *bytes, size_t count, uint32_t key) {
    uint64_t wide = (uint64_t)key << 32 | key;
    size_t offset = 0;
    for (; offset + BLOCK <= count; offset += BLOCK) {
        uint64_t words[BLOCK / 8];
        memcpy(words, bytes + offset, BLOCK);
        for (int i = 0; i < BLOCK / 8; i++) words[i] ^= wide;
        memcpy(bytes + offset, words, BLOCK);
    }
    for (; offset + 8 <= count; offset += 8) {
        uint64_t word;
        memcpy(&word, bytes + offset, 8);
        word ^= wide;
        memcpy(bytes + offset, &word, 8);
    }
    uint8_t rest[4];
    memcpy(rest, &key, 4);
    for (size_t i = 0; offset + i < count; i++) bytes[offset + i] ^= rest[i & 3];
}

static inline __attribute__((always_inline)) size_t ascii_prefix(const uint8_t *bytes, size_t count) {
    size_t offset = 0;
    for (; offset + BLOCK <= count; offset += BLOCK) {
        uint64_t words[BLOCK / 8], all = 0;
        memcpy(words, bytes + offset, BLOCK);
        for (int i = 0; i < BLOCK / 8; i++) all |= words[i];
        if (all & 0x8080808080808080u) break;
    }
    return offset;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void mask_avx2(uint8_t *bytes, size_t count, uint32_t key) {
    mask(bytes, count, key);
}
__attribute__((target("avx2"))) static size_t ascii_prefix_avx2(const uint8_t *bytes, size_t count) {
    return ascii_prefix(bytes, count);
}
static inline bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
#define mask_avx2 mask
#define ascii_prefix_avx2 ascii_prefix
static inline bool has_avx2(void) { return false; }
#endif

void clinux_mask(void *bytes, size_t count, uint32_t key) {
    if (count >= BLOCK && has_avx2()) {
        mask_avx2(bytes, count, key);
    } else {
        mask(bytes, count, key);
    }
}

size_t clinux_ascii_prefix(const void *bytes, size_t count) {
    if (count < BLOCK) return 0;
    return has_avx2() ? ascii_prefix_avx2(bytes, count) : ascii_prefix(bytes, count);
}
