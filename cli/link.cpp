#include "base/text.h"
#include "base/url.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

Result<Url> parse_link(const LinkCommand& command) {
    if (!command.base) return Url::parse(command.link);
    const auto base = Url::parse(*command.base);
    if (!base) return fail(base.error().code, "the base is no link: " + base.error().message);
    return Url::parse(command.link, &*base);
}

}  // namespace

int run_link(const Common& common, const LinkCommand& command) {
    const auto url = parse_link(command);
    nlohmann::ordered_json line;
    if (url) {
        line = {{"href", url->href()},         {"protocol", url->protocol()}, {"username", url->username()},
                {"password", url->password()}, {"host", url->host()},         {"port", url->port()},
                {"pathname", url->pathname()}, {"search", url->search()},     {"hash", url->hash()}};
    } else {
        line = {{"error", url.error().message}};
    }
    if (common.json) {
        print_json(line);
        return kDone;
    }
    Table table({"part", "value"}, 1);
    for (const auto& [part, value] : line.items()) table.add({{part}, {printable(value.get<std::string>())}});
    table.print();
    return kDone;
}

}  // namespace rushlight::cli
