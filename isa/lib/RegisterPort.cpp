// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/RegisterPort.h"

#include <algorithm>

namespace tw::isa {

size_t RegisterHost::add(const HostAccess &access) {
  const size_t index = answers_.size();
  answers_.emplace_back();
  happened_.push_back(false);
  ++pending_;
  Channel &channel = access.isWrite ? write_ : read_;
  channel.address.push_back({access, index});
  if (access.isWrite)
    channel.data.push_back({access, index});
  channel.response.push_back({access, index});
  return index;
}

void RegisterHost::forget() {
  write_ = read_ = {};
  justNow_.clear();
  pending_ = 0;
}

bool RegisterHost::isReady(Channel &channel, bool valid) {
  if (channel.response.empty())
    return true;
  const uint32_t wait = channel.response.front().access.takenAfter;
  if (!valid)
    return wait == 0;
  return channel.waited++ >= wait;
}

HostSignals RegisterHost::step(uint64_t cycle, const PortSignals &seen) {
  for (size_t index : justNow_)
    answers_[index].interrupt = seen.interrupt;
  justNow_.clear();

  HostSignals host;
  const auto begins = [&](const std::deque<Pending> &queue, uint32_t HostAccess::*after) {
    return !queue.empty() && cycle >= queue.front().access.cycle + queue.front().access.*after;
  };
  // Of a write's two halves the later one makes it happen.
  const auto half = [&](std::deque<Pending> &queue, const std::deque<Pending> &other) {
    const size_t index = queue.front().index;
    queue.pop_front();
    if (!other.empty() && other.front().index <= index)
      return;
    answers_[index].cycle = cycle;
    happened_[index] = true;
    justNow_.push_back(index);
  };
  const bool address = begins(write_.address, &HostAccess::addressAfter);
  const bool data = begins(write_.data, &HostAccess::dataAfter);
  if (address) {
    host.awvalid = true;
    host.awaddr = write_.address.front().access.offset;
  }
  if (data) {
    host.wvalid = true;
    host.wdata = write_.data.front().access.value;
    host.wstrb = write_.data.front().access.strobes;
  }
  if (address && seen.awready)
    half(write_.address, write_.data);
  if (data && seen.wready)
    half(write_.data, write_.address);
  if (begins(read_.address, &HostAccess::addressAfter)) {
    host.arvalid = true;
    host.araddr = read_.address.front().access.offset;
    if (seen.arready) {
      const size_t index = read_.address.front().index;
      read_.address.pop_front();
      answers_[index].cycle = cycle;
      justNow_.push_back(index);
    }
  }

  host.bready = isReady(write_, seen.bvalid);
  host.rready = isReady(read_, seen.rvalid);
  const auto take = [&](Channel &channel, uint8_t response) -> HostAnswer & {
    HostAnswer &answer = answers_[channel.response.front().index];
    happened_[channel.response.front().index] = true;
    channel.response.pop_front();
    channel.waited = 0;
    --pending_;
    answer.response = AxiResponse(response);
    answer.isAnswered = true;
    return answer;
  };
  if (seen.bvalid && host.bready && !write_.response.empty())
    take(write_, seen.bresp);
  if (seen.rvalid && host.rready && !read_.response.empty())
    take(read_, seen.rresp).value = seen.rdata;
  return host;
}

void PortContract::clock(const HostSignals &host) {
  const PortSignals was = now_;
  if (was.bvalid) {
    now_.bvalid = !host.bready;
  } else {
    hasAddress_ = hasAddress_ || host.awvalid;
    hasData_ = hasData_ || host.wvalid;
    now_.bvalid = hasAddress_ && hasData_;
    if (now_.bvalid)
      hasAddress_ = hasData_ = false;
  }
  now_.awready = !hasAddress_ && !now_.bvalid;
  now_.wready = !hasData_ && !now_.bvalid;

  now_.rvalid = isReading_ || (was.rvalid && !host.rready);
  isReading_ = host.arvalid && was.arready;
  now_.arready = !isReading_ && !now_.rvalid;
}

std::vector<uint64_t> accessTimes(const std::vector<HostAccess> &accesses) {
  RegisterHost host;
  PortContract port;
  for (const HostAccess &access : accesses)
    host.add(access);
  for (uint64_t cycle = 0; !host.isDone(); ++cycle)
    port.clock(host.step(cycle, port.now()));
  std::vector<uint64_t> times;
  for (size_t i = 0; i != accesses.size(); ++i)
    times.push_back(host.answer(i).cycle);
  return times;
}

} // namespace tw::isa
