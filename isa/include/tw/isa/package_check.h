/* SPDX-License-Identifier: Apache-2.0 */
/* The checks behind tw_pkg_open: every byte, index and range of a package. */
/* Included by package_format.h only. */
/* Does not print: the caller turns struct tw_pkg_error into its own kind of message. */
#ifndef TW_ISA_PACKAGE_CHECK_H
#define TW_ISA_PACKAGE_CHECK_H

#include "tw/isa/package_format.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline int tw_pkg_refuse(struct tw_pkg_error *error, uint64_t offset, const char *text, uint64_t expected,
                                uint64_t found) {
  error->offset = offset;
  error->text = text;
  error->name = NULL;
  error->expected = expected;
  error->found = found;
  return 0;
}

static inline int tw_pkg_refuse_name(struct tw_pkg_error *error, uint64_t offset, const char *text, const char *name,
                                     uint64_t expected, uint64_t found) {
  tw_pkg_refuse(error, offset, text, expected, found);
  error->name = name;
  return 0;
}

/* first + count <= size, without overflow. */
static inline int tw_pkg_inside(uint64_t first, uint64_t count, uint64_t size) {
  return first <= size && count <= size - first;
}

static inline int tw_pkg_check_header(const struct tw_pkg_header *h, uint64_t size, struct tw_pkg_error *e) {
  uint32_t crc;
  if (size < sizeof *h)
    return tw_pkg_refuse(e, 0, "too short for a package: bytes of the header and bytes of the file", sizeof *h, size);
  if (memcmp(h->magic, TW_PKG_MAGIC, sizeof h->magic) != 0)
    return tw_pkg_refuse(e, 0, "not a package: the first bytes are not its mark, compile a model to get one", 0, 0);
  if (h->version != TW_PKG_VERSION)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, version), "version of the format: compile the model again",
                         TW_PKG_VERSION, h->version);
  crc = tw_pkg_crc32(0, h, offsetof(struct tw_pkg_header, header_crc));
  if (h->header_crc != crc)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, header_crc),
                         "damaged header, copy or compile the package again: checksum", h->header_crc, crc);
  if (h->file_bytes != size)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, file_bytes),
                         "file cut off or extended, copy it again: bytes", h->file_bytes, size);
  if (h->reserved != 0)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, reserved), "reserved field", 0, h->reserved);
  return 1;
}

/* What a message may repeat, padded with zeros to `size`. */
static inline int tw_pkg_is_target(const char *target, uint32_t size) {
  uint32_t i = 0;
  while (i < size && target[i] >= ' ' && target[i] <= '~' && target[i] != '\'')
    ++i;
  if (i == 0)
    return 0;
  while (i < size && target[i] == 0)
    ++i;
  return i == size && target[size - 1] == 0;
}

/* The bytes of a section or image: behind `end`, the end of what lies before, which becomes theirs. */
static inline int tw_pkg_check_part(const struct tw_pkg *pkg, uint64_t at, uint64_t offset, uint64_t size,
                                    uint32_t told, const char *name, uint64_t *end, struct tw_pkg_error *e) {
  const uint64_t start = (*end + TW_PKG_ALIGN - 1) / TW_PKG_ALIGN * TW_PKG_ALIGN;
  uint32_t crc;
  if (offset != start)
    return tw_pkg_refuse_name(e, at, "offset of a section or image", name, start, offset);
  if (!tw_pkg_inside(offset, size, pkg->size))
    return tw_pkg_refuse_name(e, at, "a section or image leaves the file: bytes of the file and its end", name,
                              pkg->size, offset + size);
  for (; *end < start; ++*end)
    if (pkg->bytes[*end] != 0)
      return tw_pkg_refuse(e, *end, "byte between two sections", 0, pkg->bytes[*end]);
  crc = tw_pkg_crc32(0, pkg->bytes + offset, size);
  if (crc != told)
    return tw_pkg_refuse_name(e, offset, "damaged contents, copy or compile the package again: checksum", name, told,
                              crc);
  *end = offset + size;
  return 1;
}

static inline int tw_pkg_check_image(const struct tw_pkg_image *image, uint64_t at, struct tw_pkg_error *e) {
  const int is_stream = image->kind == TW_PKG_STREAM, is_host = image->kind == TW_PKG_HOST;
  if (image->kind == 0 || image->kind >= TW_PKG_IMAGE_KINDS)
    return tw_pkg_refuse(e, at, "kind of an image: written by a newer compiler", TW_PKG_IMAGE_KINDS - 1, image->kind);
  if (!tw_pkg_is_target(image->target, sizeof image->target))
    return tw_pkg_refuse(e, at, "target of an image is no name of printable characters", 0, 0);
  if (!is_stream && (image->isa_hash != 0 || image->configuration != 0))
    return tw_pkg_refuse(e, at, "hash of a machine in an image that is no instruction lines", 0,
                         image->isa_hash ? image->isa_hash : image->configuration);
  if (!is_host && image->features != 0)
    return tw_pkg_refuse(e, at, "features of a processor in an image that is no host code", 0, image->features);
  if (is_stream && (image->size == 0 || image->size % TW_LINE_BYTES != 0))
    return tw_pkg_refuse(e, at, "an image is no whole number of lines: bytes of a line and of the image", TW_LINE_BYTES,
                         image->size);
  if (image->kind == TW_PKG_GPU && image->size == 0)
    return tw_pkg_refuse(e, at, "an image of GPU code has no bytes", 1, image->size);
  if (image->reserved != 0)
    return tw_pkg_refuse(e, at, "reserved field of an image", 0, image->reserved);
  return 1;
}

