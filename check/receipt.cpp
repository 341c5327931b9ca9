#include "check/receipt.h"

#include "base/text.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using nlohmann::json;

// nlohmann's plain object keeps its keys sorted, and there are only texts and whole numbers in it.
std::string canonical(const json& object) {
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

ReceiptVerdict no(std::string why) {
    ReceiptVerdict verdict;
    verdict.why = std::move(why);
    return verdict;
}

template <class Hash>
std::optional<Hash> hash_at(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? Hash::parse(it->get<std::string>()) : std::nullopt;
}

std::string text_at(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

nlohmann::ordered_json make_receipt(const ReceiptFacts& facts, const audit::SigningKey& key) {
    json receipt{{"rushlight_receipt", 1},
                 {"id", facts.id},
                 {"at", facts.at.rfc3339()},
                 {"asked", json::object()},
                 {"decision", to_string(facts.decision)},
                 {"action", to_string(facts.action)},
                 {"policy", facts.policy},
                 {"lists", json::array()},
                 {"key", key.public_key().hex()}};
    for (const auto& [method, value] : facts.asked) receipt["asked"][method] = value;
    for (const match::List& list : facts.lists) {
        receipt["lists"].push_back({{"name", to_utf8(list.name)},
                                    {"changed", list.changed.rfc3339()},
                                    {"entries", list.entries.active + list.entries.quarantined}});
    }
    const std::string text = canonical(receipt);
    nlohmann::ordered_json signed_receipt = nlohmann::ordered_json::parse(text);
    signed_receipt["signature"] = key.sign(bytes_of(text)).hex();
    return signed_receipt;
}

ReceiptVerdict verify_receipt(std::string_view text, std::span<const audit::PublicKey> trusted) {
    if (text.size() > kMaxReceiptBytes) return no("it is larger than any receipt");
    json receipt = json::parse(text, nullptr, false);
    if (!receipt.is_object() || receipt.value("rushlight_receipt", json()) != 1)
        return no("it is no receipt of Rushlight");
    const auto key = hash_at<audit::PublicKey>(receipt, "key");
    const auto signature = hash_at<audit::Signature>(receipt, "signature");
    if (!key || !signature) return no("it names no key or has no signature");
    receipt.erase("signature");
    if (!audit::signed_by(*key, bytes_of(canonical(receipt)), *signature))
        return no("the signature does not fit: it was changed after it was signed");
    if (!trusted.empty() && std::ranges::find(trusted, *key) == trusted.end())
        return no("it is signed by a key that is not the one you gave");
    return {.ok = true,
            .why = {},
            .id = text_at(receipt, "id"),
            .decision = text_at(receipt, "decision"),
            .action = text_at(receipt, "action"),
            .at = text_at(receipt, "at"),
            .key = key};
}

}  // namespace rushlight::check
