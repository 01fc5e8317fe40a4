/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a package (.npk): structs, and the only code that reads them. C99 and C++, no library. */
/* Called by the drivers (C) and by Package.h (C++), which writes packages. */
/* Does not load, map or run anything: tw_pkg_open checks every byte, the accessors then only point into the file. */
#ifndef TW_ISA_PACKAGE_FORMAT_H
#define TW_ISA_PACKAGE_FORMAT_H

#include "tw/isa/tw_isa.h"
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * header | section table | image table | sections | images, in the order of their tables, each at a multiple of
 * TW_PKG_ALIGN | end of file
 * Little-endian. Gaps are zero. Everything is covered by a checksum, so a change of any byte is found.
 * What a reader may check is checked by tw_pkg_open; what this version of the format can say and a driver cannot do is
 * refused by the driver (tw_program_load), so that such a package can be looked at.
 */
#define TW_PKG_MAGIC "\x89NPK\r\n\x1a\n"
#define TW_PKG_VERSION 2u
#define TW_PKG_ALIGN 64u
#define TW_PKG_NONE 0xFFFFFFFFu /* no index, no string */
#define TW_PKG_MAX_RANK 8
#define TW_PKG_MAX_TAG 0xFFFFu
#define TW_PKG_MAX_IMAGES 64u
#define TW_PKG_MAX_BYTES ((uint64_t)1 << 33) /* of a tensor, and of all memory that a package asks for */
#define TW_PKG_SCRATCH_ALIGN 64u             /* of the scratch memory that host functions get */

struct tw_pkg_header {
  uint8_t magic[8];
  uint32_t version;
  uint32_t section_count;
  uint32_t image_count;
  uint32_t table_crc; /* of both tables */
  uint64_t file_bytes;
  uint32_t reserved;   /* zero */
  uint32_t header_crc; /* of the bytes before this field */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_header) == 40, "tw_pkg_header");

enum tw_pkg_section_kind {
  TW_PKG_CONFIG = 1,    /* if there is a STREAM image: struct tw_pkg_config_head, then its values */
  TW_PKG_CONST = 2,     /* region 1: weights, parameters, tables */
  TW_PKG_PLAN = 3,      /* struct tw_pkg_plan and its tables */
  TW_PKG_TENSORS = 4,   /* struct tw_pkg_tensor[] */
  TW_PKG_STRINGS = 5,   /* NUL-terminated names; other sections give offsets */
  TW_PKG_COUNTS = 6,    /* optional: struct tw_pkg_counts[] */
  TW_PKG_DEBUG = 7,     /* optional: struct tw_pkg_tag[], sorted by tag */
  TW_PKG_GRAPH = 8,     /* optional: imported graph, MLIR bytecode, weights by reference */
  TW_PKG_FIXED = 9,     /* optional: struct tw_pkg_fixed[] */
  TW_PKG_LAUNCHES = 10, /* if a step runs GPU code or a buffer is DEVICE: struct tw_pkg_launches and its tables */
  TW_PKG_SECTION_KINDS = 11
};

struct tw_pkg_section {
  uint32_t kind;
  uint32_t crc;
  uint64_t offset; /* from the start of the file */
  uint64_t size;
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_section) == 24, "tw_pkg_section");

/* Code, and what can run it. */
enum tw_pkg_image_kind {
  TW_PKG_STREAM = 1, /* instruction lines for a machine of the ISA `target` with this ISA hash and configuration */
  TW_PKG_HOST = 2,   /* ELF shared object for the processors that `target` names and that have all `features` */
  TW_PKG_GPU = 3,    /* kernels for GPUs, a zero byte behind them. `target` sm_NN: PTX text for NVIDIA's from that
                        compute capability on; `emulated`: LLVM bitcode of the module that became the PTX, for tests.
                        Several of different targets hold the same kernels: a driver takes one for the GPU it has */
  TW_PKG_OTHER = 4,  /* `target` says what */
  TW_PKG_IMAGE_KINDS = 5
};