static inline int tw_pkg_check_sections(struct tw_pkg *pkg, const struct tw_pkg_header *h, struct tw_pkg_error *e) {
  static const char *const sections[TW_PKG_SECTION_KINDS] = {0,        "CONFIG", "CONST", "PLAN",  "TENSORS", "STRINGS",
                                                             "COUNTS", "DEBUG",  "GRAPH", "FIXED", "LAUNCHES"};
  static const char *const images[TW_PKG_IMAGE_KINDS] = {0, "STREAM", "HOST", "GPU", "OTHER"};
  const struct tw_pkg_section *table = (const struct tw_pkg_section *)(pkg->bytes + sizeof *h);
  uint64_t table_bytes = (uint64_t)h->section_count * sizeof *table + h->image_count * sizeof(struct tw_pkg_image);
  uint64_t end = sizeof *h + table_bytes;
  uint32_t i, crc;
  if (h->section_count >= TW_PKG_SECTION_KINDS)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, section_count), "number of sections",
                         TW_PKG_SECTION_KINDS - 1, h->section_count);
  if (h->image_count > TW_PKG_MAX_IMAGES)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, image_count), "number of images", TW_PKG_MAX_IMAGES,
                         h->image_count);
  if (end > pkg->size)
    return tw_pkg_refuse(e, offsetof(struct tw_pkg_header, section_count),
                         "the tables leave the file: bytes of the file and their end", pkg->size, end);
  crc = tw_pkg_crc32(0, table, table_bytes);
  if (crc != h->table_crc)
    return tw_pkg_refuse(e, sizeof *h,
                         "damaged table of sections or images, copy or compile the package again: checksum",
                         h->table_crc, crc);
  for (i = 0; i < h->section_count; ++i) {
    const struct tw_pkg_section *s = &table[i];
    const uint64_t at = (uint64_t)((const uint8_t *)s - pkg->bytes);
    if (s->kind == 0 || s->kind >= TW_PKG_SECTION_KINDS)
      return tw_pkg_refuse(e, at, "kind of a section: written by a newer compiler", TW_PKG_SECTION_KINDS - 1, s->kind);
    if (pkg->sections[s->kind].kind != 0)
      return tw_pkg_refuse(e, at, "section given twice: kind", s->kind, s->kind);
    if (!tw_pkg_check_part(pkg, at, s->offset, s->size, s->crc, sections[s->kind], &end, e))
      return 0;
    pkg->sections[s->kind] = *s;
  }
  for (i = 0; i < h->image_count; ++i) {
    const struct tw_pkg_image *image = tw_pkg_images(pkg) + i;
    const uint64_t at = (uint64_t)((const uint8_t *)image - pkg->bytes);
    if (!tw_pkg_check_image(image, at, e) ||
        !tw_pkg_check_part(pkg, at, image->offset, image->size, image->crc, images[image->kind], &end, e))
      return 0;
    if (image->kind == TW_PKG_GPU && pkg->bytes[end - 1] != 0)
      return tw_pkg_refuse(e, end - 1, "the last byte of GPU code", 0, pkg->bytes[end - 1]);
  }
  if (end != pkg->size)
    return tw_pkg_refuse(e, end, "bytes after the last image: end and bytes of the file", end, pkg->size);
  for (i = TW_PKG_CONFIG; i <= TW_PKG_STRINGS; ++i)
    if (pkg->sections[i].kind == 0 && (i != TW_PKG_CONFIG || tw_pkg_image_of(pkg, TW_PKG_STREAM)))
      return tw_pkg_refuse_name(e, sizeof *h, "missing section", sections[i], 0, 0);
  if (pkg->sections[TW_PKG_CONFIG].kind != 0 && !tw_pkg_image_of(pkg, TW_PKG_STREAM))
    return tw_pkg_refuse(e, sizeof *h, "section CONFIG, but no instruction lines for a machine", 0, 0);
  return 1;
}

/* Sizes of the sections that are arrays. */
static inline int tw_pkg_check_shapes(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  static const struct {
    uint32_t kind, unit;
    const char *text;
  } arrays[] = {
      {TW_PKG_TENSORS, sizeof(struct tw_pkg_tensor), "section TENSORS: bytes of a row and of the section"},
      {TW_PKG_COUNTS, sizeof(struct tw_pkg_counts), "section COUNTS: bytes of a row and of the section"},
      {TW_PKG_DEBUG, sizeof(struct tw_pkg_tag), "section DEBUG: bytes of a row and of the section"},
      {TW_PKG_FIXED, sizeof(struct tw_pkg_fixed), "section FIXED: bytes of a row and of the section"},
  };
  const struct tw_pkg_section *strings = &pkg->sections[TW_PKG_STRINGS];
  uint64_t i;
  for (i = 0; i < sizeof arrays / sizeof arrays[0]; ++i) {
    const struct tw_pkg_section *s = &pkg->sections[arrays[i].kind];
    if (s->size % arrays[i].unit != 0)
      return tw_pkg_refuse(e, s->offset, arrays[i].text, arrays[i].unit, s->size);
  }
  if (strings->size == 0 || pkg->bytes[strings->offset + strings->size - 1] != 0)
    return tw_pkg_refuse(e, strings->offset + strings->size, "the last string has no end", 0, 0);
  return 1;
}

