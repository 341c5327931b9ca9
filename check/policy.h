// policy: what is to be done where something matched, by rules that a person wrote and signed.
//
// Each active match of a known list that nothing suppressed is held against the rules from the top; the first
// that fits it says what is to be done, else the fallback of its kind. Over several matches the strictest
// action counts, and a person must review where any of them says so. Quarantined entries and negative lists
// never act. docs/policies.md has the table as people see it.
//
// Thread-safety: values.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "check/check.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::check {

// What the asker should do, from the mildest to the strictest.
enum class Action : std::uint8_t { allow, hold, block };
std::string_view to_string(Action action);
std::optional<Action> parse_action(std::string_view text);

enum class MatchKind : std::uint8_t { exact, near };
std::string_view to_string(MatchKind kind);

struct Rule {
    // Which matches it is for: those of one list, of one category, or (neither given) of every list.
    std::optional<std::string> list{};
    std::optional<std::string> category{};
    std::optional<MatchKind> kind{};  // none: both
    Action action = Action::hold;
    bool review = true;  // a person has to look at it

    bool operator==(const Rule&) const = default;
};
inline constexpr std::size_t kMaxRules = 1000;
inline constexpr std::size_t kMaxNoteBytes = 2000;

struct Policy {
    std::int64_t version = 0;  // 0: the one that everybody starts with
    std::string by;            // who saved it
    Time at;
    std::string note;  // why, in their words
    std::vector<Rule> rules;
    // Where no rule fits.
    Rule exact{.action = Action::block, .review = true};
    Rule near{.action = Action::hold, .review = true};
    // A check that could not be done. Hold is failing closed: nothing is waved through because a part was
    // down.
    Action unreadable = Action::allow;
};

struct Verdict {
    Action action = Action::allow;
    bool review = false;
    std::string why;  // in words: "rule 2 (list partners, near)", "nothing matched"
};
Verdict apply(const Policy& policy, const Outcome& outcome);

// As the API has it: {"version","by","at","note","rules":[{"list","category","kind","action","review"}],
// "fallback":{"exact":{"action","review"},"near":{…},"unreadable":"allow"}}.
nlohmann::ordered_json to_json(const Policy& policy);
// What a person sent; `version`, `by` and `at` are not theirs to say. Fails with `invalid`, naming the rule.
Result<Policy> parse_policy(const nlohmann::json& object);

}  // namespace rushlight::check
