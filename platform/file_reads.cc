#include "platform/file_reads.h"

#include <algorithm>

namespace bsr {

void FileReads::start(uint64_t offset, std::span<std::byte> into) {
  const std::optional<int> direct = file_.direct_fd(offset, into.data(), into.size());
  started_.push_back({offset, into, direct.has_value()});  // what is not queued, finish() reads
  if (direct) queue_.read(*direct, offset, into, finished_ + started_.size() - 1);
}

void FileReads::finish() {
  const Started read = started_.front();
  const ssize_t result = read.queued ? queue_.wait_for(finished_).result : 0;
  started_.pop_front();
  ++finished_;
  // What is missing, all of it after a failure, is read once more, and fails where it must.
  const auto got = static_cast<size_t>(std::max<ssize_t>(result, 0));
  try {
    file_.read(read.offset + got, read.into.subspan(got));
  } catch (...) {
    abandon();
    throw;
  }
}

void FileReads::abandon() {
  while (queue_.in_flight() > 0) queue_.wait();
  finished_ += started_.size();
  started_.clear();
}

}  // namespace bsr
