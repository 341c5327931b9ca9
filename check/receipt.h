// receipt: signed proof that a check was made, what was asked, of which lists, and what the answer was: an
// operator can show it years later, and anybody who has the public key can verify it without us.
//
// One JSON object: {"rushlight_receipt":1,"id","at","asked":{"sha256"|"pdq"|…},"decision","action","policy",
// "lists":[{"name","changed","entries"}],"key","signature"}. The signature (Ed25519) is over the object
// without `signature`, keys in the order of their bytes, without white space. docs/formats/receipt.md has a
// worked example.
#pragma once

#include "audit/signing.h"
#include "base/result.h"
#include "base/time.h"
#include "check/check.h"
#include "check/policy.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::check {

inline constexpr std::size_t kMaxReceiptBytes = std::size_t{1} << 20;

struct ReceiptFacts {
    std::string id;
    Time at;
    std::vector<std::pair<std::string, std::string>> asked;  // method and value: "sha256" → hex
    Decision decision = Decision::none;
    Action action = Action::allow;
    std::int64_t policy = 0;
    std::span<const match::List> lists;
};
nlohmann::ordered_json make_receipt(const ReceiptFacts& facts, const audit::SigningKey& key);

struct ReceiptVerdict {
    bool ok = false;
    std::string why;  // in words, where it is not
    std::string id, decision, action, at;
    std::optional<audit::PublicKey> key;  // that it names
};
// Whether the signature is by the key it names and, where `trusted` is not empty, that key is one of them.
ReceiptVerdict verify_receipt(std::string_view text, std::span<const audit::PublicKey> trusted);

}  // namespace rushlight::check
