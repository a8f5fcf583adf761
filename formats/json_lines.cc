#include "formats/json_lines.h"

#include <nlohmann/json.hpp>

#include "formats/digest.h"

namespace bsr {
namespace {

using Json = nlohmann::ordered_json;

Json event(std::string_view type) { return {{"v", 1}, {"type", type}}; }

std::string line(const Json& json) {
  // Texts may hold file names in any encoding; they must not make the line unreadable.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void add_figures(Json& json, const SessionFigures& figures) {
  json["bytes_done"] = figures.done;
  json["bytes_total"] = figures.total;
  json["bytes_wire"] = figures.wire;
  json["seconds"] = figures.seconds;
}

}  // namespace

std::string json_status(const SessionFigures& figures) {
  Json json = event("status");
  add_figures(json, figures);
  return line(json);
}

std::string json_summary(const BeginFrame& begin, const Totals& totals, const Digest& content_root,
                         const SessionFigures& figures, std::optional<bool> committed,
                         const std::optional<std::string>& output) {
  Json json = event("summary");
  if (output) json["output"] = *output;
  if (committed) json["committed"] = *committed;
  json["name"] = begin.name;
  json["uuid"] = begin.snapshot_id;
  json["base"] = begin.is_full() ? Json(nullptr) : Json(begin.base_id);
  json["volume_size"] = begin.volume_size;
  json["data_bytes"] = totals.data_bytes;
  json["zero_bytes"] = totals.zero_bytes;
  json["unmap_bytes"] = totals.unmap_bytes;
  json["extents"] = totals.extents;
  json["digest"] = to_hex(totals.digest);
  json["content_root"] = content_root == Digest{} ? Json(nullptr) : Json(to_hex(content_root));
  add_figures(json, figures);
  return line(json);
}

std::string json_resume(std::string_view token, uint64_t position) {
  Json json = event("resume");
  json["token"] = token;
  json["position"] = position;
  return line(json);
}

std::string json_content(std::string_view name, uint64_t volume_size, const Digest& root,
                         uint64_t bytes_read) {
  Json json = event("content");
  json["name"] = name;
  json["volume_size"] = volume_size;
  json["content_root"] = to_hex(root);
  json["bytes_read"] = bytes_read;
  return line(json);
}

std::string json_error(const Error& error) {
  Json json = event("error");
  json["id"] = id(error.kind());
  json["text"] = error.what();
  return line(json);
}

std::string json_exit(int code, std::string_view id) {
  Json json = event("exit");
  json["code"] = code;
  json["id"] = id;
  return line(json);
}

}  // namespace bsr