struct tw_pkg_image {
  uint32_t kind;
  uint32_t device;        /* which of several devices of this kind, from 0 */
  char target[48];        /* NUL-padded; HOST: architecture, a space, the processor as the compiler names it */
  uint64_t isa_hash;      /* STREAM; else zero */
  uint64_t configuration; /* STREAM: hash of section CONFIG; else zero */
  uint64_t features;      /* HOST on x86_64: bits of TW_PKG_X86_LIST; else zero */
  uint64_t offset, size;  /* bytes in the file */
  uint32_t crc;
  uint32_t reserved; /* zero */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_image) == 104, "tw_pkg_image");

/* X(bit, name) for each feature that compilers use in x86-64 code by themselves; names as compilers write them. */
#define TW_PKG_X86_LIST(X)                                                                                             \
  X(0, "sse3")                                                                                                         \
  X(1, "ssse3")                                                                                                        \
  X(2, "sse4.1")                                                                                                       \
  X(3, "sse4.2")                                                                                                       \
  X(4, "popcnt")                                                                                                       \
  X(5, "avx")                                                                                                          \
  X(6, "avx2")                                                                                                         \
  X(7, "fma")                                                                                                          \
  X(8, "bmi")                                                                                                          \
  X(9, "bmi2")                                                                                                         \
  X(10, "lzcnt")                                                                                                       \
  X(11, "movbe")                                                                                                       \
  X(12, "f16c")                                                                                                        \
  X(13, "avx512f")                                                                                                     \
  X(14, "avx512bw")                                                                                                    \
  X(15, "avx512cd")                                                                                                    \
  X(16, "avx512dq")                                                                                                    \
  X(17, "avx512vl")                                                                                                    \
  X(18, "avx512ifma")                                                                                                  \
  X(19, "avx512vbmi")                                                                                                  \
  X(20, "avx512vbmi2")                                                                                                 \
  X(21, "avx512vnni")                                                                                                  \
  X(22, "avx512bitalg")                                                                                                \
  X(23, "avx512vpopcntdq")                                                                                             \
  X(24, "avx512bf16")                                                                                                  \
  X(25, "avx512fp16")                                                                                                  \
  X(26, "avxvnni")                                                                                                     \
  X(27, "gfni")                                                                                                        \
  X(28, "sse4a")                                                                                                       \
  X(29, "xop")                                                                                                         \
  X(30, "fma4")                                                                                                        \
  X(31, "tbm")

/* A machine's configuration: pairs of key and value in any order. A key that the schema has got since then has the
 * value that every machine had before, and is left out where it has this value; one that the schema does not have, or
 * that is missing otherwise, makes the package one for another machine. */
struct tw_pkg_config_head {
  char name[32];     /* NUL-padded */
  uint32_t count;    /* of the values that follow */
  uint32_t reserved; /* zero */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_config_head) == 40, "tw_pkg_config_head");

struct tw_pkg_config_value {
  uint32_t key; /* its name */
  uint32_t value;
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_config_value) == 8, "tw_pkg_config_value");

/* The same resolved: values in the order of the schema, TW_CFG_* of tw_isa.h. */
struct tw_pkg_config {
  char name[32]; /* NUL-padded */
  uint32_t values[TW_CFG_KEYS];
};

/* A row of the schema. */
struct tw_pkg_config_key {
  const char *name;
  uint32_t least, most;
  int is_power, is_hashed;
  int64_t before; /* value of machines from before there was the key; -1: none */
};

enum tw_pkg_type {
  TW_PKG_I8 = 1,
  TW_PKG_U8 = 2,
  TW_PKG_I16 = 3,
  TW_PKG_I32 = 4,
  TW_PKG_I64 = 5,
  TW_PKG_F32 = 6,
  TW_PKG_F64 = 7,
  TW_PKG_BOOL = 8, /* a byte, 0 or 1 */
  TW_PKG_F16 = 9,
  TW_PKG_BF16 = 10,
  TW_PKG_U16 = 11,
  TW_PKG_U32 = 12,
  TW_PKG_U64 = 13,
  TW_PKG_TYPES = 14
};

