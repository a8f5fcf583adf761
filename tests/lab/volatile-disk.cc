// volatile-disk SOCKET FILE: a disk that loses its write cache with the power. Serves FILE through
// NBD on a unix socket to one machine after another. What a machine wrote is only in memory until
// it flushes; a machine that is killed leaves it there, as a reset does. After that a line on
// standard input cuts the power, and is answered by a line:
//   lose        every write since the last flush is lost
//   random N    each of them is kept, lost, or torn between two sectors; the same N, the same way
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<char>;
constexpr uint64_t kSector = 512;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// ---- the disk ----------------------------------------------------------------------------------
/// The file holds what is durable; the writes since the last flush follow from it in order.
class Disk {
 public:
  explicit Disk(const char* path) : file_(open(path, O_RDWR | O_CLOEXEC)) {
    struct stat status {};
    if (file_ < 0 || fstat(file_, &status) != 0) die(path);
    size_ = static_cast<uint64_t>(status.st_size);
  }

  uint64_t size() const { return size_; }

  bool has(uint64_t offset, uint64_t length) const {
    return offset % kSector == 0 && length % kSector == 0 && offset <= size_ &&
           length <= size_ - offset;
  }

  Bytes read(uint64_t offset, uint64_t length) const {
    Bytes bytes(length);
    if (pread(file_, bytes.data(), length, static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(length))
      die("pread");
    for (const Write& write : unflushed_) {
      const uint64_t begin = std::max(offset, write.offset);
      const uint64_t end = std::min(offset + length, write.offset + write.bytes.size());
      if (begin < end)
        std::memcpy(&bytes[begin - offset], &write.bytes[begin - write.offset], end - begin);
    }
    return bytes;
  }

  void write(uint64_t offset, Bytes bytes) { unflushed_.push_back({offset, std::move(bytes)}); }

  void flush() {
    for (const Write& write : unflushed_) keep(write, write.bytes.size());
    unflushed_.clear();
  }

  std::string lose() {
    const size_t lost = unflushed_.size();
    unflushed_.clear();
    return summary(0, lost, 0);
  }

  std::string lose_some(uint64_t seed) {
    std::mt19937_64 random(seed);
    size_t kept = 0, lost = 0, torn = 0;
    for (const Write& write : unflushed_) {
      const uint64_t sectors = write.bytes.size() / kSector, fate = random() % 100;
      if (fate < 45) {
        keep(write, write.bytes.size());
        kept++;
      } else if (fate < 90 || sectors < 2) {
        lost++;
      } else {
        keep(write, (1 + random() % (sectors - 1)) * kSector);
        torn++;
      }
    }
    unflushed_.clear();
    return summary(kept, lost, torn);
  }

 private:
  struct Write {
    uint64_t offset;
    Bytes bytes;
  };

  void keep(const Write& write, uint64_t length) {
    if (pwrite(file_, write.bytes.data(), length, static_cast<off_t>(write.offset)) !=
        static_cast<ssize_t>(length))
      die("pwrite");
  }

  static std::string summary(size_t kept, size_t lost, size_t torn) {
    std::ostringstream text;
    text << kept + lost + torn << " unflushed writes: " << kept << " kept, " << lost << " lost, "
         << torn << " torn";
    return text.str();
  }

  int file_;
  uint64_t size_ = 0;
  std::vector<Write> unflushed_;
};

// ---- NBD, as far as QEMU needs it: fixed newstyle, simple replies, one request at a time
// ---------
enum : uint64_t {
  kGreeting = 0x4e42444d41474943,  // NBDMAGIC
  kOptionMagic = 0x49484156454f5054,
  kOptionReplyMagic = 0x3e889045565a9
};
enum : uint32_t { kOptionAbort = 2, kOptionInfo = 6, kOptionGo = 7 };
enum : uint32_t { kAck = 1, kInfo = 3, kUnsupported = 0x80000001, kReplyMagic = 0x67446698 };
enum : uint16_t { kRead = 0, kWrite = 1, kDisconnect = 2, kFlush = 3, kTrim = 4, kZeroes = 6 };
// It has flags, knows flush, trim and write zeroes. Without FUA, QEMU flushes instead.
constexpr uint16_t kFlags = 1 | 4 | 32 | 64;
constexpr uint32_t kInvalid = 22;

struct Gone {};  // the machine is

/// A connection; numbers are big-endian.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { close(socket_); }

  Bytes bytes(size_t count) const {
    Bytes bytes(count);
    if (count > 0 && recv(socket_, bytes.data(), count, MSG_WAITALL) != static_cast<ssize_t>(count))
      throw Gone{};
    return bytes;
  }

