/* SPDX-License-Identifier: Apache-2.0 */
/* Host code of a package is looked at before it is mapped: an ELF shared object as ld.lld -shared makes it from code
 * that needs nothing, and nothing else. All that the mapping uses is found here, in the bytes of the file, so nothing
 * is used that was not looked at. */
#define _GNU_SOURCE
#include "internal.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TW_MOST_HEADERS 32u
#define TW_MOST_NAME 255u
#define TW_MOST_HOST_BYTES ((uint64_t)1 << 28) /* of memory, all segments together */

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64, RELATIVE = R_X86_64_RELATIVE, IRELATIVE = R_X86_64_IRELATIVE, ATTRIBUTES = PT_NULL };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64, RELATIVE = R_AARCH64_RELATIVE, IRELATIVE = R_AARCH64_IRELATIVE, ATTRIBUTES = PT_NULL };
#elif defined(__riscv) && __riscv_xlen == 64
enum {
  MACHINE = EM_RISCV,
  RELATIVE = R_RISCV_RELATIVE,
  IRELATIVE = R_RISCV_IRELATIVE,
  ATTRIBUTES = PT_RISCV_ATTRIBUTES
};
#else /* there is no code for other processors yet */
enum { MACHINE = EM_NONE, RELATIVE = -1, IRELATIVE = -2, ATTRIBUTES = PT_NULL };
#endif

#define REFUSED "the package's host code is refused, compile the model again: "

struct tw_vet {
  const uint8_t *elf;
  uint64_t size, page;
  struct tw_host_image *image;
  struct tw_error *error;
  Elf64_Phdr dynamic;
  uint64_t values[DT_SYMENT + 1]; /* of the tags that are used: all are small numbers */
};

/* A function that the code exports. */
struct tw_export {
  const char *name;
  uint64_t address;
  int is_called;
};

static enum tw_status refuse(struct tw_vet *vet, const char *text) {
  return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "%s", text);
}

/* The file's bytes that will lie at an address; NULL if they do not all come from one segment's part of the file. */
static const uint8_t *bytes_at(const struct tw_vet *vet, uint64_t address, uint64_t bytes) {
  uint32_t i;
  for (i = 0; i < vet->image->segment_count; ++i) {
    const struct tw_host_segment *s = &vet->image->segments[i];
    if (address >= s->address && tw_pkg_inside(address - s->address, bytes, s->file_bytes))
      return vet->elf + s->offset + (address - s->address);
  }
  return NULL;
}

static int is_inside(const struct tw_vet *vet, uint64_t address, uint64_t bytes, uint32_t flag) {
  uint32_t i;
  for (i = 0; i < vet->image->segment_count; ++i) {
    const struct tw_host_segment *s = &vet->image->segments[i];
    if ((s->flags & flag) && address >= s->address && tw_pkg_inside(address - s->address, bytes, s->bytes))
      return 1;
  }
  return 0;
}

static enum tw_status vet_header(struct tw_vet *vet, Elf64_Ehdr *h) {
  if (vet->size < sizeof *h)
    return refuse(vet, "it is shorter than the header of an ELF file");
  memcpy(h, vet->elf, sizeof *h);
  if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
      h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_ident[EI_VERSION] != EV_CURRENT || h->e_type != ET_DYN)
    return refuse(vet, "it is no 64-bit little-endian ELF shared object");
  if (h->e_machine != MACHINE)
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "it is for ELF machine %u, this processor is %u",
                   h->e_machine, (unsigned)MACHINE);
  if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 || h->e_phnum > TW_MOST_HEADERS ||
      !tw_pkg_inside(h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr), vet->size))
    return tw_fail(vet->error, TW_ERROR_HOST_CODE,
                   REFUSED "%u program headers at byte %llu, expected 1 to %u inside its %llu bytes", h->e_phnum,
                   (unsigned long long)h->e_phoff, TW_MOST_HEADERS, (unsigned long long)vet->size);
  return TW_OK;
}

