#include "server/hash_check.h"

#include "base/text.h"
#include "server/call.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using match::Method;
using match::Value;
using nlohmann::json;
using nlohmann::ordered_json;

// 64 bare digits may be SHA-256 or PDQ: both are asked, or "none" would be said of a file that is known. That
// a SHA-256 comes within 31 bits of an entry's PDQ by chance, once in 2^123, can be left out of account.
match::Query query_of_bare(const Value& value) {
    match::Query query = match::query_of(value);
    if (value.method == Method::pdq) query.sha256 = Sha256::from(value.bytes);
    return query;
}

// A hash as text, whose length tells what it is, or {"method","value","quality"}.
Result<match::Query> query_of_any(const json& item, std::string& text) {
    if (item.is_string()) {
        text = item.get<std::string>();
        const auto value = Value::guess(text, Method::pdq);
        if (!value) return pass(value.error());
        return query_of_bare(*value);
    }
    if (!item.is_object()) return fail(ErrorCode::invalid, "a hash has to be a text or an object");
    const auto value_text = item.find("value");
    if (value_text == item.end() || !value_text->is_string())
        return fail(ErrorCode::invalid, "a hash needs 'value', a text");
    text = value_text->get<std::string>();
    std::optional<Method> method;
    if (const auto word = item.find("method"); word != item.end()) {
        if (word->is_string()) method = match::formats::parse_method(word->get<std::string>());
        if (!method)
            return fail(ErrorCode::invalid, "'method' has to be md5, sha1, sha256, pdq, vpdq or photodna");
    }
    const auto value = method ? Value::parse(*method, text) : Value::guess(text, Method::pdq);
    if (!value) return pass(value.error());
    match::Query query = method ? match::query_of(*value) : query_of_bare(*value);
    if (const auto quality = item.find("quality"); quality != item.end()) {
        if (!quality->is_number_integer() || *quality < 0 || *quality > 100)
            return fail(ErrorCode::invalid, "'quality' has to be a whole number from 0 to 100");
        query.quality = quality->get<int>();
    }
    return query;
}

// What asks for nothing would find nothing, and "none" is said only of what was searched.
tl::expected<match::Query, Problem> query_of(const json& item, std::string& text) {
    auto query = query_of_any(item, text);
    if (!query) return tl::unexpected<Problem>({Reason::corrupt, query.error().message});
    if (!query->md5 && !query->sha1 && !query->sha256 && !query->pdq && query->frames.empty())
        return tl::unexpected<Problem>(
            {Reason::unsupported,
             "PhotoDNA values are kept and handed on, and never compared: nothing was searched"});
    return std::move(*query);
}

// What has to be escaped in a JSON text is in no hash.
bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

// By hand what stands in almost every answer: nothing matched.
void write_none(std::string& out, const std::string& hash, const check::Reply& reply) {
    out += R"({"hash":)";
    if (is_plain(hash))
        out.append(1, '"').append(hash).append(1, '"');
    else
        out += json(to_utf8(hash)).dump();
    out += R"(,"decision":"none","matches":[],"suppressed":[],"action":")";
    out += check::to_string(reply.verdict.action);
    out += '"';
    out += R"(,"error":null)";
    if (!reply.receipt.empty()) out += ",\"receipt\":" + reply.receipt;
    out += '}';
}

}  // namespace

Result<check::Asked> asked_of(const json& body, std::string_view who) {
    if (!body.is_object()) return fail(ErrorCode::invalid, "the body has to be an object");
    check::Asked asked{.by = std::string(who)};
    if (const auto context = body.find("context"); context != body.end() && !context->is_null()) {
        auto parsed = check::parse_context(*context);
        if (!parsed) return pass(parsed.error());
        asked.context = std::move(*parsed);
    }
    if (const auto receipt = body.find("receipt"); receipt != body.end()) {
        if (!receipt->is_boolean()) return fail(ErrorCode::invalid, "'receipt' has to be true or false");
        asked.receipt = receipt->get<bool>();
    }
    return asked;
}

Result<HashCheck> HashCheck::answer(const check::Service& service, const json& body, std::string_view who) {
    auto asked = asked_of(body, who);
    if (!asked) return pass(asked.error());
    const auto hashes = body.find("hashes");
    if (hashes == body.end() || !hashes->is_array())
        return fail(ErrorCode::invalid, "'hashes' has to be an array of hashes");
    if (hashes->size() > kMostHashes)
        return fail(ErrorCode::invalid, "more than 10,000 hashes: send them in several requests");
    if (asked->receipt && hashes->size() > kMostReceipts)
        return fail(ErrorCode::invalid,
                    "more than 1,000 hashes with receipts: send them in several requests");
    HashCheck check;
    check.asked_ = std::move(*asked);
    std::vector<check::HashAsked> good;
    for (const json& item : *hashes) {
        Line line;
        auto query = query_of(item, line.hash);
        if (query) {
            line.reply = good.size();
            good.push_back({line.hash, std::move(*query)});
        } else {
            line.problem = std::move(query.error());
            check.if_unread_ = std::max(service.policy().unreadable, check::Action::hold);
        }
        check.lines_.push_back(std::move(line));
    }
    auto replies = service.answer(good, check.asked_);
    if (!replies) return pass(replies.error());
    check.replies_ = std::move(*replies);
    return check;
}

std::string HashCheck::text() const {
    std::string out = R"({"results":[)";
    bool first = true;
    for (const Line& line : lines_) {
        if (!first) out += ',';
        first = false;
        if (line.problem) {
            out +=
                ordered_json{
                    {"hash", to_utf8(line.hash)},
                    {"decision", nullptr},
                    {"matches", ordered_json::array()},
                    {"suppressed", ordered_json::array()},
                    {"action", check::to_string(if_unread_)},
                    {"error",
                     {{"code", to_string(line.problem->reason)}, {"message", line.problem->message}}}}
                    .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
            continue;
        }
        const check::Reply& reply = replies_[line.reply];
        if (!check::Service::must_wait({&reply, 1}) && reply.outcome.decision == check::Decision::none &&
            !reply.outcome.problem) {
            write_none(out, line.hash, reply);
            continue;
        }
        ordered_json object = check::to_json(reply);
        ordered_json with_hash{{"hash", to_utf8(line.hash)}};
        with_hash.update(object);
        with_hash["error"] = nullptr;
        out += with_hash.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    }
    out += "]}";
    return out;
}

}  // namespace rushlight::server
