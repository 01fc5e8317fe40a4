/* SPDX-License-Identifier: Apache-2.0 */
/* Host code that vet.c has looked at becomes memory that can be called. There is no loader in between: an image is its
 * segments and a list of pointers to correct, and it needs no library. */
#define _GNU_SOURCE
#include "internal.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of the features, one that this processor lacks; NULL if it has all. */
static const char *missing_feature(uint64_t features) {
#if defined(__x86_64__)
#define TW_FEATURE(bit, name)                                                                                          \
  if ((features >> bit & 1) && !__builtin_cpu_supports(name))                                                          \
    return name;
  TW_PKG_X86_LIST(TW_FEATURE)
#undef TW_FEATURE
  return features >> 32 ? "features that this driver does not know" : NULL;
#else
  return features ? "features of x86-64" : NULL;
#endif
}

/* mprotect over the pages of a segment. */
static int protect(uint8_t *base, const struct tw_host_segment *segment, int rights) {
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), first = segment->address / page * page;
  return mprotect(base + first, segment->address - first + segment->bytes, rights) == 0;
}

static void relocate(uint8_t *base, const struct tw_host_image *image) {
  uint64_t i;
  for (i = 0; i < image->relocation_count; ++i) {
    Elf64_Rela r;
    uint64_t value;
    memcpy(&r, image->relocations + i * sizeof r, sizeof r);
    value = (uint64_t)(uintptr_t)base + (uint64_t)r.r_addend;
    memcpy(base + r.r_offset, &value, sizeof value);
  }
}

static int fill(uint8_t *base, const struct tw_host_image *image) {
  uint32_t i;
  for (i = 0; i < image->segment_count; ++i) {
    const struct tw_host_segment *s = &image->segments[i];
    if (!protect(base, s, PROT_READ | PROT_WRITE))
      return 0;
    memcpy(base + s->address, image->elf + s->offset, s->file_bytes);
  }
  relocate(base, image);
  for (i = 0; i < image->segment_count; ++i) {
    const struct tw_host_segment *s = &image->segments[i];
    const int rights = PROT_READ | (s->flags & PF_W ? PROT_WRITE : 0) | (s->flags & PF_X ? PROT_EXEC : 0);
    if (!protect(base, s, rights))
      return 0;
  }
  __builtin___clear_cache((char *)base, (char *)base + image->bytes);
  return 1;
}

enum tw_status tw_host_code_map(const struct tw_host_image *image, uint8_t **base, struct tw_error *error) {
  const char *missing = missing_feature(image->features);
  void *memory;
  if (missing)
    return tw_fail(error, TW_ERROR_HOST_CODE,
                   "the package's host code needs %s, which this processor lacks: compile with --host-cpu x86-64-v3, "
                   "or run it elsewhere",
                   missing);
  memory = mmap(NULL, image->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return tw_fail(error, TW_ERROR_HOST_CODE, "no memory for %llu bytes of host code: %s",
                   (unsigned long long)image->bytes, strerror(errno));
  if (!fill(memory, image)) {
    const int reason = errno;
    munmap(memory, image->bytes);
    return tw_fail(error, TW_ERROR_HOST_CODE, "the system refuses to map host code: %s", strerror(reason));
  }
  *base = memory;
  return TW_OK;
}

void tw_host_code_unmap(const struct tw_host_image *image, uint8_t *base) {
  if (base)
    munmap(base, image->bytes);
}

tw_host_function tw_host_code_at(uint8_t *base, uint64_t address) {
  union { /* ISO C has no conversion from an object to a function pointer */
    void *object;
    tw_host_function function;
  } symbol;
  symbol.object = base + address;
  return symbol.function;
}