  template <typename Number>
  Number number() const {
    uint64_t value = 0;
    for (const char byte : bytes(sizeof(Number))) value = value << 8 | static_cast<uint8_t>(byte);
    return static_cast<Number>(value);
  }

  template <typename Number>
  void add(Number number) {
    for (size_t shift = sizeof(number) * 8; shift > 0; shift -= 8)
      answer_.push_back(static_cast<char>(static_cast<uint64_t>(number) >> (shift - 8)));
  }
  void add(const Bytes& bytes) { answer_.insert(answer_.end(), bytes.begin(), bytes.end()); }

  /// Sends what was added.
  void answer() {
    for (size_t sent = 0; sent < answer_.size();) {
      const ssize_t count =
          send(socket_, answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
      if (count < 0) throw Gone{};
      sent += static_cast<size_t>(count);
    }
    answer_.clear();
  }

 private:
  int socket_;
  Bytes answer_;
};

void add_option_reply(Peer& peer, uint32_t option, uint32_t type, uint32_t length) {
  peer.add<uint64_t>(kOptionReplyMagic);
  peer.add(option);
  peer.add(type);
  peer.add(length);
}

/// Until the machine wants to use the disk.
void negotiate(Peer& peer, const Disk& disk) {
  peer.add<uint64_t>(kGreeting);
  peer.add<uint64_t>(kOptionMagic);
  peer.add<uint16_t>(3);  // fixed newstyle, no zeroes
  peer.answer();
  peer.number<uint32_t>();
  for (uint32_t option = 0; option != kOptionGo;) {
    if (peer.number<uint64_t>() != kOptionMagic) throw Gone{};
    option = peer.number<uint32_t>();
    peer.bytes(peer.number<uint32_t>());
    if (option == kOptionGo || option == kOptionInfo) {
      add_option_reply(peer, option, kInfo, 12);
      peer.add<uint16_t>(0);  // the export
      peer.add(disk.size());
      peer.add(kFlags);
    }
    const bool known = option == kOptionGo || option == kOptionInfo || option == kOptionAbort;
    add_option_reply(peer, option, known ? kAck : kUnsupported, 0);
    peer.answer();
  }
}

void serve(Peer& peer, Disk& disk) {
  negotiate(peer, disk);
  for (;;) {
    peer.bytes(4 + 2);  // magic, flags
    const auto type = peer.number<uint16_t>();
    const auto handle = peer.number<uint64_t>(), offset = peer.number<uint64_t>();
    const auto length = peer.number<uint32_t>();
    Bytes content = type == kWrite ? peer.bytes(length) : Bytes();
    bool good = disk.has(offset, length);
    if (type == kDisconnect) return;
    if (type == kFlush)
      disk.flush();
    else if (good && type == kRead)
      content = disk.read(offset, length);
    else if (good && type == kWrite)
      disk.write(offset, std::move(content));
    else if (good && (type == kTrim || type == kZeroes))
      disk.write(offset, Bytes(length));
    else
      good = false;
    peer.add<uint32_t>(kReplyMagic);
    peer.add<uint32_t>(good ? 0 : kInvalid);
    peer.add(handle);
    if (good && type == kRead) peer.add(content);
    peer.answer();
  }
}

int listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  errno = ENAMETOOLONG;
  if (path.size() >= sizeof(address.sun_path)) die(path.c_str());
  path.copy(address.sun_path, path.size());
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 1) != 0)
    die(path.c_str());
  return listener;
}

std::string cut_power(Disk& disk, const std::string& request) {
  std::istringstream words(request);
  std::string word;
  uint64_t seed = 0;
  words >> word;
  if (word == "lose") return disk.lose();
  if (word == "random" && words >> seed) return disk.lose_some(seed);
  return "unknown request";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: volatile-disk SOCKET FILE\n";
    return 2;
  }
  Disk disk(argv[2]);
  const int listener = listen_at(argv[1]);
  std::cout << "ready" << std::endl;
  for (;;) {
    std::array<pollfd, 2> waits{{{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), -1) < 0) die("poll");
    if (waits[0].revents != 0) {
      try {
        Peer peer(accept(listener, nullptr, nullptr));
        serve(peer, disk);
      } catch (const Gone&) {
      }
    } else if (waits[1].revents != 0) {
      std::string request;
      if (!std::getline(std::cin, request)) return 0;
      std::cout << cut_power(disk, request) << std::endl;
    }
  }
}
