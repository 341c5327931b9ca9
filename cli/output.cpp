#include "cli/output.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {
namespace {

constexpr std::size_t kGap = 2;  // between two columns

}  // namespace

void print_json(const nlohmann::ordered_json& object) {
    // Everything is UTF-8 already; what slipped through is replaced, never thrown about.
    print_line(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_line(std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

Status printed() {
    if (std::ferror(stdout) == 0) return {};
    return fail(ErrorCode::io,
                "cannot write to standard output: the disk behind it is full, or it is closed");
}

int report(const Error& error) {
    std::fprintf(stderr, "rushlight: %s\n", error.message.c_str());
    return kFailed;
}

int report_usage(const Error& error) {
    report(error);
    return kUsage;
}

Table::Table(std::vector<std::string> headings, std::size_t flexible)
    : headings_(std::move(headings)), flexible_(flexible) {}

Table::Table(std::vector<std::string> headings, std::size_t flexible, std::vector<std::size_t> widths)
    : headings_(std::move(headings)), flexible_(flexible), fixed_(std::move(widths)) {
    cut_to_terminal(fixed_);
}

void Table::add(std::vector<Cell> row) {
    if (fixed_.empty()) {
        rows_.push_back(std::move(row));
        return;
    }
    if (!std::exchange(begun_, true)) print_headings(fixed_);
    print_row(row, fixed_);
}

void Table::print() const {
    std::vector<std::size_t> widths;
    for (const std::string& heading : headings_) widths.push_back(columns_of(heading));
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i].text));
    }
    cut_to_terminal(widths);
    print_headings(widths);
    for (const auto& row : rows_) print_row(row, widths);
}

void Table::cut_to_terminal(std::vector<std::size_t>& widths) const {
    constexpr std::size_t kLeast = 16;  // of the flexible column
    if (!is_terminal(STDOUT_FILENO)) return;
    std::size_t others = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) others += i == flexible_ ? kGap : widths[i] + kGap;
    const auto terminal = static_cast<std::size_t>(terminal_columns(STDOUT_FILENO));
    widths[flexible_] = std::min(widths[flexible_], terminal > others + kLeast ? terminal - others : kLeast);
}

void Table::print_headings(const std::vector<std::size_t>& widths) const {
    std::vector<Cell> row;
    for (const std::string& heading : headings_) row.push_back({heading, Tone::quiet});
    print_row(row, widths);
}

// A cell wider than its column pushes the rest aside where nobody's screen is in the way: a file keeps whole
// names.
void Table::print_row(const std::vector<Cell>& row, const std::vector<std::size_t>& widths) const {
    const bool colour = wants_colour(STDOUT_FILENO);
    const bool screen = is_terminal(STDOUT_FILENO);
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const Cell cell = i < row.size() ? row[i] : Cell{};
        const bool last = i + 1 == widths.size();
        const bool cut = screen && i == flexible_;
        std::string text =
            last ? cell.text
                 : fitted(cell.text, cut ? widths[i] : std::max(widths[i], columns_of(cell.text)));
        line += toned(text, cell.tone, colour);
        if (!last) line.append(kGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    print_line(line);
}

}  // namespace rushlight::cli