/* What a caller sees of an input or output: row-major, as in the source model. */
struct tw_pkg_tensor {
  uint32_t name;
  uint32_t type;
  uint32_t rank;                  /* at most TW_PKG_MAX_RANK */
  uint32_t shown;                 /* 0; or of an input that is a mask: a run that fills inputs up gives elements of 0
                                     and 1, and 1 at place `shown` - 1 of each row along the last axis */
  uint8_t dims[TW_PKG_MAX_RANK];  /* 0: the size is that of `shape`; else dimension of the plan, from 1 */
  int64_t shape[TW_PKG_MAX_RANK]; /* zero or more, of a bound dimension the most; unused entries are zero */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_tensor) == 88, "tw_pkg_tensor");

/* The static plan: this struct, then entries, buffers, steps, phases, dimensions and arguments without gaps. */
struct tw_pkg_plan {
  uint32_t entry_count, buffer_count, step_count, phase_count, dim_count, argument_count;
  uint64_t arena_bytes; /* region 2, one per program instance */
  uint64_t state_bytes; /* kept between runs; at first as its buffers say */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_plan) == 40, "tw_pkg_plan");

struct tw_pkg_entry {
  uint32_t name;
  uint32_t first_step, step_count;
  uint32_t first_input, input_count;   /* arguments: buffers of kind INPUT */
  uint32_t first_output, output_count; /* arguments: buffers of kind OUTPUT */
  uint32_t reserved;
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_entry) == 32, "tw_pkg_entry");

enum tw_pkg_buffer_kind {
  TW_PKG_INPUT = 1,    /* of the caller; through region `region` (4 to 7) without a copy, or host only */
  TW_PKG_OUTPUT = 2,   /* of the caller, likewise */
  TW_PKG_TEMP = 3,     /* in the arena, at `offset` */
  TW_PKG_CONSTANT = 4, /* in the section CONST, at `offset` */
  TW_PKG_STATE = 5,    /* in the state memory, at `offset` */
  TW_PKG_DEVICE = 6,   /* in memory of the GPU alone, at `offset`; only steps that copy, run GPU code or stand for that
                          name it */
  TW_PKG_BUFFER_KINDS = 7
};

struct tw_pkg_buffer {
  uint32_t kind;
  uint32_t region; /* through which the NPU sees it: 1 CONSTANT, 2 TEMP, 4-7 INPUT and OUTPUT; TW_PKG_NONE: host only */
  uint64_t offset; /* zero for INPUT and OUTPUT */
  uint64_t size;   /* bytes; INPUT, OUTPUT: those of the tensor */
  uint32_t tensor; /* INPUT, OUTPUT: index in TENSORS; else TW_PKG_NONE */
  uint32_t name;   /* or TW_PKG_NONE */
  uint32_t tied;   /* an earlier buffer of the same size, not tied itself, whose memory this one is; or TW_PKG_NONE */
  uint32_t fill;   /* STATE: the byte that it begins with everywhere; else zero */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_buffer) == 40, "tw_pkg_buffer");

enum tw_pkg_step_op {
  TW_PKG_STEP_RUN = 1,      /* run a part of an image on its device and wait for the end; arguments: its buffers */
  TW_PKG_STEP_SYNC = 2,     /* make the argument buffers visible to the other side (nothing where memory is coherent) */
  TW_PKG_STEP_COPY = 3,     /* copy `bytes` from argument 1 to argument 0 */
  TW_PKG_STEP_JUMP_IF = 4,  /* go on with step `first` if the first byte of argument 0 is not zero */
  TW_PKG_STEP_BIND_DIM = 5, /* dimension `first` is from now on the int64 that argument 0 holds */
  TW_PKG_STEP_SIZE = 6,     /* argument 0 becomes the value of dimension `first`, an int64 */
  TW_PKG_STEP_INSTEAD = 7,  /* host code that does what the step before does, which runs GPU code: run where that cannot
                               be, with DEVICE buffers in memory of the host; else nothing */
  TW_PKG_STEP_OPS = 8
};

