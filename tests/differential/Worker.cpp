// SPDX-License-Identifier: Apache-2.0
#include "Worker.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace tw::test {
namespace {

constexpr size_t kLongestText = 4096;

struct Message {
  uint64_t index = 0;
  Outcome outcome = Outcome::NoModel;
  double npuShare = 0;
  uint32_t length = 0; // of the text that follows
};

bool writeAll(int file, const void *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t count = write(file, static_cast<const char *>(bytes) + done, size - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    done += size_t(count);
  }
  return true;
}

bool readAll(int file, void *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t count = read(file, static_cast<char *>(bytes) + done, size - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    done += size_t(count);
  }
  return true;
}

[[noreturn]] void work(int out, uint64_t begin, uint64_t end, const std::function<Verdict(uint64_t)> &one) {
  for (uint64_t i = begin; i < end; ++i) {
    Verdict verdict = one(i);
    verdict.text.resize(std::min(verdict.text.size(), kLongestText));
    const Message message{i, verdict.outcome, verdict.npuShare, uint32_t(verdict.text.size())};
    if (!writeAll(out, &message, sizeof(message)) || !writeAll(out, verdict.text.data(), verdict.text.size()))
      _exit(1);
  }
  _exit(0);
}

bool isReadable(int file, unsigned seconds) {
  pollfd waited{file, POLLIN, 0};
  int ready = 0;
  do
    ready = poll(&waited, 1, int(seconds) * 1000);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

std::string deathOf(int status) {
  if (WIFSIGNALED(status))
    return std::string("signal ") + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

void runInWorkers(uint64_t begin, uint64_t end, unsigned seconds, const std::function<Verdict(uint64_t)> &one,
                  const std::function<void(uint64_t, const Verdict &)> &done) {
  uint64_t next = begin;
  while (next < end) {
    int pipes[2];
    if (pipe(pipes) != 0)
      return done(next, {Outcome::Fails, std::string("no pipe: ") + std::strerror(errno)});
    const pid_t child = fork();
    if (child < 0)
      return done(next, {Outcome::Fails, std::string("no process: ") + std::strerror(errno)});
    if (child == 0) {
      close(pipes[0]);
      work(pipes[1], next, end, one);
    }
    close(pipes[1]);
    bool isHung = false;
    while (next < end) {
      isHung = !isReadable(pipes[0], seconds);
      Message message;
      if (isHung || !readAll(pipes[0], &message, sizeof(message)))
        break;
      Verdict verdict{message.outcome, std::string(message.length, '\0'), message.npuShare};
      if (!readAll(pipes[0], verdict.text.data(), message.length))
        break;
      done(message.index, verdict);
      next = message.index + 1;
    }
    if (isHung)
      kill(child, SIGKILL);
    close(pipes[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (next < end)
      done(next++, isHung ? Verdict{Outcome::Hang, "no answer in " + std::to_string(seconds) + " s"}
                          : Verdict{Outcome::Crash, deathOf(status)});
  }
}

} // namespace tw::test