/* Segments ascend, and no two share a page: each page has the rights of one. */
static enum tw_status vet_load(struct tw_vet *vet, const Elf64_Phdr *p) {
  struct tw_host_image *image = vet->image;
  struct tw_host_segment *s = &image->segments[image->segment_count];
  if (image->segment_count == TW_HOST_SEGMENTS)
    return refuse(vet, "it has more segments than the linker makes");
  if ((p->p_flags & PF_W) && (p->p_flags & PF_X))
    return refuse(vet, "a segment is writable and executable");
  if (!(p->p_flags & PF_R) || (p->p_flags & ~(uint32_t)(PF_R | PF_W | PF_X)))
    return refuse(vet, "a segment is not readable or has unknown rights");
  if (!tw_pkg_inside(p->p_offset, p->p_filesz, vet->size) || p->p_filesz > p->p_memsz)
    return refuse(vet, "a segment leaves the file or its own memory");
  if (!tw_pkg_inside(p->p_vaddr, p->p_memsz, TW_MOST_HOST_BYTES))
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "a segment of %llu bytes at 0x%llx, at most %llu are mapped",
                   (unsigned long long)p->p_memsz, (unsigned long long)p->p_vaddr,
                   (unsigned long long)TW_MOST_HOST_BYTES);
  if (p->p_vaddr / vet->page * vet->page < image->bytes)
    return refuse(vet, "two segments share a page or are out of order");
  s->address = p->p_vaddr;
  s->bytes = p->p_memsz;
  s->offset = p->p_offset;
  s->file_bytes = p->p_filesz;
  s->flags = p->p_flags;
  image->segment_count += 1;
  image->bytes = (p->p_vaddr + p->p_memsz + vet->page - 1) / vet->page * vet->page;
  return TW_OK;
}

static enum tw_status vet_segments(struct tw_vet *vet) {
  Elf64_Ehdr header;
  Elf64_Phdr p;
  uint32_t i;
  enum tw_status status = vet_header(vet, &header);
  for (i = 0; i < header.e_phnum && status == TW_OK; ++i) {
    memcpy(&p, vet->elf + header.e_phoff + i * sizeof p, sizeof p);
    switch (p.p_type) {
    case PT_LOAD:
      status = vet_load(vet, &p);
      break;
    case PT_DYNAMIC:
      if (vet->dynamic.p_type == PT_DYNAMIC)
        status = refuse(vet, "it has two dynamic sections");
      vet->dynamic = p;
      break;
    case PT_GNU_STACK:
      if (p.p_flags & PF_X)
        status = refuse(vet, "it wants an executable stack");
      break;
    case PT_NULL:
    case PT_PHDR:
    case PT_NOTE:
    case PT_GNU_EH_FRAME:
    case PT_GNU_RELRO:
    case PT_GNU_PROPERTY:
      break; /* say nothing that the mapping uses */
    case PT_INTERP:
      status = refuse(vet, "it wants an interpreter (PT_INTERP)");
      break;
    case PT_TLS:
      status = refuse(vet, "it has thread-local storage (PT_TLS)");
      break;
    default:
      if (p.p_type != (uint32_t)ATTRIBUTES) /* a note of the compiler's to the linker */
        status = tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "program header of unknown kind 0x%x", p.p_type);
    }
  }
  if (status == TW_OK && (vet->dynamic.p_type != PT_DYNAMIC || vet->image->segment_count == 0))
    status = refuse(vet, "it has no segment or no dynamic section");
  return status;
}

/* What a tag means that is never taken; NULL for one that is. */
static const char *refused_tag(const Elf64_Dyn *entry) {
  switch (entry->d_tag) {
  case DT_HASH:
  case DT_GNU_HASH:
  case DT_STRTAB:
  case DT_SYMTAB:
  case DT_STRSZ:
  case DT_SYMENT:
  case DT_RELA:
  case DT_RELASZ:
  case DT_RELAENT:
  case DT_RELACOUNT:
    return NULL;
  case DT_NEEDED:
    return "it needs another library (DT_NEEDED)";
  case DT_INIT:
  case DT_INIT_ARRAY:
  case DT_INIT_ARRAYSZ:
  case DT_PREINIT_ARRAY:
  case DT_PREINIT_ARRAYSZ:
    return "it has a constructor, code that runs before anyone calls it (DT_INIT, DT_INIT_ARRAY)";
  case DT_FINI:
  case DT_FINI_ARRAY:
  case DT_FINI_ARRAYSZ:
    return "it has a destructor, code that runs when it is unloaded (DT_FINI, DT_FINI_ARRAY)";
  case DT_TEXTREL:
    return "it has relocations of its text (DT_TEXTREL)";
  case DT_FLAGS:
    if (entry->d_un.d_val & DF_TEXTREL)
      return "it has relocations of its text (DF_TEXTREL)";
    return "it has flags for the loader (DT_FLAGS)";
  case DT_PLTGOT:
  case DT_JMPREL:
  case DT_PLTREL:
  case DT_PLTRELSZ:
    return "it calls functions through a table of the loader (DT_PLTGOT, DT_JMPREL)";
  default:
    return "";
  }
}

