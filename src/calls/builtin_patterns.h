// What is looked for in texts without a regular expression, since it must be checked, or seen in its surroundings:
// e-mail addresses, card numbers, AWS credentials. Pure; each takes time in proportion to the text.
#pragma once

#include <string_view>
#include <vector>

#include "base/pattern.h"

namespace borehole::calls {

// `local@domain.tld`, also with quotes around the local part and with letters beyond ASCII.
void find_emails(std::string_view text, std::vector<TextSpan>& found);

// 13 to 19 digits, between them at most a blank (also U+00A0, U+2009, U+202F), a '-' or a '.', that begin as the cards
// of a known network do, have as many digits as its cards, and pass the check of ISO/IEC 7812 (Luhn).
void find_cards(std::string_view text, std::vector<TextSpan>& found);

// Access key ids; Bedrock API keys; session tokens; signatures and tokens of presigned URLs; 40 characters of a secret
// key where the text before, the member's name or an access key id nearby tells that they are one.
void find_aws_keys(std::string_view text, std::string_view member, std::vector<TextSpan>& found);

}  // namespace borehole::calls
