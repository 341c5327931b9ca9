// context: what the asker knows about an upload beside its bytes, kept only where it matched: what a report
// will need later.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::check {

inline constexpr std::size_t kMaxContextBytes = 4096;  // of one of its texts

struct Context {
    std::string ref;      // the asker's own name for the item
    std::string place;    // where it stands: a URL, or an account and item of the platform
    std::string account;  // who uploaded it
    std::string ip;       // from where, IPv4 or IPv6
    std::optional<std::uint16_t> port;
    std::string at;        // when, RFC 3339
    std::string filename;  // as the uploader called it

    bool empty() const;
};

// {"ref","place","account","ip","port","at","filename"}, each of which may be left out. Fails with `invalid`,
// in words: an unknown key, an address or a time that is none (a report with it would be sent back), a text
// that is too long.
Result<Context> parse_context(const nlohmann::json& object);
nlohmann::ordered_json to_json(const Context& context);  // what is empty is left out

}  // namespace rushlight::check
