// Undoes the content coding of a captured body, for the record alone and on the recorder's thread. Never touches what
// is forwarded; never leaves a body out that it cannot decode, unless that may quote a secret.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "calls/call_record.h"
#include "calls/redaction.h"
#include "calls/stream_end.h"
#include "calls/stream_timing.h"
#include "http/content_coding.h"

namespace borehole::calls {

// As it was captured.
struct CodedBody {
  http::ContentCodings codings;  // at least one
  Bytes beginning;
  Bytes end;               // of a stream: its last octets, behind `beginning` or after a gap
  std::uint64_t size = 0;  // of the whole
  bool whole = true;       // the message ended as HTTP says it must
  bool stream = false;     // its end matters too
  std::size_t kept = 0;    // octets that the record may hold of it
  std::span<const StreamMarks::Mark> marks;
};

// Memory: `kept`, of a stream 64 KiB more, a mark for each of the body's, and the decoder's windows. Time: that of
// decoding 16 MiB at most (about 0.1 s), or `kept` where that is more.
struct DecodedBody {
  std::string content;                   // at most `kept`
  StreamEnd end;                         // of what came behind it
  std::uint64_t size = 0;                // octets that decoding gave
  bool stopped = false;                  // there would be more than `kept`, and it was not asked for
  bool cut = false;                      // what was captured of the body is not its whole
  std::vector<StreamMarks::Mark> marks;  // when which octet of the decoded body was there
  std::optional<http::CodingFault> fault;

  bool sound() const noexcept { return !fault || *fault == http::CodingFault::trailing; }
};

// May throw when memory is out.
DecodedBody undo_coding(const CodedBody& body);

// Puts the decoded body in place of `body`, or says in `coding` why it stays as it is. `secrets` are taken out; where
// there are some and the body cannot be read, nothing of it stays.
void keep(DecodedBody decoded, const http::ContentCodings& codings, const Secrets& secrets, std::string& body,
          bool& truncated, CallRecord::BodyCoding& coding);

}  // namespace borehole::calls
