#include "match/match.h"

#include "base/text.h"
#include "check/check.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/warn_about.h"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

using match::Method;
using match::Value;
using nlohmann::ordered_json;

ordered_json to_json(const match::Explanation& explanation) {
    ordered_json object{{"lists", ordered_json::array()}, {"searches", ordered_json::array()}};
    for (const auto& searched : explanation.lists) {
        ordered_json list{{"list", to_utf8(searched.list)},
                          {"kind", match::to_string(searched.kind)},
                          {"thresholds",
                           {{"pdq", searched.thresholds.pdq},
                            {"vpdq", searched.thresholds.vpdq},
                            {"vpdq_share", searched.thresholds.vpdq_share}}}};
        if (!searched.note.empty()) list["note"] = to_utf8(searched.note);
        object["lists"].push_back(std::move(list));
    }
    for (const auto& search : explanation.searches) {
        object["searches"].push_back({{"method", match::formats::to_string(search.method)},
                                      {"orientation", match::to_string(search.orientation)},
                                      {"distance", search.distance},
                                      {"entries", search.entries},
                                      {"candidates", search.candidates},
                                      {"scanned", search.scanned}});
    }
    for (const std::string& remark : explanation.remarks) object["remarks"].push_back(to_utf8(remark));
    return object;
}

// One matched entry: the three fixed keys, and with --explain all there is to say.
ordered_json to_json(const match::Match& match, bool explain) {
    if (explain) return check::to_json(match);
    return {{"list", to_utf8(match.list)}, {"entry", match.entry}, {"distance", match.distance}};
}

void print_for_people(const Value& value, const match::Answer& answer) {
    const std::string hash = value.text();
    if (answer.matches.empty() && answer.suppressed.empty()) {
        // "no match" would say that it was looked for.
        print_line(hash + (value.method == Method::photodna
                               ? "  PhotoDNA is never matched: the algorithm is licensed"
                               : "  no match"));
    }
    for (const match::Match& m : answer.matches) {
        print_line(
            fmt::format("{}  {}  {}  {} of {}", hash, printable(m.list), m.entry, m.distance, m.threshold));
    }
    if (answer.left_out > 0) {
        print_line(fmt::format("{}  {} further matches are not shown", hash, grouped(answer.left_out)));
    }
    for (const match::Suppressed& s : answer.suppressed) {
        print_line(fmt::format("{}  {}  {}  suppressed: {}", hash, printable(s.match.list), s.match.entry,
                               printable(s.why)));
    }
    if (!answer.explanation) return;
    for (const auto& search : answer.explanation->searches) {
        print_line(fmt::format("    searched {} {} entries within {}: {} compared in full{}",
                               grouped(search.entries), match::formats::to_string(search.method),
                               search.distance, grouped(search.candidates),
                               search.scanned ? " (beyond what the index covers: all of them)" : ""));
    }
    for (const std::string& remark : answer.explanation->remarks) print_line("    " + printable(remark));
}

constexpr std::size_t kMostOfAText = 10'000;  // of what is no hash: a line of a video may be 10 MB long

// What was typed, as far as a person needs it to know it again.
std::string shortened(const std::string& text) {
    constexpr std::size_t kShown = 100;
    if (text.size() <= kShown) return printable(text);
    return printable(to_utf8(text.substr(0, kShown))) + "… (" + grouped(text.size()) + " bytes)";
}

class Asker {
  public:
    Asker(const Context& context, const match::Matcher& matcher, const MatchCommand& command)
        : context_(context), matcher_(matcher), command_(command) {
        if (command.method) method_ = match::formats::parse_method(*command.method);
    }

    // Answers one text; a text that is no hash is answered with what is wrong with it.
    void ask(const std::string& text) {
        const auto value = method_ ? Value::parse(*method_, text) : Value::guess(text, Method::pdq);
        if (!value) return print_error(text, value.error());
        match::Query query = match::query_of(*value);
        query.threshold = command_.threshold;
        query.explain = command_.explain;
        const auto answer = matcher_.match(query);
        if (!answer) return print_error(text, answer.error());
        if (!context_.json()) return print_for_people(*value, *answer);
        ordered_json line{{"hash", value->text()}, {"matches", ordered_json::array()}};
        for (const match::Match& match : answer->matches)
            line["matches"].push_back(to_json(match, command_.explain));
        if (answer->left_out > 0) line["left_out"] = answer->left_out;
        if (command_.explain) {
            line["suppressed"] = ordered_json::array();
            for (const match::Suppressed& s : answer->suppressed)
                line["suppressed"].push_back(check::to_json(s));
            if (answer->explanation) line["explain"] = to_json(*answer->explanation);
        }
        print_json(line);
    }

  private:
    void print_error(const std::string& text, const Error& error) const {
        if (!context_.json()) {
            constexpr std::string_view kNoHash = "not a hash";
            const std::string what = printable(error.message);
            return print_line(shortened(text) + "  " +
                              (what.starts_with(kNoHash) ? what : std::string(kNoHash) + ": " + what));
        }
        print_json({{"hash", to_utf8(text.substr(0, kMostOfAText))},
                    {"matches", ordered_json::array()},
                    {"error", {{"code", to_string(Reason::corrupt)}, {"message", to_utf8(error.message)}}}});
    }

    const Context& context_;
    const match::Matcher& matcher_;
    const MatchCommand& command_;
    std::optional<Method> method_;
};

}  // namespace

int run_match(Context& context, const MatchCommand& command) {
    const auto method = command.method ? match::formats::parse_method(*command.method) : std::nullopt;
    const auto matcher = context.matcher(command.lists, method, Method::pdq);
    if (!matcher) return report(matcher.error());
    warn_about(**matcher);
    Asker asker(context, **matcher, command);
    bool from_stdin = command.hashes.empty();
    for (const std::string& text : command.hashes) {
        if (text == "-") {
            from_stdin = true;
        } else {
            asker.ask(text);
        }
    }
    if (from_stdin) {
        for (std::string line; printed() && std::getline(std::cin, line);) {
            if (const std::string_view text = trim(line); !text.empty()) asker.ask(std::string(text));
        }
    }
    return kDone;
}

}  // namespace rushlight::cli