static enum tw_status vet_dynamic(struct tw_vet *vet) {
  const uint64_t count = vet->dynamic.p_filesz / sizeof(Elf64_Dyn);
  const uint8_t *rows = bytes_at(vet, vet->dynamic.p_vaddr, vet->dynamic.p_filesz);
  uint64_t i;
  if (!rows)
    return refuse(vet, "its dynamic section is in no segment");
  for (i = 0; i < count; ++i) {
    Elf64_Dyn entry;
    const char *wrong;
    memcpy(&entry, rows + i * sizeof entry, sizeof entry);
    if (entry.d_tag == DT_NULL)
      break;
    wrong = refused_tag(&entry);
    if (wrong && *wrong)
      return refuse(vet, wrong);
    if (wrong)
      return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "dynamic tag 0x%llx, which the linker does not make",
                     (unsigned long long)entry.d_tag);
    if (entry.d_tag <= DT_SYMENT)
      vet->values[entry.d_tag] = entry.d_un.d_val;
  }
  if ((vet->values[DT_SYMTAB] && vet->values[DT_SYMENT] != sizeof(Elf64_Sym)) ||
      (vet->values[DT_RELA] && vet->values[DT_RELAENT] != sizeof(Elf64_Rela)) ||
      vet->values[DT_RELASZ] % sizeof(Elf64_Rela) != 0)
    return refuse(vet, "its symbols or relocations are not of the sizes that ELF gives them");
  return TW_OK;
}

/* Relocations add the place of the image to a word of a writable segment, and do nothing else. */
static enum tw_status vet_relocations(struct tw_vet *vet) {
  struct tw_host_image *image = vet->image;
  uint64_t i;
  image->relocation_count = vet->values[DT_RELASZ] / sizeof(Elf64_Rela);
  if (image->relocation_count == 0)
    return TW_OK;
  image->relocations = bytes_at(vet, vet->values[DT_RELA], vet->values[DT_RELASZ]);
  if (!image->relocations)
    return refuse(vet, "its relocations are in no segment");
  for (i = 0; i < image->relocation_count; ++i) {
    Elf64_Rela r;
    memcpy(&r, image->relocations + i * sizeof r, sizeof r);
    if (ELF64_R_TYPE(r.r_info) == (uint32_t)IRELATIVE)
      return refuse(vet, "a relocation calls a function (IFUNC)");
    if (ELF64_R_TYPE(r.r_info) != (uint32_t)RELATIVE || ELF64_R_SYM(r.r_info) != 0)
      return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "relocation of kind %u, only relative ones (%u) are made",
                     (unsigned)ELF64_R_TYPE(r.r_info), (unsigned)RELATIVE);
    if (!is_inside(vet, r.r_offset, sizeof(uint64_t), PF_W))
      return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "a relocation of its text, at 0x%llx, or of no segment",
                     (unsigned long long)r.r_offset);
    if ((uint64_t)r.r_addend > image->bytes)
      return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "a pointer to 0x%llx, beyond its %llu bytes",
                     (unsigned long long)r.r_addend, (unsigned long long)image->bytes);
  }
  return TW_OK;
}

/* A string of at most TW_MOST_NAME bytes and its end; NULL for others. */
static const char *string_at(const struct tw_vet *vet, uint64_t address) {
  uint64_t length;
  for (length = 1; length <= TW_MOST_NAME + 1; ++length) {
    const char *text = (const char *)bytes_at(vet, address, length);
    if (!text)
      return NULL;
    if (text[length - 1] == 0)
      return text;
  }
  return NULL;
}

