#include "app/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/terminal_text.h"

namespace borehole::app {

namespace {

constexpr std::size_t long_line = 200;
constexpr auto patience = std::chrono::seconds(1);
constexpr std::size_t telling = 6;  // octets at the end of an id: of its random part

std::string harmless_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i <= text.size();) {
    const std::size_t end = std::min(text.find('\n', i), text.size());
    std::string line(text.substr(i, end - i));
    std::erase(line, '\r');
    std::replace(line.begin(), line.end(), '\t', ' ');
    out += harmless(line);
    if (end < text.size()) out += '\n';
    i = end + 1;
  }
  return out;
}

// What tells a reader that something else than the answer's text begins.
std::string mark_of(std::string_view kind, std::string_view name) {
  if (kind == "thinking") return "[thinking] ";
  if (kind == "tool_use") return name.empty() ? "[tool] " : fmt::format("[tool {}] ", harmless(name));
  return {};
}

}  // namespace

std::string LiveView::prefix(const std::string& id) const {
  const std::string text = id.substr(id.size() - std::min(id.size(), telling)) + " | ";
  return colours_ ? coloured(text, dim) : text;
}

void LiveView::started(const bedrock::JsonValue& call) {
  const std::string id(call.text("id"));
  const std::string_view operation = call.text("operation");
  const std::string_view model = call.text("model_id");
  Call& known = calls_[id];
  known = Call();
  known.title = harmless(fmt::format("{} {} {}", id, operation.empty() ? call.text("method") : operation,
                                     model.empty() ? call.text("target") : model));
}

std::string LiveView::delta(const bedrock::JsonValue& delta, TimePoint now) {
  const std::string id(delta.text("id"));
  const auto found = calls_.find(id);
  if (found == calls_.end()) return {};
  Call& call = found->second;
  std::string out;
  if (!call.shown) {
    call.shown = true;
    const bool alone = std::count_if(calls_.begin(), calls_.end(), [](const auto& c) { return c.second.shown; }) == 1;
    apart_ = apart_ || !alone;
    out = own_line() + (colours_ ? coloured("> " + call.title, dim) : "> " + call.title) + "\n";
  }
  const std::string block = fmt::format("{} {}", delta.count("block").value_or(0), delta.text("kind"));
  std::string text(delta.text("text"));
  if (block != call.block) {
    const bool first = call.block.empty();
    call.block = block;
    text = (first ? "" : "\n") + mark_of(delta.text("kind"), delta.text("name")) + text;
  }
  if (terminal_ && !apart_) {
    out += harmless_text(text);
    open_ = !out.ends_with('\n');
    return out;
  }
  if (call.line.empty()) call.since = now;
  call.line += text;
  return out + own_line() + lines_of(id, call, now);
}

// The lines that are whole; a long one is cut at a blank.
std::string LiveView::lines_of(const std::string& id, Call& call, TimePoint now) {
  std::string out;
  for (;;) {
    std::size_t end = call.line.find('\n');
    std::size_t next = end + 1;
    if (end == std::string::npos) {
      if (call.line.size() < long_line) return out;
      end = call.line.rfind(' ');
      if (end == std::string::npos || end == 0) return out;
      next = end + 1;
    }
    out += prefix(id) + harmless_text(std::string_view(call.line).substr(0, end)) + "\n";
    call.line.erase(0, next);
    call.since = now;
  }
}

std::string LiveView::lost(const bedrock::JsonValue& event) {
  const std::string id(event.text("id"));
  if (calls_.find(id) == calls_.end()) return {};
  return ended(id) + prefix(id) + fmt::format("[{}]\n", harmless(event.text("reason")));
}

std::string LiveView::ended(const std::string& id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return {};
  std::string out = own_line();
  const std::string& rest = found->second.line;
  if (!rest.empty()) out += prefix(id) + harmless_text(rest) + "\n";
  calls_.erase(found);
  if (std::none_of(calls_.begin(), calls_.end(), [](const auto& call) { return call.second.shown; })) apart_ = false;
  return out;
}

std::string LiveView::overdue(TimePoint now) {
  std::string out;
  for (auto& [id, call] : calls_) {
    if (call.line.empty() || now - call.since < patience) continue;
    // At a blank, if there is one: the last word may go on.
    const std::size_t blank = call.line.rfind(' ');
    const std::size_t end = blank == std::string::npos || blank == 0 ? call.line.size() : blank;
    out += prefix(id) + harmless_text(std::string_view(call.line).substr(0, end)) + "\n";
    call.line.erase(0, end + 1);
    call.since = now;
  }
  return out.empty() ? out : own_line() + out;
}

std::string LiveView::own_line() {
  if (!open_) return {};
  open_ = false;
  return "\n";
}

}  // namespace borehole::app
