// Why a request is refused: the status, and words for people. Private.
#pragma once

#include <string>

namespace rushlight::http {

struct Fault {
    int status = 400;
    std::string words;
};

}  // namespace rushlight::http
