// Takes secrets out of what is about to be recorded, and remembers them for as long as one exchange lasts, so that they
// can be taken out of texts that quote them. Never writes a secret anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace borehole::calls {

// One exchange's; not shared between threads.
class Redaction {
 public:
  // `names`: header fields to mask besides those that are always masked (authorization, proxy-authorization,
  // x-amz-security-token). Compared without case; must outlive it.
  explicit Redaction(const std::vector<std::string>& names) : names_(&names) {}

  // The value as it may be recorded: as it is, or `***`. Of Authorization and Proxy-Authorization a well-known scheme's
  // name stays: `Bearer ***`. Valid as long as `value`, and until the next call.
  Bytes header_value(Bytes name, Bytes value);
  // The request target with `***` for the values of X-Amz-Signature, X-Amz-Security-Token and of parameters that are
  // named as a masked header, and for the user part of an absolute form. X-Amz-Credential stays: it holds the key's id.
  std::string target(Bytes target);
  // Replaces what was masked before wherever it occurs in `text`, also percent-decoded and as JSON escapes it.
  // `cut`: the text is the beginning of a longer one; then what it ends in may be the beginning of a secret.
  void cleanse(std::string& text, bool cut = false) const;

 private:
  bool masked(Bytes name) const;
  void remember(Bytes secret);
  void remember_parts(Bytes value);

  const std::vector<std::string>* names_;
  std::string secrets_;  // one behind the other
  std::vector<std::size_t> secret_sizes_;
  std::string shown_;  // what `header_value` made
};

}  // namespace borehole::calls
