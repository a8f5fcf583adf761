// Memory for direct I/O: bytes that start on a 4096-byte boundary and are not cleared when they
// grow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace bsr {

constexpr size_t kIoAlignment = 4096;

template <typename T>
struct IoAllocator {
  using value_type = T;

  IoAllocator() = default;
  template <typename U>
  IoAllocator(const IoAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert

  T* allocate(size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kIoAlignment}));
  }
  void deallocate(T* pointer, size_t) {
    ::operator delete (pointer, std::align_val_t{kIoAlignment});
  }

  /// Without arguments: leaves the memory as it is, since a read will fill it.
  template <typename U>
  void construct(U* pointer) {
    ::new (static_cast<void*>(pointer)) U;
  }
  template <typename U, typename... Args>
  void construct(U* pointer, Args&&... args) {
    ::new (static_cast<void*>(pointer)) U(std::forward<Args>(args)...);
  }

  friend bool operator==(const IoAllocator&, const IoAllocator&) { return true; }
};

using AlignedBytes = std::vector<std::byte, IoAllocator<std::byte>>;

/// insert() would construct one byte after the other, as it does wherever the allocator is not
/// std::allocator.
inline void append(AlignedBytes& bytes, std::span<const std::byte> more) {
  const size_t size = bytes.size();
  bytes.resize(size + more.size());
  std::copy(more.begin(), more.end(), bytes.begin() + static_cast<ptrdiff_t>(size));
}

}  // namespace bsr