/* What a step does not use is zero, or TW_PKG_NONE where the field says so. */
struct tw_pkg_step {
  uint32_t op;
  uint32_t name;  /* label or TW_PKG_NONE */
  uint32_t image; /* RUN, INSTEAD: row of the image table; else TW_PKG_NONE */
  uint32_t first_argument;
  uint32_t argument_count;
  uint32_t first; /* RUN, INSTEAD: first line of a STREAM, launch of GPU code, else first phase; launches and phases are
                     those behind the last of the step before; JUMP_IF: step; BIND_DIM, SIZE: dimension */
  uint32_t count; /* RUN, INSTEAD: lines of a STREAM, the last one END; launches of GPU code; else phases */
  uint32_t counts;               /* RUN of a STREAM: row of COUNTS; or TW_PKG_NONE */
  uint32_t to_space, from_space; /* COPY: 0: memory that host and devices share; 1 + i: memory of device i alone; 1 is
                                    that of DEVICE buffers */
  uint64_t bytes;                /* COPY */
  uint64_t shared_bytes;         /* RUN of phases: scratch memory that lives through all of them */
  uint64_t private_bytes;        /* RUN of phases: scratch memory for each range */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_step) == 64, "tw_pkg_step");

/* A size that is known when a run begins (sizes of inputs) or later (BIND_DIM). */
struct tw_pkg_dim {
  uint32_t name;
  uint32_t follows; /* 0; or the number of an earlier dimension, from 1: this one is as much below its most as that */
  int64_t least, most; /* 0 <= least <= most */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_dim) == 24, "tw_pkg_dim");

/*
 * A host function does the part [lo, hi) of its phase's work [0, extent), and returns 0 or why it failed (the codes of
 * host_failures.h, or others, which have no text):
 *   int name(void *const *buffers, const int64_t *dims, void *scratch, int64_t lo, int64_t hi);
 * buffers  where the step's arguments lie, in their order; behind the last the step's shared scratch, one block for all
 *          ranges and phases of one run of the step
 * dims     the values of the plan's dimensions, in their order
 * scratch  private scratch: for this call alone, shared with no call that runs at the same time
 * Both scratch blocks are aligned to TW_PKG_SCRATCH_ALIGN and begin with anything, but what a phase leaves in the
 * shared one the next phase finds. Where a step states 0 bytes the pointer may be anything.
 * Whoever runs a phase calls its function for ranges that cover [0, extent) once, in any order and at the same time, on
 * as many threads as it likes; each range begins at a multiple of the grain. No range of a phase begins before all of
 * the phase before have ended. The bytes that a phase leaves may not depend on how it was cut.
 */
struct tw_pkg_phase {
  uint32_t name;     /* symbol of the function */
  uint32_t reserved; /* zero */
  uint64_t extent;   /* 1 to 2^63 - 1 */
  uint64_t grain;    /* smallest range that is worth a thread, 1 to extent */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_phase) == 24, "tw_pkg_phase");

/* The GPU's part of the plan: this struct, then launches and pointers without gaps. */
struct tw_pkg_launches {
  uint32_t launch_count, pointer_count;
  uint64_t memory_bytes; /* of the GPU for DEVICE buffers, one per program instance */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_launches) == 16, "tw_pkg_launches");

/*
 * A kernel's run by a step that runs GPU code: `blocks` blocks of `threads` threads, side by side along x. Launches of
 * a step run one after another, and each finds what the one before has written. Its parameters are pointers. What lies
 * there is the step's: a DEVICE buffer, or a CONSTANT, of which the driver keeps a copy in the GPU's memory.
 */
struct tw_pkg_launch {
  uint32_t name; /* of the kernel in the image */
  uint32_t blocks, threads;
  uint32_t shared_bytes;                 /* shared memory of a block, which the kernel declares itself */
  uint32_t first_pointer, pointer_count; /* those behind the last of the launch before */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_launch) == 24, "tw_pkg_launch");

