// What a person sees: whether there is one, how wide their terminal is, bars and numbers drawn with text.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight::cli {

bool is_terminal(int fd);
int terminal_columns(int fd);  // 80 where unknown
bool wants_colour(int fd);     // a terminal, and neither a NO_COLOR that says something nor TERM=dumb

std::string grouped(std::uint64_t number);                       // 1,234,567
std::string human_duration(double seconds);                      // 0:07, 1:02:03
std::size_t columns_of(std::string_view utf8);                   // that it takes on a terminal
std::string fitted(std::string_view utf8, std::size_t columns);  // padded, or cut in the middle with …

enum class Tone { plain, quiet, good, warn, bad };
std::string toned(std::string_view text, Tone tone, bool colour);

// A bar on stderr, redrawn at most ten times a second, only where stderr is a terminal.
class ProgressBar {
  public:
    ProgressBar(std::string what, bool enabled);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void update(std::uint64_t done, std::optional<std::uint64_t> total);
    void clear();  // takes the bar away, so that a line can be printed

  private:
    std::string what_;
    bool enabled_;
    bool drawn_ = false;
    Steady::time_point started_ = Steady::now();
    Steady::time_point last_{};
};

}  // namespace rushlight::cli
