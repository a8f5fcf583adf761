// A pipe's worth of bytes that can be written to the end and then read from the start.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>

#include "base/bytes.h"
#include "platform/unique_fd.h"

namespace bsr {

class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("bsr-test", MFD_CLOEXEC)) {
    if (!fd_) throw std::runtime_error("memfd_create failed");
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  void rewind() const { lseek(fd_.get(), 0, SEEK_SET); }
  [[nodiscard]] uint64_t size() const {
    return static_cast<uint64_t>(lseek(fd_.get(), 0, SEEK_END));
  }

 private:
  UniqueFd fd_;
};

}  // namespace bsr
