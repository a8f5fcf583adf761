// Reads and writes that the kernel carries out meanwhile.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

struct io_context;
struct iocb;

namespace bsr {

/// At most `depth` requests at a time, on any descriptors; serves one thread. Asynchronous only
/// with direct I/O (io_submit(2)): other requests are carried out before they return. Memory must
/// stay until its request was taken with wait(); the destructor waits for all.
class IoQueue {
 public:
  /// Where the kernel gives no queue (fs.aio-max-nr), depth() is 0 and nothing can be submitted.
  explicit IoQueue(unsigned depth);
  IoQueue(const IoQueue&) = delete;
  IoQueue& operator=(const IoQueue&) = delete;
  ~IoQueue();

  struct Done {
    uint64_t tag;
    ssize_t result;  ///< bytes, or -errno
  };

  [[nodiscard]] unsigned depth() const { return depth_; }
  [[nodiscard]] unsigned in_flight() const { return in_flight_; }

  /// Needs in_flight() < depth(). A request that the kernel does not take is carried out at once.
  void read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag);
  void write(int fd, uint64_t offset, ByteView bytes, uint64_t tag);

  /// The next one that is done, in any order; needs in_flight() > 0.
  Done wait();

 private:
  void submit(iocb& request, uint64_t tag);

  io_context* context_ = nullptr;
  unsigned depth_ = 0;
  unsigned in_flight_ = 0;
  std::vector<Done> done_at_once_;
};

}  // namespace bsr