struct tw_pkg_pointer {
  uint32_t argument; /* of the step, by its place among them */
  uint32_t reserved; /* zero */
  uint64_t offset;   /* in that buffer */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_pointer) == 16, "tw_pkg_pointer");

#define TW_PKG_MAX_BLOCKS 0x7FFFFFFFu /* of a launch, as GPUs have it */
#define TW_PKG_MAX_GPU_THREADS 1024u  /* of a block */
#define TW_PKG_GPU_ALIGN 256u         /* of DEVICE buffers in the GPU's memory */

/* What the compiler predicts for one step that runs a part of a STREAM; compared with the completion record. */
struct tw_pkg_counts {
  uint64_t macs, bytes_read, bytes_written;
  uint64_t cycles; /* of the cycle model at ideal memory; 0: not measured; not compared */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_counts) == 32, "tw_pkg_counts");

struct tw_pkg_tag {
  uint32_t tag;
  uint32_t name; /* operator or source location */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_tag) == 8, "tw_pkg_tag");

/* What the model leaves open and this package has fixed: a dimension, or an input that is none here. */
struct tw_pkg_fixed {
  uint32_t name;
  uint32_t value; /* as text: of a dimension its number, of an input type, shape and, if they are few, elements */
};
TW_STATIC_ASSERT(sizeof(struct tw_pkg_fixed) == 8, "tw_pkg_fixed");

/* An open package: the caller's bytes (8-byte aligned, alive as long as this) and where each section is. */
struct tw_pkg {
  const uint8_t *bytes;
  uint64_t size;
  struct tw_pkg_section sections[TW_PKG_SECTION_KINDS]; /* by kind; kind 0: absent */
  struct tw_pkg_config config;
};

/* Why a package was refused: the byte where the reader stood, what it expected and found there (0, 0: no numbers). */
struct tw_pkg_error {
  uint64_t offset;
  const char *text;
  const char *name; /* of what the text tells, printable; or NULL */
  uint64_t expected, found;
};

/* CRC-32 as in zlib; `crc` is 0 for the first part. */
static inline uint32_t tw_pkg_crc32(uint32_t crc, const void *data, uint64_t size) {
  uint32_t table[256], i, k;
  const uint8_t *bytes = (const uint8_t *)data;
  for (i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (k = 0; k < 8; ++k)
      value = (value >> 1) ^ (0xEDB88320u & (0u - (value & 1u)));
    table[i] = value;
  }
  crc = ~crc;
  while (size--)
    crc = table[(crc ^ *bytes++) & 0xFFu] ^ (crc >> 8);
  return ~crc;
}

/* The schema's TW_CFG_KEYS rows. */
static inline const struct tw_pkg_config_key *tw_pkg_config_keys(void) {
  static const struct tw_pkg_config_key keys[TW_CFG_KEYS] = {
#define TW_PKG_CFG_ROW(key, least, most, is_power, is_hashed, before) {key, least, most, is_power, is_hashed, before},
      TW_CFG_LIST(TW_PKG_CFG_ROW)
#undef TW_PKG_CFG_ROW
  };
  return keys;
}

/* FNV-1a, 64 bits, over "key=value\n" of every key that belongs to a machine's behaviour, but for those whose value is
 * the one from before there was the key. */
static inline uint64_t tw_pkg_hash_values(const struct tw_pkg_config_key *keys, uint32_t count,
                                          const uint32_t *values) {
  uint64_t hash = 0xCBF29CE484222325u;
  uint32_t i;
  for (i = 0; i < count; ++i) {
    char text[16], *at = text + sizeof text; /* "=4294967295\n" from its end */
    uint32_t value = values[i];
    const char *name;
    if (!keys[i].is_hashed || keys[i].before == (int64_t)value)
      continue;
    *--at = '\n';
    do
      *--at = (char)('0' + value % 10);
    while (value /= 10);
    *--at = '=';
    for (name = keys[i].name; *name; ++name)
      hash = (hash ^ (uint8_t)*name) * 0x100000001B3u;
    for (; at != text + sizeof text; ++at)
      hash = (hash ^ (uint8_t)*at) * 0x100000001B3u;
  }
  return hash;
}
static inline uint64_t tw_pkg_config_hash(const struct tw_pkg_config *config) {
  return tw_pkg_hash_values(tw_pkg_config_keys(), TW_CFG_KEYS, config->values);
}

