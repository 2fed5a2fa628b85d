// The credentials of HTTP's Basic scheme (RFC 7617), taken apart strictly. Never judges them; wipes what it held.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace borehole::config {

// Standard alphabet, padding present, unused bits zero (RFC 4648 section 3.5). The number of octets written to `out`;
// nothing if the text is malformed or does not fit.
std::optional<std::size_t> decode_base64(std::string_view text, char* out, std::size_t capacity) noexcept;

class BasicCredentials {
 public:
  // `value` as in Proxy-Authorization: "Basic dXNlcjpwYXNz".
  explicit BasicCredentials(std::string_view value) noexcept;
  ~BasicCredentials();
  BasicCredentials(const BasicCredentials&) = delete;
  BasicCredentials& operator=(const BasicCredentials&) = delete;

  // False: another scheme, no base64, no colon, a control character, an empty name, or longer than anybody's.
  bool well_formed() const noexcept { return size_ != 0; }
  // The rest only if well_formed(); views into this object.
  std::string_view both() const noexcept { return {octets_.data(), size_}; }  // "user:pass"
  std::string_view user() const noexcept { return {octets_.data(), colon_}; }
  const char* password() const noexcept { return octets_.data() + colon_ + 1; }  // ends with NUL

 private:
  static constexpr std::size_t longest = 512;  // of user, colon and password together
  std::array<char, longest + 1> octets_{};
  std::size_t size_ = 0;
  std::size_t colon_ = 0;
};

}  // namespace borehole::config
