// Takes secrets out of what is about to be recorded, and remembers them for as long as one exchange lasts, so that they
// can be taken out of texts that quote them. Never writes a secret anywhere.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace borehole::calls {

// What was masked of one exchange.
class Secrets {
 public:
  void remember(Bytes secret);
  // Replaces each of them wherever it occurs in `text`, also as JSON escapes it.
  // `cut`: the text is the beginning of a longer one; then what it ends in may be the beginning of a secret.
  void cleanse(std::string& text, bool cut = false) const;
  bool empty() const noexcept { return sizes_.empty(); }
  std::size_t memory() const noexcept { return all_.capacity() + sizes_.capacity() * sizeof(std::size_t); }

 private:
  std::string all_;  // one behind the other
  std::vector<std::size_t> sizes_;
};

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
  // Takes what was masked before, also percent-decoded, out of `text` (Secrets::cleanse).
  void cleanse(std::string& text, bool cut = false) const { secrets_.cleanse(text, cut); }
  // For a text that can be read later only. Nothing is remembered here any more.
  Secrets take_secrets() noexcept { return std::exchange(secrets_, {}); }

 private:
  bool masked(Bytes name) const;
  void remember_parts(Bytes value);

  const std::vector<std::string>* names_;
  Secrets secrets_;
  std::string shown_;  // what `header_value` made
};

}  // namespace borehole::calls
