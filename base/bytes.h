// Raw bytes: integers to and from them, without alignment or undefined behaviour; joined, and
// compared with zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace bsr {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

static_assert(std::endian::native == std::endian::little, "only little-endian hosts are built for");

/// Reads a little-endian T at `offset`; the caller has checked that it lies inside.
template <typename T>
[[nodiscard]] T load_le(ByteView bytes, size_t offset) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Reads a big-endian T at `offset`; the caller has checked that it lies inside.
template <typename T>
[[nodiscard]] T load_be(ByteView bytes, size_t offset) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (size_t i = 0; i < sizeof value; ++i)
    value = static_cast<T>((value << 8) | std::to_integer<T>(bytes[offset + i]));
  return value;
}

template <typename T>
void store_le(std::span<std::byte> bytes, size_t offset, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <typename T>
void append_le(Bytes& bytes, T value) {
  const size_t offset = bytes.size();
  bytes.resize(offset + sizeof value);
  store_le(bytes, offset, value);
}

template <typename T>
void append_be(Bytes& bytes, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (size_t i = sizeof value; i-- > 0;) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
}

inline void append(Bytes& bytes, ByteView more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// True when every byte is zero.
[[nodiscard]] inline bool is_zero(ByteView bytes) {
  // memcmp of a range with itself shifted by one: as fast as the C library gets.
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace bsr
