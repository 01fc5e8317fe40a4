// SPDX-License-Identifier: Apache-2.0
// Packages as files and as bytes that somebody changed.
// Called by the suites that read or run packages.
// Does not make packages.
#ifndef TW_SUPPORT_PACKAGES_H
#define TW_SUPPORT_PACKAGES_H

#include "tw/isa/Package.h"

#include <gtest/gtest.h>

#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace tw::test {

inline void writePackage(const isa::Package &package, const std::string &path) {
  const Result<std::vector<uint8_t>> bytes = isa::serializePackage(package);
  ASSERT_TRUE(bytes) << bytes.diag().str();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes->data()), std::streamsize(bytes->size()));
}

/// Makes every checksum right, as who changed the contents on purpose would.
inline void rightChecksums(std::span<uint8_t> bytes) {
  auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
  auto *table = reinterpret_cast<tw_pkg_section *>(bytes.data() + sizeof *header);
  for (uint32_t i = 0; i != header->section_count; ++i)
    if (table[i].offset <= bytes.size() && table[i].size <= bytes.size() - table[i].offset)
      table[i].crc = tw_pkg_crc32(0, bytes.data() + table[i].offset, table[i].size);
  auto *images = reinterpret_cast<tw_pkg_image *>(table + header->section_count);
  for (uint32_t i = 0; i != header->image_count; ++i)
    if (images[i].offset <= bytes.size() && images[i].size <= bytes.size() - images[i].offset)
      images[i].crc = tw_pkg_crc32(0, bytes.data() + images[i].offset, images[i].size);
  header->table_crc =
      tw_pkg_crc32(0, table, header->section_count * sizeof *table + header->image_count * sizeof(tw_pkg_image));
  header->header_crc = tw_pkg_crc32(0, header, offsetof(tw_pkg_header, header_crc));
}

/// The bytes of a section, to be changed.
inline std::span<uint8_t> sectionOf(std::span<uint8_t> bytes, tw_pkg_section_kind kind) {
  auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
  auto *table = reinterpret_cast<tw_pkg_section *>(bytes.data() + sizeof *header);
  for (uint32_t i = 0; i != header->section_count; ++i)
    if (table[i].kind == uint32_t(kind))
      return bytes.subspan(table[i].offset, table[i].size);
  return {};
}

/// The value of a key, by its place in the schema, in a package that names every key.
inline uint32_t &configValue(std::span<uint8_t> bytes, size_t key) {
  const std::span<uint8_t> section = sectionOf(bytes, TW_PKG_CONFIG);
  return reinterpret_cast<tw_pkg_config_value *>(section.data() + sizeof(tw_pkg_config_head))[key].value;
}

} // namespace tw::test

#endif // TW_SUPPORT_PACKAGES_H
