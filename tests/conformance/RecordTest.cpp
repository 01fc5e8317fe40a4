// SPDX-License-Identifier: Apache-2.0
// A completion record in memory is believed only where the device's STATUS says the same.
#include "Devices.h"
#include "Lines.h"

#include <gmock/gmock.h>

#include <memory>

using namespace tw;
using namespace tw::conformance;

namespace {

/// A transport behind which somebody writes another code into each record before the driver reads it.
struct Forger {
  tw_transport inner{};
  uint32_t code = 0;

  static Forger &of(void *context) { return *static_cast<Forger *>(context); }
  static uint32_t read32(void *context, uint32_t offset) {
    return of(context).inner.ops->read32(of(context).inner.context, offset);
  }
  static void write32(void *context, uint32_t offset, uint32_t value) {
    of(context).inner.ops->write32(of(context).inner.context, offset, value);
  }
  static uint8_t *memory(void *context, uint64_t *bytes) {
    return of(context).inner.ops->memory(of(context).inner.context, bytes);
  }
  static int wait(void *context, uint64_t limit) {
    if (!of(context).inner.ops->wait(of(context).inner.context, limit))
      return 0;
    uint64_t bytes = 0;
    uint8_t *place = memory(context, &bytes) + read32(context, TW_REG_JOB_LO) + sizeof(tw_job_descriptor);
    tw_completion_record record;
    std::memcpy(&record, place, sizeof record);
    record.code = of(context).code;
    std::memcpy(place, &record, sizeof record);
    return 1;
  }
  static int interrupt(void *context) { return of(context).inner.ops->interrupt(of(context).inner.context); }
  static void reset(void *context) { of(context).inner.ops->reset(of(context).inner.context); }
  static void close(void *context) {
    std::unique_ptr<Forger> owner(&of(context));
    owner->inner.ops->close(owner->inner.context);
  }
};

constexpr tw_transport_ops kForgerOps = {"forger",     Forger::read32,    Forger::write32, Forger::memory,
                                         Forger::wait, Forger::interrupt, Forger::reset,   Forger::close};

tw_status openForger(const tw_transport_config *config, tw_transport *transport, tw_error *error) {
  auto forger = std::make_unique<Forger>();
  if (const tw_status status = tw_transport_open_functional(config, &forger->inner, error); status != TW_OK)
    return status;
  *transport = {&kForgerOps, forger.release()};
  return TW_OK;
}

TEST(RecordTest, AForgedRecordIsNotBelieved) {
  Device device;
  ASSERT_EQ(device.open({"forger", openForger, true, false}), "");
  EXPECT_EQ(device.run({kEnd}), TW_OK) << device.error.text << ": code 0 is the truth here";
  EXPECT_EQ(device.run({store(9), store(9)}), TW_ERROR_FAULT) << "no END, and a record that says that all is well";
  EXPECT_THAT(device.error.text, testing::HasSubstr("STATUS says NO_END, its completion record NONE"));
  EXPECT_EQ(device.result.code, uint32_t(isa::FaultCode::NoEnd));
}

} // namespace
