// A page of the practice world: plain HTML without script, which shows whatever came from elsewhere as text.
#pragma once

#include "http/http.h"

#include <string>
#include <string_view>

namespace rushlight::practice {

// For text and for attributes in double quotes. What is no UTF-8 becomes U+FFFD.
std::string escaped(std::string_view text);
// A whole page around this content; its title is escaped here, the content is not.
http::Response page(std::string_view title, std::string_view content);
// What every answer of the practice world carries; a page may load nothing but what its own site gives.
http::Response guarded(http::Response response);

inline constexpr std::string_view kStylePath = "/style.css";
http::Response style();

}  // namespace rushlight::practice
