// The smallest files of each format that doctor has read, as base64. Private to doctor.
#pragma once

#include <span>
#include <string_view>

namespace rushlight::cli {

struct Sample {
    std::string_view format, base64;
};
std::span<const Sample> samples();
std::string_view zip_sample();  // with one picture in it

}  // namespace rushlight::cli
