// A frame becomes an ordered list of named fields once; text and JSON are two ways to print that.
#include "formats/frame_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/overload.h"
#include "formats/digest.h"

namespace bsr {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kExtentsInText = 4;  // more are only counted

Json extents_json(const std::vector<Extent>& extents) {
  Json list = Json::array();
  for (const Extent& extent : extents) list.push_back({extent.offset, extent.length});
  return list;
}

/// Hexadecimal, or nothing where it is not known.
template <typename Value>
Json known_json(const Value& value) {
  return value == Value{} ? Json(nullptr) : Json(to_hex(value));
}

Json fields_of(const BeginFrame& begin) {
  return {{"type", "BEGIN"},
          {"name", begin.name},
          {"uuid", begin.snapshot_id},
          {"base", begin.is_full() ? Json(nullptr) : Json(begin.base_id)},
          {"volume", begin.volume_id},
          {"volume_size", begin.volume_size},
          {"base_size", begin.base_size},
          {"chunk_size", begin.chunk_size},
          {"sector_size", begin.sector_size},
          {"snapshot_time", begin.snapshot_time},
          {"epoch", begin.epoch},
          {"plan_data", begin.plan_data},
          {"plan_unmap", begin.plan_unmap},
          {"plan_extents", begin.plan_extents},
          {"plan_hash", to_hex(begin.plan_hash)},
          {"resume_position", begin.resume.position},
          {"state", known_json(begin.snapshot_state)},
          {"base_state", known_json(begin.base_state)}};
}

Json fields_of(const HoldsFrame& holds) {
  return {{"type", "HOLDS"},
          {"bytes", total_length(holds.extents)},
          {"extents", extents_json(holds.extents)}};
}
Json fields_of(const DataFrame& data) {
  return {
      {"type", "DATA"}, {"bytes", data.content.size()}, {"extents", extents_json(data.extents)}};
}
Json fields_of(const PatchFrame& patch) {
  return {{"type", "PATCH"},
          {"bytes", total_length(patch.extents)},
          {"extents", extents_json(patch.extents)},
          {"references", extents_json(patch.references)}};
}
Json fields_of(const ZeroFrame& zero) {
  return {{"type", "ZERO"}, {"extents", extents_json(zero.extents)}};
}
Json fields_of(const UnmapFrame& unmap) {
  return {{"type", "UNMAP"}, {"extents", extents_json(unmap.extents)}};
}
Json fields_of(const CheckpointFrame& checkpoint) {
  return {{"type", "CHECKPOINT"},
          {"position", checkpoint.position},
          {"digest", to_hex(checkpoint.digest)}};
}
Json fields_of(const ContentFrame& content) {
  return {{"type", "CONTENT"}, {"position", content.position}};
}
Json fields_of(const Totals& totals) {
  return {{"frames", totals.frames},           {"extents_total", totals.extents},
          {"data_bytes", totals.data_bytes},   {"zero_bytes", totals.zero_bytes},
          {"unmap_bytes", totals.unmap_bytes}, {"digest", to_hex(totals.digest)}};
}
Json fields_of(const EndFrame& end) {
  Json json = {{"type", "END"}};
  json.update(fields_of(static_cast<const Totals&>(end)));
  json["content_root"] = known_json(end.content_root);
  return json;
}
Json fields_of(const UnknownFrame& unknown) {
  return {{"type", "UNKNOWN"}, {"number", unknown.type}};
}

Json fields(const Frame& frame) {
  Json json = {{"sequence", frame.sequence}, {"at", frame.position}};
  json.update(std::visit([](const auto& body) { return fields_of(body); }, frame.body));
  json["wire"] = frame.wire_length;
  if (frame.compressed) json["zstd"] = true;
  return json;
}

Json token_fields(const BeginFrame& begin) {
  Json json = fields_of(begin);
  json["type"] = "TOKEN";
  json.update(fields_of(begin.resume.totals));
  return json;
}

std::string extents_text(const Json& extents) {
  std::string text;
  for (size_t i = 0; i < extents.size() && i < kExtentsInText; ++i)
    text += fmt::format("{}{}+{}", i == 0 ? "" : ",", extents[i][0].get<uint64_t>(),
                        extents[i][1].get<uint64_t>());
  if (extents.size() > kExtentsInText) text += fmt::format(",... ({} extents)", extents.size());
  return text;
}

/// What is left of the fields when the columns in front are printed.
std::string fields_text(const Json& json) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (key == "sequence" || key == "at" || key == "type" || value.is_null()) continue;
    if (key == "references" && value.empty()) continue;
    if (key == "extents")
      text += fmt::format(" {}", extents_text(value));
    else if (key == "references")
      text += fmt::format(" {}={}", key, extents_text(value));
    else
      text +=
          fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string frame_json(const Frame& frame) { return json_text(fields(frame)); }

std::string frame_text(const Frame& frame) {
  const Json json = fields(frame);
  return fmt::format("{:>6} {:>12} {:<10}{}", json["sequence"].get<uint64_t>(),
                     json["at"].get<uint64_t>(), json["type"].get<std::string>(),
                     fields_text(json));
}

std::string token_text(const BeginFrame& begin) {
  return "TOKEN" + fields_text(token_fields(begin));
}

std::string token_json(const BeginFrame& begin) { return json_text(token_fields(begin)); }

}  // namespace bsr
