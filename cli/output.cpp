#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {

void print_json(const nlohmann::ordered_json& object) {
    // Everything is UTF-8 already; what slipped through is replaced, never thrown about.
    print_line(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_line(std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

int report(const Error& error) {
    std::fprintf(stderr, "rushlight: %s\n", error.message.c_str());
    return error.code == ErrorCode::invalid ? kUsage : kFailed;
}

Table::Table(std::vector<std::string> headings, std::size_t flexible)
    : headings_(std::move(headings)), flexible_(flexible) {}

void Table::add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

void Table::print() const {
    constexpr std::size_t kGap = 2;
    constexpr std::size_t kLeast = 16;  // of the flexible column
    std::vector<std::size_t> widths;
    for (const std::string& heading : headings_) widths.push_back(columns_of(heading));
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i].text));
    }
    std::size_t others = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) others += i == flexible_ ? kGap : widths[i] + kGap;
    if (is_terminal(STDOUT_FILENO)) {
        const auto terminal = static_cast<std::size_t>(terminal_columns(STDOUT_FILENO));
        const std::size_t room = terminal > others + kLeast ? terminal - others : kLeast;
        widths[flexible_] = std::min(widths[flexible_], room);
    }
    const bool colour = wants_colour(STDOUT_FILENO);
    const auto print_row = [&](const auto& text_of, const auto& tone_of) {
        std::string line;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const bool last = i + 1 == widths.size();
            std::string cell = fitted(text_of(i), widths[i]);
            if (last) cell.erase(cell.find_last_not_of(' ') + 1);
            line += toned(cell, tone_of(i), colour);
            if (!last) line.append(kGap, ' ');
        }
        print_line(line);
    };
    print_row([&](std::size_t i) { return headings_[i]; }, [](std::size_t) { return Tone::quiet; });
    for (const auto& row : rows_) {
        print_row([&](std::size_t i) { return i < row.size() ? row[i].text : std::string(); },
                  [&](std::size_t i) { return i < row.size() ? row[i].tone : Tone::plain; });
    }
}

}  // namespace rushlight::cli