/* Bytes of a section; NULL and 0 when the package has none of this kind. */
static inline const void *tw_pkg_data(const struct tw_pkg *pkg, enum tw_pkg_section_kind kind, uint64_t *size) {
  const struct tw_pkg_section *section = &pkg->sections[kind];
  if (size)
    *size = section->kind ? section->size : 0;
  return section->kind ? pkg->bytes + section->offset : NULL;
}

static inline const struct tw_pkg_header *tw_pkg_header_of(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_header *)pkg->bytes;
}

static inline const struct tw_pkg_image *tw_pkg_images(const struct tw_pkg *pkg) {
  const struct tw_pkg_section *sections = (const struct tw_pkg_section *)(tw_pkg_header_of(pkg) + 1);
  return (const struct tw_pkg_image *)(sections + tw_pkg_header_of(pkg)->section_count);
}
/* The first image of a kind; NULL if there is none. */
static inline const struct tw_pkg_image *tw_pkg_image_of(const struct tw_pkg *pkg, enum tw_pkg_image_kind kind) {
  uint32_t i;
  for (i = 0; i < tw_pkg_header_of(pkg)->image_count; ++i)
    if (tw_pkg_images(pkg)[i].kind == (uint32_t)kind)
      return &tw_pkg_images(pkg)[i];
  return NULL;
}

/* A name; NULL for TW_PKG_NONE and for an offset outside the section. */
static inline const char *tw_pkg_string(const struct tw_pkg *pkg, uint32_t name) {
  uint64_t size;
  const char *strings = (const char *)tw_pkg_data(pkg, TW_PKG_STRINGS, &size);
  return strings && name < size ? strings + name : NULL;
}

static inline const struct tw_pkg_plan *tw_pkg_plan_of(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_plan *)tw_pkg_data(pkg, TW_PKG_PLAN, NULL);
}
static inline const struct tw_pkg_entry *tw_pkg_entries(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_entry *)(tw_pkg_plan_of(pkg) + 1);
}
static inline const struct tw_pkg_buffer *tw_pkg_buffers(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_buffer *)(tw_pkg_entries(pkg) + tw_pkg_plan_of(pkg)->entry_count);
}
static inline const struct tw_pkg_step *tw_pkg_steps(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_step *)(tw_pkg_buffers(pkg) + tw_pkg_plan_of(pkg)->buffer_count);
}
static inline const struct tw_pkg_phase *tw_pkg_phases(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_phase *)(tw_pkg_steps(pkg) + tw_pkg_plan_of(pkg)->step_count);
}
static inline const struct tw_pkg_dim *tw_pkg_dims(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_dim *)(tw_pkg_phases(pkg) + tw_pkg_plan_of(pkg)->phase_count);
}
/* Indices of buffers; entries and steps name ranges of this table. */
static inline const uint32_t *tw_pkg_arguments(const struct tw_pkg *pkg) {
  return (const uint32_t *)(tw_pkg_dims(pkg) + tw_pkg_plan_of(pkg)->dim_count);
}
/* Kind of the image that a step runs; 0 if it runs none, or only instead of another. */
static inline uint32_t tw_pkg_runs(const struct tw_pkg *pkg, const struct tw_pkg_step *step) {
  return step->op == TW_PKG_STEP_RUN ? tw_pkg_images(pkg)[step->image].kind : 0;
}
/* The GPU's part of the plan; NULL if it has none. */
static inline const struct tw_pkg_launches *tw_pkg_launches_of(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_launches *)tw_pkg_data(pkg, TW_PKG_LAUNCHES, NULL);
}
static inline const struct tw_pkg_launch *tw_pkg_launch_rows(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_launch *)(tw_pkg_launches_of(pkg) + 1);
}
static inline const struct tw_pkg_pointer *tw_pkg_pointers(const struct tw_pkg *pkg) {
  return (const struct tw_pkg_pointer *)(tw_pkg_launch_rows(pkg) + tw_pkg_launches_of(pkg)->launch_count);
}
static inline const struct tw_pkg_tensor *tw_pkg_tensors(const struct tw_pkg *pkg, uint64_t *count) {
  const struct tw_pkg_tensor *tensors = (const struct tw_pkg_tensor *)tw_pkg_data(pkg, TW_PKG_TENSORS, count);
  *count /= sizeof *tensors;
  return tensors;
}
static inline const struct tw_pkg_counts *tw_pkg_counts_of(const struct tw_pkg *pkg, uint64_t *count) {
  const struct tw_pkg_counts *counts = (const struct tw_pkg_counts *)tw_pkg_data(pkg, TW_PKG_COUNTS, count);
  *count /= sizeof *counts;
  return counts;
}
static inline const struct tw_pkg_tag *tw_pkg_tags(const struct tw_pkg *pkg, uint64_t *count) {
  const struct tw_pkg_tag *tags = (const struct tw_pkg_tag *)tw_pkg_data(pkg, TW_PKG_DEBUG, count);
  *count /= sizeof *tags;
  return tags;
}
static inline const struct tw_pkg_fixed *tw_pkg_fixed_of(const struct tw_pkg *pkg, uint64_t *count) {
  const struct tw_pkg_fixed *rows = (const struct tw_pkg_fixed *)tw_pkg_data(pkg, TW_PKG_FIXED, count);
  *count /= sizeof *rows;
  return rows;
}
/* Name of a tag, or NULL. */
static inline const char *tw_pkg_tag_name(const struct tw_pkg *pkg, uint32_t tag) {
  uint64_t count, i;
  const struct tw_pkg_tag *tags = tw_pkg_tags(pkg, &count);
  for (i = 0; i < count; ++i)
    if (tags[i].tag == tag)
      return tw_pkg_string(pkg, tags[i].name);
  return NULL;
}

