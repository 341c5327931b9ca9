#include "check/policy.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

MatchKind kind_of(const match::Match& match) {
    return match::formats::is_exact(match.method) ? MatchKind::exact : MatchKind::near;
}

bool acts(const match::Match& match) {
    return match.kind == match::ListKind::known && match.state == match::EntryState::active;
}

bool fits(const Rule& rule, const match::Match& match) {
    return (!rule.list || *rule.list == match.list) && (!rule.category || *rule.category == match.category) &&
           (!rule.kind || *rule.kind == kind_of(match));
}

std::string words_for(std::size_t number, const match::Match& match) {
    const std::string what = std::string(to_string(kind_of(match))) + " match in the list " + match.list;
    return number == 0 ? "no rule is for a " + what : "rule " + std::to_string(number) + " is for a " + what;
}

ordered_json rule_to_json(const Rule& rule) {
    ordered_json object;
    if (rule.list) object["list"] = *rule.list;
    if (rule.category) object["category"] = *rule.category;
    if (rule.kind) object["kind"] = to_string(*rule.kind);
    object["action"] = to_string(rule.action);
    object["review"] = rule.review;
    return object;
}

// Reads one object's keys; the first that is wrong is told with the place it stands in.
class Keys {
  public:
    Keys(const json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object.is_object()) wrong("has to be an object");
    }
    // Every key that is there must be one of these.
    void only(std::initializer_list<std::string_view> known) {
        if (!object_.is_object()) return;
        for (const auto& [key, value] : object_.items()) {
            if (std::ranges::find(known, key) == known.end())
                wrong("has an unknown key '" + printable(key) + "'");
        }
    }
    std::optional<std::string> text(const char* key, std::size_t most) {
        const json* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (!value->is_string()) return wrong(std::string("'") + key + "' has to be a text"), std::nullopt;
        auto text = value->get<std::string>();
        if (text.size() > most) return wrong(std::string("'") + key + "' is too long"), std::nullopt;
        return text;
    }
    std::optional<bool> flag(const char* key) {
        const json* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (!value->is_boolean())
            return wrong(std::string("'") + key + "' has to be true or false"), std::nullopt;
        return value->get<bool>();
    }
    void action(const char* key, Action& out) {
        const auto word = text(key, 16);
        if (!word) return wrong(std::string("needs '") + key + "': allow, hold or block");
        if (const auto parsed = parse_action(*word)) {
            out = *parsed;
        } else {
            wrong(std::string("'") + key + "' has to be allow, hold or block");
        }
    }
    void wrong(const std::string& what) {
        if (!error_) error_ = where_ + ' ' + what;
    }
    const std::optional<std::string>& error() const { return error_; }

  private:
    const json* find(const char* key) const {
        if (!object_.is_object()) return nullptr;
        const auto it = object_.find(key);
        return it == object_.end() || it->is_null() ? nullptr : &*it;
    }

    const json& object_;
    std::string where_;
    std::optional<std::string> error_;
};

std::optional<std::string> read_rule(const json& object, const std::string& where, bool fallback,
                                     Rule& rule) {
    Keys keys(object, where);
    if (fallback) {
        keys.only({"action", "review"});
    } else {
        keys.only({"list", "category", "kind", "action", "review"});
        rule.list = keys.text("list", match::kMaxNameBytes);
        rule.category = keys.text("category", 200);
        if (rule.list && rule.category) keys.wrong("names a list and a category: a rule is for one of them");
        if (const auto kind = keys.text("kind", 16)) {
            if (*kind == "exact") rule.kind = MatchKind::exact;
            if (*kind == "near") rule.kind = MatchKind::near;
            if (!rule.kind) keys.wrong("has a 'kind' that is neither exact nor near");
        }
    }
    keys.action("action", rule.action);
    rule.review = keys.flag("review").value_or(rule.action != Action::allow);
    return keys.error();
}

}  // namespace

std::string_view to_string(Action action) {
    switch (action) {
        case Action::allow:
            return "allow";
        case Action::hold:
            return "hold";
        case Action::block:
            break;
    }
    return "block";
}

std::optional<Action> parse_action(std::string_view text) {
    for (const Action action : {Action::allow, Action::hold, Action::block}) {
        if (to_string(action) == text) return action;
    }
    return std::nullopt;
}

std::string_view to_string(MatchKind kind) { return kind == MatchKind::exact ? "exact" : "near"; }

Verdict apply(const Policy& policy, const Outcome& outcome) {
    Verdict verdict{.action = Action::allow, .review = false, .why = "nothing matched"};
    if (outcome.decision == Decision::unreadable) {
        verdict.action = policy.unreadable;
        verdict.why = "it could not be read";
        return verdict;
    }
    bool first = true;
    for (const match::Match& match : outcome.answer.matches) {
        if (!acts(match)) continue;
        const auto it =
            std::ranges::find_if(policy.rules, [&](const Rule& rule) { return fits(rule, match); });
        const bool found = it != policy.rules.end();
        const Rule& rule = found ? *it : kind_of(match) == MatchKind::exact ? policy.exact : policy.near;
        if (first || rule.action > verdict.action) {
            verdict.action = rule.action;
            verdict.why =
                words_for(found ? static_cast<std::size_t>(it - policy.rules.begin()) + 1 : 0, match);
        }
        verdict.review = verdict.review || rule.review;
        first = false;
    }
    return verdict;
}

ordered_json to_json(const Policy& policy) {
    ordered_json object{{"version", policy.version},
                        {"by", policy.by},
                        {"at", policy.at.rfc3339()},
                        {"note", policy.note},
                        {"rules", ordered_json::array()}};
    for (const Rule& rule : policy.rules) object["rules"].push_back(rule_to_json(rule));
    object["fallback"] = {{"exact", rule_to_json(policy.exact)},
                          {"near", rule_to_json(policy.near)},
                          {"unreadable", to_string(policy.unreadable)}};
    return object;
}

Result<Policy> parse_policy(const json& object) {
    Policy policy;
    Keys keys(object, "the policy");
    keys.only({"version", "by", "at", "note", "rules", "fallback"});
    policy.note = keys.text("note", kMaxNoteBytes).value_or("");
    if (keys.error()) return fail(ErrorCode::invalid, *keys.error());

    const auto rules = object.find("rules");
    if (rules == object.end() || !rules->is_array())
        return fail(ErrorCode::invalid, "the policy needs 'rules', an array (it may be empty)");
    if (rules->size() > kMaxRules)
        return fail(ErrorCode::invalid, "the policy has more than " + std::to_string(kMaxRules) + " rules");
    for (const json& item : *rules) {
        Rule rule;
        const std::string where = "rule " + std::to_string(policy.rules.size() + 1);
        if (auto wrong = read_rule(item, where, false, rule)) return fail(ErrorCode::invalid, *wrong);
        policy.rules.push_back(std::move(rule));
    }
    if (const auto fallback = object.find("fallback"); fallback != object.end()) {
        Keys inner(*fallback, "the fallback");
        inner.only({"exact", "near", "unreadable"});
        if (fallback->is_object() && fallback->contains("unreadable"))
            inner.action("unreadable", policy.unreadable);
        if (inner.error()) return fail(ErrorCode::invalid, *inner.error());
        for (const auto& [key, rule] : {std::pair{"exact", &policy.exact}, std::pair{"near", &policy.near}}) {
            if (!fallback->contains(key)) continue;
            const std::string where = std::string("the fallback for ") + key;
            if (auto wrong = read_rule(fallback->at(key), where, true, *rule))
                return fail(ErrorCode::invalid, *wrong);
        }
    }
    return policy;
}

}  // namespace rushlight::check
