// What a command prints: one JSON object a line, or words for people. stdout is for results, stderr for the
// rest.
#pragma once

#include "base/result.h"
#include "cli/terminal.h"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kSo = 3 };  // 3: what was asked about is so

// One line on stdout, handed over at once: whoever reads a pipe sees it when it happened.
void print_json(const nlohmann::ordered_json& object);
void print_line(std::string_view line);
// Fails with `io` once a line could not be written: a full disk behind `> FILE`, a closed stdout.
Status printed();

// "rushlight: what" on stderr; the status to exit with. `report_usage` where what was typed is wrong in
// itself.
int report(const Error& error);
int report_usage(const Error& error);

// Rows under headings, columns as wide as they need, the one called flexible cut to the terminal's width.
// Printed as a whole at the end, or, with widths given beforehand, row by row as they come.
class Table {
  public:
    struct Cell {
        std::string text;
        Tone tone = Tone::plain;
    };
    Table(std::vector<std::string> headings, std::size_t flexible);
    Table(std::vector<std::string> headings, std::size_t flexible, std::vector<std::size_t> widths);
    void add(std::vector<Cell> row);
    void print() const;
    bool empty() const { return rows_.empty() && !begun_; }

  private:
    void cut_to_terminal(std::vector<std::size_t>& widths) const;
    void print_row(const std::vector<Cell>& row, const std::vector<std::size_t>& widths) const;
    void print_headings(const std::vector<std::size_t>& widths) const;

    std::vector<std::string> headings_;
    std::size_t flexible_;
    std::vector<std::size_t> fixed_;  // empty: rows are kept until print()
    bool begun_ = false;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace rushlight::cli
