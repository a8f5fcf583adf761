#include "platform/io_queue.h"

#include <libaio.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace bsr {

IoQueue::IoQueue(unsigned depth) {
  if (io_setup(static_cast<int>(depth), &context_) == 0) depth_ = depth;
}

IoQueue::~IoQueue() {
  if (depth_ > 0) io_destroy(context_);  // returns when all requests are done
}

void IoQueue::submit(iocb& request, uint64_t tag) {
  request.data =
      reinterpret_cast<void*>(tag);  // NOLINT(performance-no-int-to-ptr): comes back as is
  iocb* one = &request;
  if (io_submit(context_, 1, &one) != 1) {
    const auto& part = request.u.c;
    const ssize_t result = request.aio_lio_opcode == IO_CMD_PWRITE
                               ? pwrite(request.aio_fildes, part.buf, part.nbytes, part.offset)
                               : pread(request.aio_fildes, part.buf, part.nbytes, part.offset);
    done_at_once_.push_back({tag, result < 0 ? -errno : result});
  }
  ++in_flight_;
}

void IoQueue::read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag) {
  iocb request{};
  io_prep_pread(&request, fd, into.data(), into.size(), static_cast<long long>(offset));
  submit(request, tag);
}

void IoQueue::write(int fd, uint64_t offset, ByteView bytes, uint64_t tag) {
  iocb request{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the kernel only reads it
  io_prep_pwrite(&request, fd, const_cast<std::byte*>(bytes.data()), bytes.size(),
                 static_cast<long long>(offset));
  submit(request, tag);
}

IoQueue::Done IoQueue::wait() {
  --in_flight_;
  if (!done_at_once_.empty()) {
    const Done done = done_at_once_.back();
    done_at_once_.pop_back();
    return done;
  }
  io_event event{};
  int got = 0;
  do {
    got = io_getevents(context_, 1, 1, &event, nullptr);
  } while (got == -EINTR || got == 0);
  if (got < 0) {
    errno = -got;
    fail_errno(errno, "cannot wait for reads and writes");
  }
  return {reinterpret_cast<uint64_t>(event.data), static_cast<ssize_t>(event.res)};
}

}  // namespace bsr
