#include "allocation_counter.h"

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

// In the executable itself, so that reaching it never allocates.
static __thread uint64_t count;

uint64_t allocation_count(void) { return count; }

#ifdef SANITIZED
bool allocation_count_works(void) { return false; }
#else
bool allocation_count_works(void) { return true; }

// glibc's own, under the names it exports for those who stand in front of them.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t items, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    count++;
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
    count++;
    return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
    count++;
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *taken = memalign(alignment, size);
    if (!taken) return 12; // ENOMEM
    *block = taken;
    return 0;
}
#endif
