#include "clinux_bytes.h"

// Written once and compiled for each register width: the compiler turns whole blocks into vectors. memcpy reads a word
// from an address that may be unaligned.
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

static inline __attribute__((always_inline)) uint64_t in_memory_order(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

static inline __attribute__((always_inline)) void random_bytes(
    uint8_t *to, const uint8_t *from, size_t count, uint64_t low, uint64_t high, uint64_t mask
) {
    // Explicit vectors, because the compiler does not see that the words of this key belong together.
    typedef uint64_t pair __attribute__((vector_size(16)));
    typedef uint64_t quad __attribute__((vector_size(32)));
    pair first = {in_memory_order(low & mask), in_memory_order(high & mask)};
    pair second = {
        in_memory_order((low >> 3 | low << 61) & mask),
        in_memory_order((high >> 3 | high << 61) & mask),
    };
    quad key = {first[0], first[1], second[0], second[1]};
    size_t offset = 0;
    for (; offset + BLOCK <= count; offset += BLOCK) {
        quad block[BLOCK / 32];
        memcpy(block, from + offset, BLOCK);
        for (int i = 0; i < BLOCK / 32; i++) block[i] ^= key;
        memcpy(to + offset, block, BLOCK);
    }
    for (; offset + 32 <= count; offset += 32) {
        quad block;
        memcpy(&block, from + offset, 32);
        block ^= key;
        memcpy(to + offset, &block, 32);
    }
    if (count & 16) {
        pair block;
        memcpy(&block, from + offset, 16);
        block ^= first;
        memcpy(to + offset, &block, 16);
        first = second;
        offset += 16;
    }
    uint64_t next = first[0], word;
    if (count & 8) {
        memcpy(&word, from + offset, 8);
        word ^= next;
        memcpy(to + offset, &word, 8);
        next = first[1];
        offset += 8;
    }
    if (count & 7) {
        memcpy(&word, from + offset, 8);
        word ^= next;
        const uint8_t *bytes = (const uint8_t *)&word;
        if (count & 4) {
            memcpy(to + offset, bytes, 4);
            offset += 4;
            bytes += 4;
        }
        if (count & 2) {
            memcpy(to + offset, bytes, 2);
            offset += 2;
            bytes += 2;
        }
        if (count & 1) to[offset] = *bytes;
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void mask_avx2(uint8_t *bytes, size_t count, uint32_t key) {
    mask(bytes, count, key);
}
__attribute__((target("avx2"))) static size_t ascii_prefix_avx2(const uint8_t *bytes, size_t count) {
    return ascii_prefix(bytes, count);
}
__attribute__((target("avx2"))) static void random_bytes_avx2(
    uint8_t *to, const uint8_t *from, size_t count, uint64_t low, uint64_t high, uint64_t mask
) {
    random_bytes(to, from, count, low, high, mask);
}
static inline bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
#define mask_avx2 mask
#define ascii_prefix_avx2 ascii_prefix
#define random_bytes_avx2 random_bytes
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

void clinux_random_bytes(
    void *to, const void *from, size_t count, uint64_t low, uint64_t high, uint64_t mask
) {
    if (count >= BLOCK && has_avx2()) {
        random_bytes_avx2(to, from, count, low, high, mask);
    } else {
        random_bytes(to, from, count, low, high, mask);
    }
}
