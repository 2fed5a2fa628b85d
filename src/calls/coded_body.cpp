#include "calls/coded_body.h"

#include <algorithm>
#include <utility>

namespace borehole::calls {

namespace {

using http::CodingFault;

std::string sentence(CodingFault fault, const std::string& names) {
  switch (fault) {
    case CodingFault::unknown: return "borehole cannot decode " + names;
    case CodingFault::corrupt: return "the body is no sound " + names;
    case CodingFault::cut: return "the body ends inside its " + names;
    case CodingFault::trailing: return "octets that follow the end of the " + names + " data are left out";
    case CodingFault::window: return "the body needs a larger window than the 8 MiB that RFC 9659 allows";
    case CodingFault::ratio: return "the body becomes so much larger in decoding that it is taken for an attack";
    case CodingFault::too_large: return "the decoded body is too large to be read";
    case CodingFault::no_memory: return "there was not enough memory to decode the body";
  }
  return {};
}

// The captured octets, which lie in two pieces.
class Octets {
 public:
  explicit Octets(const CodedBody& body) : first_(body.beginning) {
    if (body.size == body.beginning.size() + body.end.size()) second_ = body.end;
  }
  std::uint64_t size() const noexcept { return first_.size() + second_.size(); }
  void feed(http::ContentDecoder& decoder, std::uint64_t until) {
    until = std::min(until, size());
    while (at_ < until) {
      const Bytes rest = at_ < first_.size() ? first_.substr(at_) : second_.substr(at_ - first_.size());
      const Bytes now = rest.substr(0, until - at_);
      decoder.feed(now);
      at_ += now.size();
    }
  }

 private:
  Bytes first_, second_;
  std::uint64_t at_ = 0;
};

}  // namespace

DecodedBody undo_coding(const CodedBody& body) {
  DecodedBody out;
  Octets octets(body);
  out.cut = !body.whole || octets.size() < body.size;
  if (!body.codings.usable) {
    out.fault = CodingFault::unknown;
    return out;
  }
  http::DecodingLimits limits;
  limits.octets = std::max<std::uint64_t>(limits.octets, body.kept);
  http::ContentDecoder decoder(body.codings.codings, limits, [&](Bytes decoded) {
    const Bytes taken = decoded.substr(0, body.kept - out.content.size());
    out.content.append(taken);
    out.size += decoded.size();
    if (taken.size() == decoded.size()) return true;
    if (body.stream) out.end.add(decoded.substr(taken.size()));
    out.stopped = !body.stream;
    return body.stream;
  });
  for (const StreamMarks::Mark& mark : body.marks) {
    if (mark.end > octets.size() || !decoder.wants_more()) break;
    octets.feed(decoder, mark.end);
    out.marks.push_back({out.size, mark.at, mark.widest});
  }
  octets.feed(decoder, octets.size());
  if (!out.cut) decoder.finish();
  out.fault = decoder.fault();
  return out;
}

void keep(DecodedBody decoded, const http::ContentCodings& codings, const Secrets& secrets, std::string& body,
          bool& truncated, CallRecord::BodyCoding& coding) {
  coding.names = codings.names;
  if (!decoded.stopped && decoded.fault != CodingFault::unknown) coding.octets = decoded.size;
  if (decoded.fault) {
    coding.fault = http::coding_fault_name(*decoded.fault);
    coding.error = sentence(*decoded.fault, codings.names);
  }
  coding.decoded = decoded.sound();
  if (coding.decoded) {
    truncated = (truncated && decoded.cut) || decoded.size > decoded.content.size();
    body = std::move(decoded.content);
    secrets.cleanse(body, truncated || decoded.cut);
  } else if (!secrets.empty()) {
    body = {};
    truncated = true;
    coding.error += "; it is left out, since it may quote a secret";
  }
}

}  // namespace borehole::calls
