// People and programs' keys, and the key file, from the machine itself.

#include "accounts/accounts.h"
#include "accounts/api_keys.h"
#include "audit/audit.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/secret_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

using accounts::ApiKey;
using accounts::ApiKeyId;
using nlohmann::ordered_json;

Result<accounts::Accounts> open_accounts(Context& context, Time now) {
    const auto store = context.store();
    if (!store) return pass(store.error());
    const auto sealer = context.sealer();
    if (!sealer) return pass(sealer.error());
    return accounts::Accounts::open(**store, **sealer, {}, now);
}

Result<accounts::ApiKeys> open_keys(Context& context) {
    const auto store = context.store();
    if (!store) return pass(store.error());
    return accounts::ApiKeys::open(**store);
}

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

// What a person typed is wrong in itself.
int report_typed(const Error& error) {
    return error.code == ErrorCode::invalid ? report_usage(error) : report(error);
}

void show_token(const Context& context, ordered_json line, const accounts::Token& token) {
    if (context.json()) {
        line["token"] = token.text;
        line["expires"] = token.expires.rfc3339();
        return print_json(line);
    }
    print_line("One-time token, until " + token.expires.rfc3339() + ": " + token.text);
    print_line(
        "Whoever opens the console's page for a new password with it sets one. It is shown only here.");
}

}  // namespace

int run_account(Context& context, const AccountCreate& command) {
    const Time now = system_clock().now();
    const auto roles = accounts::parse_roles(command.roles);
    if (!roles) return report_usage(roles.error());
    accounts::NewPerson person{.email = command.email, .roles = *roles};
    if (command.password_file) {
        auto password = read_secret_file(*command.password_file, "the password");
        if (!password) return report(password.error());
        person.password = std::move(*password);
    }
    auto accounts = open_accounts(context, now);
    if (!accounts) return report(accounts.error());
    const auto made = accounts->create(person, context.who_in_audit(), now);
    if (!made) return report(made.error());
    ordered_json line{
        {"id", made->id.text}, {"email", made->email}, {"roles", accounts::names_of(made->roles)}};
    if (!context.json())
        print_line(fmt::format("{}: account {}, {}", printable(made->email), made->id.text,
                               joined(accounts::names_of(made->roles))));
    if (!person.password) {
        const auto token = accounts->make_reset_token(made->id, false, context.who_in_audit(), now);
        if (!token) return report(token.error());
        show_token(context, std::move(line), *token);
    } else if (context.json()) {
        print_json(line);
    }
    return kDone;
}

int run_account(Context& context, const AccountReset& command) {
    const Time now = system_clock().now();
    auto accounts = open_accounts(context, now);
    if (!accounts) return report(accounts.error());
    const auto person = accounts->find_email(command.email);
    if (!person) return report_typed(person.error());
    const auto token =
        accounts->make_reset_token(person->id, command.second_factor, context.who_in_audit(), now);
    if (!token) return report(token.error());
    show_token(context, {{"id", person->id.text}, {"email", person->email}}, *token);
    return kDone;
}

int run_key(Context& context, const KeyCreate& command) {
    const Time now = system_clock().now();
    const auto scopes = accounts::parse_scopes(command.scopes);
    if (!scopes) return report_usage(scopes.error());
    accounts::NewApiKey key{.name = command.name, .scopes = *scopes};
    if (command.expires) {
        key.expires = Time::parse(*command.expires);
        if (!key.expires)
            return report_usage(
                {ErrorCode::invalid, "--expires wants a time such as 2027-01-31T00:00:00Z, not '" +
                                         printable(*command.expires) + "'"});
    }
    auto keys = open_keys(context);
    if (!keys) return report(keys.error());
    const auto made = keys->create(key, context.who_in_audit(), now);
    if (!made) return report_typed(made.error());
    if (context.json()) {
        print_json({{"id", made->key.id.hex()}, {"key", made->secret}});
    } else {
        print_line(made->secret);
        print_line(fmt::format("This is the key '{}' for {}. It is shown only here.",
                               printable(made->key.name), joined(accounts::names_of(made->key.scopes))));
    }
    return kDone;
}

int run_key(Context& context, const KeyList&) {
    constexpr int kPage = 1000;
    const auto keys = open_keys(context);
    if (!keys) return report(keys.error());
    Table table({"id", "name", "scopes", "made", "last used", "state"}, 1);
    const Time now = system_clock().now();
    std::optional<ApiKeyId> after;
    for (;;) {
        const auto page = keys->list(after, kPage);
        if (!page) return report(page.error());
        for (const ApiKey& key : *page) {
            after = key.id;
            if (context.json()) {
                ordered_json line{{"id", key.id.hex()},
                                  {"name", to_utf8(key.name)},
                                  {"scopes", accounts::names_of(key.scopes)},
                                  {"made", key.made.rfc3339()},
                                  {"made_by", key.made_by}};
                if (key.expires) line["expires"] = key.expires->rfc3339();
                if (key.revoked) line["revoked"] = key.revoked->rfc3339();
                if (key.used) line["used"] = key.used->rfc3339();
                print_json(line);
                continue;
            }
            const bool expired = key.expires && *key.expires <= now;
            table.add({{key.id.hex()},
                       {printable(key.name)},
                       {joined(accounts::names_of(key.scopes))},
                       {key.made.rfc3339()},
                       {key.used ? key.used->rfc3339() : "never"},
                       {key.revoked ? "revoked"
                        : expired   ? "expired"
                                    : "good"}});
        }
        if (page->size() < kPage) break;
    }
    if (context.json()) return kDone;
    if (table.empty()) {
        print_line("There is no API key yet. `rushlight key create NAME --scope check` makes one.");
    } else {
        table.print();
    }
    return kDone;
}

int run_key(Context& context, const KeyRevoke& command) {
    const auto id = ApiKeyId::parse(command.id);
    if (!id)
        return report_usage(
            {ErrorCode::invalid, "'" + printable(command.id) +
                                     "' is no key's id: that has 16 digits, `rushlight key list` shows it"});
    auto keys = open_keys(context);
    if (!keys) return report(keys.error());
    if (auto revoked = keys->revoke(*id, context.who_in_audit(), system_clock().now()); !revoked)
        return report(revoked.error());
    if (context.json()) {
        print_json({{"id", id->hex()}, {"revoked", true}});
    } else {
        print_line("Revoked the key " + id->hex() + ".");
    }
    return kDone;
}

int run_vault(Context& context, const VaultNewKey& command) {
    const Time now = system_clock().now();
    const auto store = context.store();
    if (!store) return report(store.error());
    auto options = context.sealer_options();
    if (!options) return report(options.error());
    options->accept_loss = command.accept_loss;
    auto sealer = vault::Sealer::open(**store, *options);
    if (!sealer) return report(sealer.error());
    if (auto rotated = sealer->rotate(**store, now); !rotated) return report(rotated.error());
    const Status noted = (*store)->write([&](store::Writer& writer) -> Status {
        return audit::append(writer,
                             {.who = context.who_in_audit(),
                              .what = "vault.key_made",
                              .on = {"vault_key", sealer->current().hex()},
                              .detail = audit::detail({{"loss_accepted", command.accept_loss}})},
                             now)
            .map([](std::int64_t) {});
    });
    if (!noted) return report(noted.error());
    if (context.json()) {
        print_json(
            {{"key", sealer->current().hex()}, {"keys", sealer->keys()}, {"file", to_utf8(sealer->path())}});
    } else {
        print_line(
            fmt::format("{} holds a new key. Back it up, apart from the data.", printable(sealer->path())));
    }
    return kDone;
}

}  // namespace rushlight::cli