/* What a message may repeat: the name of a key, as the schema writes them. */
static inline int tw_pkg_is_key(const char *name) {
  uint32_t i;
  for (i = 0; name[i]; ++i)
    if (i == 31 || !((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
      return 0;
  return i != 0;
}

/* One value is one that a machine may have. */
static inline int tw_pkg_check_value(const struct tw_pkg_config_key *key, uint32_t value, uint64_t at,
                                     struct tw_pkg_error *e) {
  if (value < key->least || value > key->most)
    return tw_pkg_refuse_name(e, at, "value of a machine outside its range, compile the model again", key->name,
                              value < key->least ? key->least : key->most, value);
  if (key->is_power && (value & (value - 1)) != 0) {
    uint32_t power = key->least;
    while (power <= value / 2)
      power *= 2;
    return tw_pkg_refuse_name(e, at, "value of a machine is not a power of two, compile the model again", key->name,
                              power, value);
  }
  return 1;
}

/* Section CONFIG, whose head is there, by a schema of at most 64 keys. */
static inline int tw_pkg_read_values(const struct tw_pkg *pkg, const struct tw_pkg_config_key *keys, uint32_t count,
                                     uint32_t *values, struct tw_pkg_error *e) {
  const struct tw_pkg_section *s = &pkg->sections[TW_PKG_CONFIG];
  const struct tw_pkg_config_head *head = (const struct tw_pkg_config_head *)(pkg->bytes + s->offset);
  const struct tw_pkg_config_value *rows = (const struct tw_pkg_config_value *)(head + 1);
  uint64_t seen = 0;
  uint32_t i, k;
  for (i = 0; i < head->count; ++i) {
    const uint64_t at = (uint64_t)((const uint8_t *)&rows[i] - pkg->bytes);
    const char *name = tw_pkg_string(pkg, rows[i].key);
    if (!name || !tw_pkg_is_key(name))
      return tw_pkg_refuse(e, at, "a key of the configuration has no name that keys may have", 0, 0);
    for (k = 0; k < count && strcmp(keys[k].name, name) != 0; ++k)
      ;
    if (k == count)
      return tw_pkg_refuse_name(e, at, "this program is older than the package and does not know a key of its machine",
                                name, 0, 0);
    if (seen >> k & 1)
      return tw_pkg_refuse_name(e, at, "a key of the configuration is given twice", name, 0, 0);
    seen |= (uint64_t)1 << k;
    if (!tw_pkg_check_value(&keys[k], rows[i].value, at, e))
      return 0;
    values[k] = rows[i].value;
  }
  for (k = 0; k < count; ++k) {
    if (seen >> k & 1)
      continue;
    if (keys[k].before < 0)
      return tw_pkg_refuse_name(e, s->offset, "a key of the configuration is missing, compile the model again",
                                keys[k].name, 0, 0);
    values[k] = (uint32_t)keys[k].before;
  }
  return 1;
}

/* The values are the ones whose hash each image of lines tells: who asks for the hash of the machine may trust them. */
static inline int tw_pkg_check_config(struct tw_pkg *pkg, struct tw_pkg_error *e) {
  const struct tw_pkg_section *config = &pkg->sections[TW_PKG_CONFIG];
  const struct tw_pkg_config_head *head = (const struct tw_pkg_config_head *)(pkg->bytes + config->offset);
  uint64_t hash;
  uint32_t i;
  if (config->kind == 0)
    return 1;
  if (config->size < sizeof *head)
    return tw_pkg_refuse(e, config->offset, "bytes of section CONFIG", sizeof *head, config->size);
  if (config->size != sizeof *head + (uint64_t)head->count * sizeof(struct tw_pkg_config_value))
    return tw_pkg_refuse(e, config->offset, "bytes of section CONFIG and of its values",
                         sizeof *head + (uint64_t)head->count * sizeof(struct tw_pkg_config_value), config->size);
  if (head->reserved != 0)
    return tw_pkg_refuse(e, config->offset, "reserved field of section CONFIG", 0, head->reserved);
  if (head->name[sizeof head->name - 1] != 0)
    return tw_pkg_refuse(e, config->offset, "the configuration's name has no end", 0, 0);
  memcpy(pkg->config.name, head->name, sizeof pkg->config.name);
  if (!tw_pkg_read_values(pkg, tw_pkg_config_keys(), TW_CFG_KEYS, pkg->config.values, e))
    return 0;
  hash = tw_pkg_config_hash(&pkg->config);
  for (i = 0; i < tw_pkg_header_of(pkg)->image_count; ++i) {
    const struct tw_pkg_image *image = tw_pkg_images(pkg) + i;
    if (image->kind == TW_PKG_STREAM && image->configuration != hash)
      return tw_pkg_refuse(e, (uint64_t)((const uint8_t *)image - pkg->bytes),
                           "the configuration is not the one whose hash the instruction lines tell, compile the model "
                           "again: hash of section CONFIG and of the image",
                           hash, image->configuration);
  }
  return 1;
}

/* Bytes of a tensor whose rank, type and sizes were checked; more than TW_PKG_MAX_BYTES if they are. */
static inline uint64_t tw_pkg_tensor_bytes(const struct tw_pkg_tensor *t) {
  uint64_t bytes = tw_pkg_type_bytes(t->type), k;
  for (k = 0; k < t->rank; ++k)
    if (t->shape[k] == 0)
      return 0;
  for (k = 0; k < t->rank; ++k) {
    if ((uint64_t)t->shape[k] > TW_PKG_MAX_BYTES / bytes)
      return TW_PKG_MAX_BYTES + 1;
    bytes *= (uint64_t)t->shape[k];
  }
  return bytes;
}

static inline int tw_pkg_check_tensors(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  uint64_t count, i, k;
  const struct tw_pkg_tensor *tensors = tw_pkg_tensors(pkg, &count);
  const struct tw_pkg_tag *tags;
  for (i = 0; i < count; ++i) {
    const struct tw_pkg_tensor *t = &tensors[i];
    uint64_t at = (uint64_t)((const uint8_t *)t - pkg->bytes);
    if (!tw_pkg_string(pkg, t->name))
      return tw_pkg_refuse(e, at, "name of a tensor leaves the strings", pkg->sections[TW_PKG_STRINGS].size, t->name);
    if (tw_pkg_type_bytes(t->type) == 0)
      return tw_pkg_refuse(e, at, "type of a tensor", TW_PKG_TYPES - 1, t->type);
    if (t->rank > TW_PKG_MAX_RANK)
      return tw_pkg_refuse(e, at, "rank of a tensor", TW_PKG_MAX_RANK, t->rank);
    if (t->shown != 0 && (t->rank == 0 || (int64_t)t->shown > t->shape[t->rank - 1]))
      return tw_pkg_refuse(e, at, "a mask says more of a row than its last axis has",
                           t->rank == 0 ? 0 : (uint64_t)t->shape[t->rank - 1], t->shown);
    for (k = 0; k < TW_PKG_MAX_RANK; ++k)
      if (k < t->rank ? t->shape[k] < 0 : t->shape[k] != 0)
        return tw_pkg_refuse(e, at, "size of a tensor's dimension", 0, (uint64_t)t->shape[k]);
    if (tw_pkg_tensor_bytes(t) > TW_PKG_MAX_BYTES)
      return tw_pkg_refuse(e, at, "a tensor has too many bytes: at most", TW_PKG_MAX_BYTES, 0);
  }
  tags = tw_pkg_tags(pkg, &count);
  for (i = 0; i < count; ++i) {
    uint64_t at = (uint64_t)((const uint8_t *)&tags[i] - pkg->bytes);
    if (tags[i].tag > TW_PKG_MAX_TAG)
      return tw_pkg_refuse(e, at, "a tag is larger than instructions hold", TW_PKG_MAX_TAG, tags[i].tag);
    if (i && tags[i].tag <= tags[i - 1].tag)
      return tw_pkg_refuse(e, at, "tags are not in order: a tag and the one before it", tags[i].tag, tags[i - 1].tag);
    if (!tw_pkg_string(pkg, tags[i].name))
      return tw_pkg_refuse(e, at, "name of a tag leaves the strings", pkg->sections[TW_PKG_STRINGS].size, tags[i].name);
  }
  return 1;
}

static inline int tw_pkg_check_fixed(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  uint64_t count, i;
  const struct tw_pkg_fixed *rows = tw_pkg_fixed_of(pkg, &count);
  for (i = 0; i < count; ++i) {
    const uint32_t lost = tw_pkg_string(pkg, rows[i].name) ? rows[i].value : rows[i].name;
    if (!tw_pkg_string(pkg, lost))
      return tw_pkg_refuse(e, (uint64_t)((const uint8_t *)&rows[i] - pkg->bytes),
                           "name or value of what is fixed leaves the strings", pkg->sections[TW_PKG_STRINGS].size,
                           lost);
  }
  return 1;
}

static inline int tw_pkg_check_buffer(const struct tw_pkg *pkg, const struct tw_pkg_buffer *b, struct tw_pkg_error *e) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(pkg);
  uint64_t at = (uint64_t)((const uint8_t *)b - pkg->bytes), tensors;
  uint64_t limits[TW_PKG_BUFFER_KINDS];
  int is_io = b->kind == TW_PKG_INPUT || b->kind == TW_PKG_OUTPUT, region_ok;
  if (b->kind == 0 || b->kind >= TW_PKG_BUFFER_KINDS)
    return tw_pkg_refuse(e, at, "kind of a buffer", TW_PKG_BUFFER_KINDS - 1, b->kind);
  limits[TW_PKG_INPUT] = limits[TW_PKG_OUTPUT] = b->size;
  limits[TW_PKG_TEMP] = plan->arena_bytes;
  limits[TW_PKG_CONSTANT] = pkg->sections[TW_PKG_CONST].size;
  limits[TW_PKG_STATE] = plan->state_bytes;
  limits[TW_PKG_DEVICE] = tw_pkg_launches_of(pkg) ? tw_pkg_launches_of(pkg)->memory_bytes : 0;
  if (!tw_pkg_inside(b->offset, b->size, limits[b->kind]))
    return tw_pkg_refuse(e, at, "a buffer leaves its memory: bytes of the memory and end of the buffer",
                         limits[b->kind], b->offset + b->size);
  region_ok = is_io ? b->region >= TW_ROLE_IO0 && b->region <= TW_ROLE_IO3
                    : b->region == (b->kind == TW_PKG_TEMP       ? (uint32_t)TW_ROLE_ARENA
                                    : b->kind == TW_PKG_CONSTANT ? (uint32_t)TW_ROLE_CONST
                                                                 : TW_PKG_NONE);
  if (b->kind == TW_PKG_DEVICE && (!tw_pkg_launches_of(pkg) || b->offset % TW_PKG_GPU_ALIGN != 0))
    return tw_pkg_refuse(e, at,
                         "a buffer of the GPU in no section LAUNCHES, or its offset is no multiple of its alignment",
                         TW_PKG_GPU_ALIGN, b->offset);
  if (b->region != TW_PKG_NONE && !region_ok)
    return tw_pkg_refuse(e, at, "region of a buffer does not suit its kind: kind and region", b->kind, b->region);
  tw_pkg_tensors(pkg, &tensors);
  if (is_io ? b->tensor >= tensors : b->tensor != TW_PKG_NONE)
    return tw_pkg_refuse(e, at, "tensor of a buffer: number of tensors and index", tensors, b->tensor);
  if (is_io && b->size != tw_pkg_tensor_bytes(tw_pkg_tensors(pkg, &tensors) + b->tensor))
    return tw_pkg_refuse(e, at, "bytes of a buffer are not those of its tensor: tensor and buffer",
                         tw_pkg_tensor_bytes(tw_pkg_tensors(pkg, &tensors) + b->tensor), b->size);
  if (b->tied != TW_PKG_NONE) {
    const uint64_t index = (uint64_t)(b - tw_pkg_buffers(pkg));
    const struct tw_pkg_buffer *to = tw_pkg_buffers(pkg) + b->tied;
    if (b->tied >= index)
      return tw_pkg_refuse(e, at, "a buffer is tied to a later one: its number and that of the other", index, b->tied);
    if (to->tied != TW_PKG_NONE || to->size != b->size)
      return tw_pkg_refuse(e, at, "a buffer is tied to one that is tied itself, or of another size: bytes", b->size,
                           to->size);
  }
  if (b->fill > (b->kind == TW_PKG_STATE ? 255u : 0u))
    return tw_pkg_refuse(e, at, "what a buffer begins with is a byte, of STATE only: its kind and that", b->kind,
                         b->fill);
  if (b->name != TW_PKG_NONE && !tw_pkg_string(pkg, b->name))
    return tw_pkg_refuse(e, at, "name of a buffer leaves the strings", pkg->sections[TW_PKG_STRINGS].size, b->name);
  return 1;
}

/* How many phases, launches and pointers the steps before have, then this one too: those of a step lie behind those of
 * the step before, so that each belongs to one. */
struct tw_pkg_used {
  uint64_t phases, launches, pointers;
};

/* Code of the GPU sees its memory, and constants; what lies elsewhere it cannot. */
static inline int tw_pkg_check_launch(const struct tw_pkg *pkg, const struct tw_pkg_step *s,
                                      const struct tw_pkg_launch *l, struct tw_pkg_used *used, struct tw_pkg_error *e) {
  const uint64_t at = (uint64_t)((const uint8_t *)l - pkg->bytes);
  const uint32_t *arguments = tw_pkg_arguments(pkg) + s->first_argument;
  uint64_t i;
  if (!tw_pkg_string(pkg, l->name))
    return tw_pkg_refuse(e, at, "name of a kernel leaves the strings", pkg->sections[TW_PKG_STRINGS].size, l->name);
  if (l->blocks == 0 || l->blocks > TW_PKG_MAX_BLOCKS)
    return tw_pkg_refuse(e, at, "blocks of a launch are none or more than a GPU has: at most", TW_PKG_MAX_BLOCKS,
                         l->blocks);
  if (l->threads == 0 || l->threads > TW_PKG_MAX_GPU_THREADS)
    return tw_pkg_refuse(e, at, "threads of a block are none or more than a GPU has: at most", TW_PKG_MAX_GPU_THREADS,
                         l->threads);
  if (l->first_pointer != used->pointers)
    return tw_pkg_refuse(e, at, "first pointer of a launch is not the one behind those of the launch before",
                         used->pointers, l->first_pointer);
  if (!tw_pkg_inside(l->first_pointer, l->pointer_count, tw_pkg_launches_of(pkg)->pointer_count))
    return tw_pkg_refuse(e, at, "pointers of a launch: how many there are and where it ends",
                         tw_pkg_launches_of(pkg)->pointer_count, (uint64_t)l->first_pointer + l->pointer_count);
  used->pointers += l->pointer_count;
  for (i = 0; i < l->pointer_count; ++i) {
    const struct tw_pkg_pointer *p = tw_pkg_pointers(pkg) + l->first_pointer + i;
    const uint64_t there = (uint64_t)((const uint8_t *)p - pkg->bytes);
    if (p->argument >= s->argument_count)
      return tw_pkg_refuse(e, there, "a pointer names no argument of its step: arguments and index", s->argument_count,
                           p->argument);
    if (p->reserved != 0)
      return tw_pkg_refuse(e, there, "reserved field of a pointer", 0, p->reserved);
    if (p->offset >= tw_pkg_buffers(pkg)[arguments[p->argument]].size)
      return tw_pkg_refuse(e, there, "a pointer is behind its buffer: bytes of the buffer and offset",
                           tw_pkg_buffers(pkg)[arguments[p->argument]].size, p->offset);
  }
  return 1;
}

static inline int tw_pkg_check_gpu_run(const struct tw_pkg *pkg, const struct tw_pkg_step *s, struct tw_pkg_used *used,
                                       struct tw_pkg_error *e) {
  const uint64_t at = (uint64_t)((const uint8_t *)s - pkg->bytes);
  const struct tw_pkg_launches *head = tw_pkg_launches_of(pkg);
  uint64_t i;
  if (!head)
    return tw_pkg_refuse(e, at, "a step runs GPU code, and there is no section LAUNCHES", 0, 0);
  if (s->first != used->launches)
    return tw_pkg_refuse(e, at, "first launch of a step is not the one behind those of the step before", used->launches,
                         s->first);
  if (!tw_pkg_inside(s->first, s->count, head->launch_count))
    return tw_pkg_refuse(e, at, "a step's launches: how many there are and where the step ends", head->launch_count,
                         (uint64_t)s->first + s->count);
  used->launches += s->count;
  if (s->counts != TW_PKG_NONE || s->shared_bytes != 0 || s->private_bytes != 0)
    return tw_pkg_refuse(e, at, "a step that runs GPU code has predicted counts or scratch memory of host code", 0,
                         s->shared_bytes ? s->shared_bytes : s->private_bytes);
  for (i = 0; i < s->argument_count; ++i) {
    const uint32_t kind = tw_pkg_buffers(pkg)[tw_pkg_arguments(pkg)[s->first_argument + i]].kind;
    if (kind != TW_PKG_DEVICE && kind != TW_PKG_CONSTANT)
      return tw_pkg_refuse(e, at, "a step runs GPU code on a buffer that a GPU does not see: kind", TW_PKG_DEVICE,
                           kind);
  }
  for (i = 0; i < s->count; ++i)
    if (!tw_pkg_check_launch(pkg, s, tw_pkg_launch_rows(pkg) + s->first + i, used, e))
      return 0;
  return 1;
}

static inline int tw_pkg_check_run(const struct tw_pkg *pkg, const struct tw_pkg_step *s, struct tw_pkg_used *used,
                                   struct tw_pkg_error *e) {
  uint64_t at = (uint64_t)((const uint8_t *)s - pkg->bytes), counts, limit = tw_pkg_plan_of(pkg)->phase_count;
  const struct tw_pkg_image *image = tw_pkg_images(pkg) + s->image;
  if (s->image >= tw_pkg_header_of(pkg)->image_count)
    return tw_pkg_refuse(e, at, "a step runs an image that is not there: number of images and index",
                         tw_pkg_header_of(pkg)->image_count, s->image);
  if (s->count == 0)
    return tw_pkg_refuse(e, at, "a step runs no lines or phases", 0, 0);
  if (image->kind == TW_PKG_STREAM) {
    limit = image->size / TW_LINE_BYTES;
    if (!tw_pkg_inside(s->first, s->count, limit))
      return tw_pkg_refuse(e, at, "a step's lines: how many there are and where the step ends", limit,
                           (uint64_t)s->first + s->count);
    tw_pkg_counts_of(pkg, &counts);
    if (s->counts != TW_PKG_NONE && s->counts >= counts)
      return tw_pkg_refuse(e, at, "predicted counts of a step: rows and index", counts, s->counts);
    if (s->shared_bytes != 0 || s->private_bytes != 0)
      return tw_pkg_refuse(e, at, "a step that runs lines has scratch memory", 0,
                           s->shared_bytes ? s->shared_bytes : s->private_bytes);
    return 1;
  }
  if (s->op == TW_PKG_STEP_INSTEAD && image->kind != TW_PKG_HOST)
    return tw_pkg_refuse(e, at, "a step instead of another runs no host code: kind of the image", TW_PKG_HOST,
                         image->kind);
  if (image->kind == TW_PKG_GPU)
    return tw_pkg_check_gpu_run(pkg, s, used, e);
  if (s->first != used->phases)
    return tw_pkg_refuse(e, at, "first phase of a step is not the one behind those of the step before", used->phases,
                         s->first);
  if (!tw_pkg_inside(s->first, s->count, limit))
    return tw_pkg_refuse(e, at, "a step's phases: how many there are and where the step ends", limit,
                         (uint64_t)s->first + s->count);
  used->phases += s->count;
  if (s->counts != TW_PKG_NONE)
    return tw_pkg_refuse(e, at, "predicted counts of a step that runs no lines: no row and index", TW_PKG_NONE,
                         s->counts);
  if (s->shared_bytes > TW_PKG_MAX_BYTES || s->private_bytes > TW_PKG_MAX_BYTES)
    return tw_pkg_refuse(e, at, "scratch memory of a step: at most", TW_PKG_MAX_BYTES,
                         s->shared_bytes > TW_PKG_MAX_BYTES ? s->shared_bytes : s->private_bytes);
  return 1;
}

/* `first` and the bytes behind the arguments of a step that runs nothing. */
static inline int tw_pkg_check_other(const struct tw_pkg *pkg, const struct tw_pkg_step *s, struct tw_pkg_error *e) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(pkg);
  const struct tw_pkg_buffer *buffers = tw_pkg_buffers(pkg);
  const uint32_t *arguments = tw_pkg_arguments(pkg) + s->first_argument;
  const uint64_t needed = s->op == TW_PKG_STEP_COPY ? 2 : 1, at = (uint64_t)((const uint8_t *)s - pkg->bytes);
  const int is_of_dim = s->op == TW_PKG_STEP_BIND_DIM || s->op == TW_PKG_STEP_SIZE;
  const uint64_t least = s->op == TW_PKG_STEP_COPY ? s->bytes : is_of_dim ? sizeof(int64_t) : 1;
  const uint64_t limit = s->op == TW_PKG_STEP_JUMP_IF ? plan->step_count : is_of_dim ? plan->dim_count : 1;
  uint64_t i;
  if (s->image != TW_PKG_NONE || s->count != 0 || s->counts != TW_PKG_NONE || s->shared_bytes != 0 ||
      s->private_bytes != 0)
    return tw_pkg_refuse(e, at, "a step that runs nothing names lines, phases or scratch memory: its kind", 0, s->op);
  if (s->first >= limit)
    return tw_pkg_refuse(e, at, "a step names a step or dimension that is not there: how many there are and index",
                         limit, s->first);
  if (s->op == TW_PKG_STEP_SYNC)
    return 1;
  if (s->argument_count != needed)
    return tw_pkg_refuse(e, at, "arguments of a step that copies, jumps, binds or asks for a size", needed,
                         s->argument_count);
  for (i = 0; i < needed; ++i)
    if (buffers[arguments[i]].size < least)
      return tw_pkg_refuse(e, at, "a step uses more bytes than its buffer has: bytes of the buffer and of the step",
                           buffers[arguments[i]].size, least);
  return 1;
}

/* A buffer in the GPU's memory is named where that memory is meant, and no other is. */
static inline int tw_pkg_check_spaces(const struct tw_pkg *pkg, const struct tw_pkg_step *s, struct tw_pkg_error *e) {
  const uint32_t *arguments = tw_pkg_arguments(pkg) + s->first_argument;
  uint32_t i;
  for (i = 0; i < s->argument_count; ++i) {
    const int is_device = tw_pkg_buffers(pkg)[arguments[i]].kind == TW_PKG_DEVICE;
    const uint32_t space = i == 0 ? s->to_space : s->from_space;
    const int may_be =
        s->op == TW_PKG_STEP_COPY ? space == 1 : s->op == TW_PKG_STEP_INSTEAD || tw_pkg_runs(pkg, s) == TW_PKG_GPU;
    if (is_device ? !may_be : s->op == TW_PKG_STEP_COPY && space == 1)
      return tw_pkg_refuse(e, (uint64_t)((const uint8_t *)s - pkg->bytes),
                           "a step does not mean the memory in which its buffer lies: kind of the buffer and argument",
                           tw_pkg_buffers(pkg)[arguments[i]].kind, i);
  }
  return 1;
}

static inline int tw_pkg_check_step(const struct tw_pkg *pkg, const struct tw_pkg_step *s, struct tw_pkg_used *used,
                                    struct tw_pkg_error *e) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(pkg);
  uint64_t at = (uint64_t)((const uint8_t *)s - pkg->bytes);
  if (s->op == 0 || s->op >= TW_PKG_STEP_OPS)
    return tw_pkg_refuse(e, at, "kind of a step: written by a newer compiler", TW_PKG_STEP_OPS - 1, s->op);
  if (!tw_pkg_inside(s->first_argument, s->argument_count, plan->argument_count))
    return tw_pkg_refuse(e, at, "a step's arguments: how many there are and where the step ends", plan->argument_count,
                         (uint64_t)s->first_argument + s->argument_count);
  if (s->name != TW_PKG_NONE && !tw_pkg_string(pkg, s->name))
    return tw_pkg_refuse(e, at, "name of a step leaves the strings", pkg->sections[TW_PKG_STRINGS].size, s->name);
  if (s->op != TW_PKG_STEP_COPY && (s->bytes != 0 || s->to_space != 0 || s->from_space != 0))
    return tw_pkg_refuse(e, at, "a step that does not copy says how much or where: its kind", 0, s->op);
  if (s->op == TW_PKG_STEP_INSTEAD && (s == tw_pkg_steps(pkg) || tw_pkg_runs(pkg, s - 1) != TW_PKG_GPU))
    return tw_pkg_refuse(e, at, "a step stands for the one before, which runs no GPU code: its kind", 0, s->op);
  if (s->op == TW_PKG_STEP_RUN || s->op == TW_PKG_STEP_INSTEAD)
    return tw_pkg_check_run(pkg, s, used, e) && tw_pkg_check_spaces(pkg, s, e);
  return tw_pkg_check_other(pkg, s, e) && tw_pkg_check_spaces(pkg, s, e);
}

