// query: percent-encoding, query strings and URL-encoded forms. Thread-safe: values only.
// Source: WHATWG URL 5.1 (application/x-www-form-urlencoded), but strict: what is not well-formed is refused
// in words instead of being guessed at.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::http {

// nullopt where an escape is broken, or the result is no UTF-8 or holds a NUL. `plus_is_space` for queries
// and forms.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but letters, digits and -._~ is escaped.
std::string percent_encode(std::string_view text);

class Query {
  public:
    // `invalid` for a broken escape, `limit` for more than `most` parameters.
    static Result<Query> parse(std::string_view text, std::size_t most = 100);

    std::optional<std::string_view> get(std::string_view name) const;  // the first; "" where it has no value
    std::vector<std::string_view> all(std::string_view name) const;
    const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

  private:
    std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace rushlight::http