/* Private scratch of one range of a step, and where the first lies in the block whose beginning is the shared scratch:
 * rounded up to the alignment. */
static inline uint64_t tw_pkg_scratch_round(uint64_t bytes) {
  return (bytes + TW_PKG_SCRATCH_ALIGN - 1) / TW_PKG_SCRATCH_ALIGN * TW_PKG_SCRATCH_ALIGN;
}
/* Bytes of scratch with which every step can run, at most `threads` ranges at the same time. */
static inline uint64_t tw_pkg_scratch_bytes(const struct tw_pkg *pkg, uint32_t threads) {
  uint64_t most = 0, i;
  for (i = 0; i < tw_pkg_plan_of(pkg)->step_count; ++i) {
    const struct tw_pkg_step *s = tw_pkg_steps(pkg) + i;
    const uint64_t bytes = tw_pkg_scratch_round(s->shared_bytes) + threads * tw_pkg_scratch_round(s->private_bytes);
    most = bytes > most ? bytes : most;
  }
  return most;
}

/* Bytes of an element of enum tw_pkg_type; 0 for no type. */
static inline uint64_t tw_pkg_type_bytes(uint32_t type) {
  static const uint8_t bytes[TW_PKG_TYPES] = {0, 1, 1, 2, 4, 8, 4, 8, 1, 2, 2, 2, 4, 8};
  return type < TW_PKG_TYPES ? bytes[type] : 0;
}

/* Checks the whole file and fills `pkg`; 1 on success, 0 with `error` filled. `bytes` must be aligned to 8. */
static inline int tw_pkg_open(struct tw_pkg *pkg, const void *bytes, uint64_t size, struct tw_pkg_error *error);

/* Whether an open package is for the machine with these hashes, if it has anything for one; as tw_pkg_open. */
static inline int tw_pkg_suits(const struct tw_pkg *pkg, uint64_t isa_hash, uint64_t cfg_hash,
                               struct tw_pkg_error *error);

#include "tw/isa/package_check.h"

#ifdef __cplusplus
}
#endif
#endif