/* Before steps and buffers are looked at, which name its parts. */
static inline int tw_pkg_check_launches(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  const struct tw_pkg_section *s = &pkg->sections[TW_PKG_LAUNCHES];
  const struct tw_pkg_launches *head = tw_pkg_launches_of(pkg);
  uint64_t bytes = sizeof *head;
  if (!head)
    return 1;
  if (s->size < sizeof *head)
    return tw_pkg_refuse(e, s->offset, "bytes of section LAUNCHES", sizeof *head, s->size);
  bytes += (uint64_t)head->launch_count * sizeof(struct tw_pkg_launch);
  bytes += (uint64_t)head->pointer_count * sizeof(struct tw_pkg_pointer);
  if (bytes != s->size)
    return tw_pkg_refuse(e, s->offset, "bytes of section LAUNCHES and of its tables", bytes, s->size);
  if (head->memory_bytes > TW_PKG_MAX_BYTES)
    return tw_pkg_refuse(e, s->offset, "memory of a GPU: at most", TW_PKG_MAX_BYTES, head->memory_bytes);
  return 1;
}

static inline int tw_pkg_check_dims(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(pkg);
  uint64_t count, i, k;
  const struct tw_pkg_tensor *tensors = tw_pkg_tensors(pkg, &count);
  for (i = 0; i < plan->dim_count; ++i) {
    const struct tw_pkg_dim *d = tw_pkg_dims(pkg) + i;
    uint64_t at = (uint64_t)((const uint8_t *)d - pkg->bytes);
    if (!tw_pkg_string(pkg, d->name))
      return tw_pkg_refuse(e, at, "name of a dimension leaves the strings", pkg->sections[TW_PKG_STRINGS].size,
                           d->name);
    if (d->follows > i)
      return tw_pkg_refuse(e, at, "a dimension follows one that is not before it", i, d->follows);
    if (d->least < 0 || d->most < d->least)
      return tw_pkg_refuse(e, at, "a dimension is at least 0 and at most no less than at least", (uint64_t)d->least,
                           (uint64_t)d->most);
  }
  for (i = 0; i < count; ++i)
    for (k = 0; k < TW_PKG_MAX_RANK; ++k) {
      const struct tw_pkg_tensor *t = &tensors[i];
      uint64_t at = (uint64_t)((const uint8_t *)t - pkg->bytes);
      if (t->dims[k] > plan->dim_count || (t->dims[k] && k >= t->rank))
        return tw_pkg_refuse(e, at, "dimension of a tensor: how many there are and number", plan->dim_count,
                             t->dims[k]);
      if (t->dims[k] && tw_pkg_dims(pkg)[t->dims[k] - 1].most > t->shape[k])
        return tw_pkg_refuse(e, at, "a dimension may be more than its tensor has room for", (uint64_t)t->shape[k],
                             (uint64_t)tw_pkg_dims(pkg)[t->dims[k] - 1].most);
    }
  return 1;
}

