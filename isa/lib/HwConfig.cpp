// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/HwConfig.h"

#include "tw/isa/package_format.h"

#include <bit>
#include <cctype>

namespace tw::isa {
namespace {

std::string number(uint64_t value) { return std::to_string(value); }

Status checkKey(const HwConfig &config, const ConfigKey &key) {
  uint32_t value = config.*key.member;
  std::string place = config.name + ": " + std::string(key.key);
  if (value < key.min || value > key.max)
    return Diag{place, number(value) + " is outside " + number(key.min) + " to " + number(key.max) + " " +
                           std::string(key.unit)};
  if (key.powerOfTwo && !std::has_single_bit(value))
    return Diag{place, number(value) + " is not a power of two: use " + number(std::bit_floor(value)) + " or " +
                           number(std::bit_ceil(value))};
  return {};
}

} // namespace

Status validate(const HwConfig &config) {
  // It becomes a part of file names and of generated text.
  for (char c : config.name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-')
      return Diag{"configuration: name", "a character of code " + number(static_cast<unsigned char>(c)) +
                                             " stands in it: use letters, digits, '_' and '-'"};
  for (const ConfigKey &key : kConfigKeys)
    if (Status status = checkKey(config, key); !status)
      return status;
  if (config.axiBytes > config.n)
    return Diag{config.name + ": axi_bytes", number(config.axiBytes) + " is above n = " + number(config.n) +
                                                 ": a beat must not be wider than a row"};
  if (uint64_t burst = uint64_t(config.axiBurstBeats) * config.axiBytes; burst > 4096 || burst < config.n)
    return Diag{config.name + ": axi_burst_beats",
                number(config.axiBurstBeats) + " beats of " + number(config.axiBytes) + " bytes are " + number(burst) +
                    " bytes: a burst holds at least a row of " + number(config.n) + " and at most 4096 bytes"};
  return {};
}

uint64_t configHash(const HwConfig &config) {
  tw_pkg_config values{};
  for (size_t i = 0; i != kConfigKeys.size(); ++i)
    values.values[i] = config.*kConfigKeys[i].member;
  return tw_pkg_config_hash(&values);
}

void emitSvConfig(const HwConfig &config, std::ostream &os) {
  os << "// SPDX-License-Identifier: Apache-2.0\n// Generated from the configuration " << config.name
     << ". Do not edit.\npackage tw_cfg_pkg;\n";
  auto upper = [](std::string_view text) {
    std::string result(text);
    for (char &c : result)
      c = char(std::toupper(static_cast<unsigned char>(c)));
    return result;
  };
  for (const ConfigKey &key : kConfigKeys) {
    uint32_t value = config.*key.member;
    os << "  localparam int " << upper(key.key) << " = " << value << "; // " << key.unit << ": " << key.doc << "\n";
    if (key.powerOfTwo)
      os << "  localparam int " << upper(key.key) << "_LOG2 = " << std::bit_width(value) - 1 << ";\n";
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  uint64_t hash = configHash(config);
  os << "  localparam logic [63:0] CFG_HASH = 64'h";
  for (int shift = 60; shift >= 0; shift -= 4)
    os << kDigits[hash >> shift & 15];
  os << ";\nendpackage\n";
}

uint64_t spaceSize(const HwConfig &config, Space space) {
  switch (space) {
  case Space::SPM:
    return config.spmBytes;
  case Space::ACC:
    return config.accRows;
  case Space::PARAM:
    return config.paramRows;
  case Space::LUT:
    return config.lutBanks;
  case Space::DRAM:
    break;
  }
  return 0;
}

} // namespace tw::isa