static enum tw_status vet_symbol(struct tw_vet *vet, const Elf64_Sym *symbol, struct tw_export *function) {
  const char *name = NULL;
  if (symbol->st_name < vet->values[DT_STRSZ])
    name = string_at(vet, vet->values[DT_STRTAB] + symbol->st_name);
  if (!name)
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "a symbol has no name of at most %u bytes", TW_MOST_NAME);
  if (symbol->st_shndx == SHN_UNDEF)
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "symbol '%s' is undefined, and there is no library", name);
  switch (ELF64_ST_TYPE(symbol->st_info)) {
  case STT_FUNC:
    if (!is_inside(vet, symbol->st_value, 1, PF_X) || symbol->st_shndx >= SHN_LORESERVE)
      return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "function '%s' is in no executable segment", name);
    function->name = name;
    function->address = symbol->st_value;
    return TW_OK;
  case STT_OBJECT:
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "it exports '%s', which is no function", name);
  case STT_GNU_IFUNC:
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "'%s' is chosen by code at load time (IFUNC)", name);
  default:
    return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "symbol '%s' is of kind %u, only functions are exported",
                   name, (unsigned)ELF64_ST_TYPE(symbol->st_info));
  }
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct tw_export *)a)->name, ((const struct tw_export *)b)->name);
}

/* Each phase has its function, and there is no other: the driver has refused phases of other images. */
static enum tw_status match_steps(struct tw_vet *vet, const struct tw_pkg *package, struct tw_export *exports,
                                  uint64_t count, uint64_t *functions) {
  const struct tw_pkg_phase *phases = tw_pkg_phases(package);
  uint64_t i;
  qsort(exports, count, sizeof *exports, by_name);
  for (i = 0; i < tw_pkg_plan_of(package)->phase_count; ++i) {
    struct tw_export wanted = {NULL, 0, 0}, *found;
    wanted.name = tw_pkg_string(package, phases[i].name);
    found = bsearch(&wanted, exports, count, sizeof *exports, by_name);
    if (!found)
      return tw_fail(vet->error, TW_ERROR_HOST_CODE,
                     "a step calls '%.255s', which the package's host code does not have: compile the model again",
                     wanted.name);
    found->is_called = 1;
    functions[i] = found->address;
  }
  for (i = 0; i < count; ++i)
    if (!exports[i].is_called)
      return tw_fail(vet->error, TW_ERROR_HOST_CODE, REFUSED "it exports '%s', which no step calls", exports[i].name);
  return TW_OK;
}

static enum tw_status vet_symbols(struct tw_vet *vet, const struct tw_pkg *package, uint64_t *functions) {
  uint32_t hash[2] = {0, 0}; /* buckets; chains, one for each symbol */
  const uint8_t *head = bytes_at(vet, vet->values[DT_HASH], sizeof hash), *table;
  struct tw_export *exports;
  uint64_t count = 0;
  uint32_t i;
  enum tw_status status = TW_OK;
  if (!vet->values[DT_HASH] || !head)
    return refuse(vet, "it has no table of its symbols (DT_HASH)");
  memcpy(hash, head, sizeof hash);
  table = bytes_at(vet, vet->values[DT_SYMTAB], (uint64_t)hash[1] * sizeof(Elf64_Sym));
  if (!table)
    return refuse(vet, "its symbols are in no segment");
  exports = calloc((size_t)hash[1] + 1, sizeof *exports);
  if (!exports)
    return tw_fail(vet->error, TW_ERROR_NO_MEMORY, "no host memory for %u symbols of host code", hash[1]);
  for (i = 1; i < hash[1] && status == TW_OK; ++i) { /* symbol 0 is none */
    Elf64_Sym symbol;
    memcpy(&symbol, table + i * sizeof symbol, sizeof symbol);
    status = vet_symbol(vet, &symbol, &exports[count]);
    count += exports[count].name != NULL;
  }
  if (status == TW_OK)
    status = match_steps(vet, package, exports, count, functions);
  free(exports);
  return status;
}

enum tw_status tw_host_code_vet(const struct tw_pkg *package, struct tw_host_image *image, uint64_t *functions,
                                struct tw_error *error) {
  const struct tw_pkg_image *row = tw_pkg_image_of(package, TW_PKG_HOST);
  struct tw_vet vet;
  enum tw_status status;
  memset(&vet, 0, sizeof vet);
  memset(image, 0, sizeof *image);
  vet.elf = package->bytes + row->offset;
  vet.size = row->size;
  vet.page = (uint64_t)sysconf(_SC_PAGESIZE);
  vet.image = image;
  vet.error = error;
  image->elf = vet.elf;
  image->features = row->features;
  status = vet_segments(&vet);
  if (status == TW_OK)
    status = vet_dynamic(&vet);
  if (status == TW_OK)
    status = vet_relocations(&vet);
  if (status == TW_OK)
    status = vet_symbols(&vet, package, functions);
  return status;
}