static inline int tw_pkg_check_phases(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  uint64_t i;
  for (i = 0; i < tw_pkg_plan_of(pkg)->phase_count; ++i) {
    const struct tw_pkg_phase *p = tw_pkg_phases(pkg) + i;
    uint64_t at = (uint64_t)((const uint8_t *)p - pkg->bytes);
    if (!tw_pkg_string(pkg, p->name))
      return tw_pkg_refuse(e, at, "name of a phase's function leaves the strings", pkg->sections[TW_PKG_STRINGS].size,
                           p->name);
    if (p->reserved != 0)
      return tw_pkg_refuse(e, at, "reserved field of a phase", 0, p->reserved);
    if (p->extent == 0 || p->extent > INT64_MAX)
      return tw_pkg_refuse(e, at, "extent of a phase is not in 1 to 2^63 - 1", p->extent ? INT64_MAX : 1, p->extent);
    if (p->grain == 0 || p->grain > p->extent)
      return tw_pkg_refuse(e, at, "grain of a phase is not in 1 to its extent", p->grain ? p->extent : 1, p->grain);
  }
  return 1;
}

static inline int tw_pkg_check_entry(const struct tw_pkg *pkg, const struct tw_pkg_entry *n, struct tw_pkg_error *e) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(pkg);
  uint64_t at = (uint64_t)((const uint8_t *)n - pkg->bytes);
  uint32_t i;
  if (!tw_pkg_string(pkg, n->name))
    return tw_pkg_refuse(e, at, "name of an entry leaves the strings", pkg->sections[TW_PKG_STRINGS].size, n->name);
  if (!tw_pkg_inside(n->first_step, n->step_count, plan->step_count))
    return tw_pkg_refuse(e, at, "steps of an entry: how many there are and where it ends", plan->step_count,
                         (uint64_t)n->first_step + n->step_count);
  if (!tw_pkg_inside(n->first_input, n->input_count, plan->argument_count) ||
      !tw_pkg_inside(n->first_output, n->output_count, plan->argument_count))
    return tw_pkg_refuse(e, at, "inputs or outputs of an entry leave the arguments", plan->argument_count, 0);
  for (i = 0; i < n->input_count; ++i)
    if (tw_pkg_buffers(pkg)[tw_pkg_arguments(pkg)[n->first_input + i]].kind != TW_PKG_INPUT)
      return tw_pkg_refuse(e, at, "an input of an entry is no INPUT buffer: its number", 0, i);
  for (i = 0; i < n->output_count; ++i)
    if (tw_pkg_buffers(pkg)[tw_pkg_arguments(pkg)[n->first_output + i]].kind != TW_PKG_OUTPUT)
      return tw_pkg_refuse(e, at, "an output of an entry is no OUTPUT buffer: its number", 0, i);
  return 1;
}

