#include "check/context.h"

#include "base/text.h"
#include "base/time.h"

#include <array>
#include <utility>

#include <arpa/inet.h>
#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using nlohmann::json;

using Field = std::pair<const char*, std::string Context::*>;
constexpr std::array kTexts = {Field{"ref", &Context::ref},         Field{"place", &Context::place},
                               Field{"account", &Context::account}, Field{"ip", &Context::ip},
                               Field{"at", &Context::at},           Field{"filename", &Context::filename}};

tl::unexpected<Error> wrong(const std::string& what) { return fail(ErrorCode::invalid, "context: " + what); }

bool is_address(const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

Status set(Context& context, const std::string& key, const json& value) {
    if (value.is_null()) return {};
    if (key == "port") {
        if (!value.is_number_integer() || value < 1 || value > 65'535)
            return wrong("'port' has to be a number from 1 to 65535");
        context.port = value.get<std::uint16_t>();
        return {};
    }
    for (const auto& [name, member] : kTexts) {
        if (key != name) continue;
        if (!value.is_string()) return wrong("'" + key + "' has to be a text");
        auto text = value.get<std::string>();
        if (text.size() > kMaxContextBytes)
            return wrong("'" + key + "' is longer than " + std::to_string(kMaxContextBytes) + " bytes");
        if (text.find('\0') != std::string::npos) return wrong("'" + key + "' has a NUL in it");
        context.*member = std::move(text);
        return {};
    }
    return wrong("there is no '" + printable(key) + "'");
}

}  // namespace

bool Context::empty() const {
    for (const auto& [name, member] : kTexts) {
        if (!(this->*member).empty()) return false;
    }
    return !port;
}

Result<Context> parse_context(const json& object) {
    if (!object.is_object()) return wrong("has to be a JSON object");
    Context context;
    for (const auto& [key, value] : object.items()) {
        if (auto status = set(context, key, value); !status) return pass(status.error());
    }
    if (!context.ip.empty() && !is_address(context.ip)) return wrong("'ip' is no IPv4 or IPv6 address");
    if (!context.at.empty() && !Time::parse(context.at))
        return wrong("'at' is no RFC 3339 time such as 2024-05-01T10:00:00Z");
    return context;
}

nlohmann::ordered_json to_json(const Context& context) {
    auto object = nlohmann::ordered_json::object();
    for (const auto& [name, member] : kTexts) {
        if (!(context.*member).empty()) object[name] = context.*member;
        if (member == &Context::ip && context.port) object["port"] = *context.port;
    }
    return object;
}

}  // namespace rushlight::check