static inline int tw_pkg_check_plan(const struct tw_pkg *pkg, struct tw_pkg_error *e) {
  const struct tw_pkg_section *s = &pkg->sections[TW_PKG_PLAN];
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(pkg);
  struct tw_pkg_used used = {0, 0, 0};
  uint64_t bytes = sizeof *plan, filled = 0, wanted, i;
  if (s->size < sizeof *plan)
    return tw_pkg_refuse(e, s->offset, "bytes of section PLAN", sizeof *plan, s->size);
  bytes += (uint64_t)plan->entry_count * sizeof(struct tw_pkg_entry);
  bytes += (uint64_t)plan->buffer_count * sizeof(struct tw_pkg_buffer);
  bytes += (uint64_t)plan->step_count * sizeof(struct tw_pkg_step);
  bytes += (uint64_t)plan->phase_count * sizeof(struct tw_pkg_phase);
  bytes += (uint64_t)plan->dim_count * sizeof(struct tw_pkg_dim);
  bytes += (uint64_t)plan->argument_count * sizeof(uint32_t);
  if (bytes != s->size)
    return tw_pkg_refuse(e, s->offset, "bytes of section PLAN and of its tables", bytes, s->size);
  if (plan->arena_bytes > TW_PKG_MAX_BYTES || plan->state_bytes > TW_PKG_MAX_BYTES)
    return tw_pkg_refuse(e, s->offset, "arena or state memory of a plan: at most", TW_PKG_MAX_BYTES,
                         plan->arena_bytes > TW_PKG_MAX_BYTES ? plan->arena_bytes : plan->state_bytes);
  if (!tw_pkg_check_launches(pkg, e))
    return 0;
  if (plan->entry_count == 0)
    return tw_pkg_refuse(e, s->offset, "a plan has at least one entry: entries", 1, 0);
  for (i = 0; i < plan->argument_count; ++i)
    if (tw_pkg_arguments(pkg)[i] >= plan->buffer_count)
      return tw_pkg_refuse(e, s->offset, "an argument names no buffer: number of buffers and index", plan->buffer_count,
                           tw_pkg_arguments(pkg)[i]);
  for (i = 0; i < plan->step_count; ++i)
    if (!tw_pkg_check_step(pkg, tw_pkg_steps(pkg) + i, &used, e))
      return 0;
  if (used.phases != plan->phase_count)
    return tw_pkg_refuse(e, s->offset, "phases of a plan and of all its steps", plan->phase_count, used.phases);
  if (tw_pkg_launches_of(pkg) && (used.launches != tw_pkg_launches_of(pkg)->launch_count ||
                                  used.pointers != tw_pkg_launches_of(pkg)->pointer_count))
    return tw_pkg_refuse(e, pkg->sections[TW_PKG_LAUNCHES].offset, "launches of a package and of all its steps",
                         tw_pkg_launches_of(pkg)->launch_count, used.launches);
  wanted = pkg->sections[TW_PKG_CONST].size + plan->arena_bytes + plan->state_bytes + tw_pkg_scratch_bytes(pkg, 1);
  wanted += tw_pkg_launches_of(pkg) ? tw_pkg_launches_of(pkg)->memory_bytes : 0;
  for (i = 0; i < plan->buffer_count && wanted <= TW_PKG_MAX_BYTES; ++i) {
    const struct tw_pkg_buffer *b = tw_pkg_buffers(pkg) + i;
    if (!tw_pkg_check_buffer(pkg, b, e))
      return 0;
    wanted += b->kind == TW_PKG_INPUT || b->kind == TW_PKG_OUTPUT ? b->size : 0;
    filled += b->fill ? b->size : 0;
    if (filled > plan->state_bytes)
      return tw_pkg_refuse(e, (uint64_t)((const uint8_t *)b - pkg->bytes),
                           "buffers of the state that begin with a byte lie in one another: bytes of the state and of "
                           "these",
                           plan->state_bytes, filled);
  }
  if (wanted > TW_PKG_MAX_BYTES)
    return tw_pkg_refuse(e, s->offset,
                         "constants, arena, state, scratch, inputs and outputs need more memory than a package may ask "
                         "for: bytes at most, and needed so far",
                         TW_PKG_MAX_BYTES, wanted);
  if (!tw_pkg_check_phases(pkg, e) || !tw_pkg_check_dims(pkg, e))
    return 0;
  for (i = 0; i < plan->entry_count; ++i)
    if (!tw_pkg_check_entry(pkg, tw_pkg_entries(pkg) + i, e))
      return 0;
  return 1;
}

static inline int tw_pkg_open(struct tw_pkg *pkg, const void *bytes, uint64_t size, struct tw_pkg_error *error) {
  memset(pkg, 0, sizeof *pkg);
  memset(error, 0, sizeof *error);
  pkg->bytes = (const uint8_t *)bytes;
  pkg->size = size;
  return tw_pkg_check_header(tw_pkg_header_of(pkg), size, error) &&
         tw_pkg_check_sections(pkg, tw_pkg_header_of(pkg), error) && tw_pkg_check_shapes(pkg, error) &&
         tw_pkg_check_config(pkg, error) && tw_pkg_check_tensors(pkg, error) && tw_pkg_check_fixed(pkg, error) &&
         tw_pkg_check_plan(pkg, error);
}

static inline int tw_pkg_suits(const struct tw_pkg *pkg, uint64_t isa_hash, uint64_t cfg_hash,
                               struct tw_pkg_error *error) {
  uint32_t i;
  for (i = 0; i < tw_pkg_header_of(pkg)->image_count; ++i) {
    const struct tw_pkg_image *image = tw_pkg_images(pkg) + i;
    const uint64_t at = (uint64_t)((const uint8_t *)image - pkg->bytes);
    if (image->kind != TW_PKG_STREAM)
      continue;
    if (image->isa_hash != isa_hash)
      return tw_pkg_refuse(
          error, at + offsetof(struct tw_pkg_image, isa_hash),
          "package for another instruction set, compile the model again: hash of the machine and of the package",
          isa_hash, image->isa_hash);
    if (image->configuration != cfg_hash)
      return tw_pkg_refuse(error, at + offsetof(struct tw_pkg_image, configuration),
                           "package for another configuration, compile the model for this machine: hash of the machine "
                           "and of the package",
                           cfg_hash, image->configuration);
  }
  return 1;
}

#ifdef __cplusplus
}
#endif
#endif
