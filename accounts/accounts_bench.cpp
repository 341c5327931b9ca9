// What a credential costs on each request: an API key, a session, a password. The yardstick in the same run
// is one SHA-256 over a key's secret, and an empty read of the store.
//
//   accounts_bench [--keys N] [--json]        N: 1,000 unless said
#include "accounts/accounts.h"
#include "accounts/api_keys.h"
#include "audit/audit.h"
#include "base/digest.h"
#include "base/text.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace rushlight;
using namespace rushlight::accounts;

bool json = false;

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "accounts_bench: %s\n", why.c_str());
    std::exit(1);
}

void measure(const char* workload, int times, const std::function<void(int)>& work) {
    const auto begin = Steady::now();
    for (int i = 0; i < times; ++i) work(i);
    const double micros = std::chrono::duration<double, std::micro>(Steady::now() - begin).count() / times;
    if (json) {
        std::printf("{\"bench\":\"accounts\",\"workload\":\"%s\",\"micros\":%.3f}\n", workload, micros);
    } else {
        std::printf("%-48s %12.3f us\n", workload, micros);
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::int64_t count = 1000;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json") json = true;
        if (argument == "--keys" && i + 1 < argc) count = parse_integer(argv[i + 1]).value_or(count);
    }
    std::string folder = "/tmp/rushlight-accounts-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) stop("no folder");
    {
        auto store =
            store::Store::open({.where = folder, .schemas = {audit::schema(), vault::schema(), schema()}});
        if (!store) stop(store.error().message);
        const Time now = system_clock().now();
        auto sealer = vault::Sealer::open(*store, {.data = folder, .now = now});
        if (!sealer) stop(sealer.error().message);
        auto keys = ApiKeys::open(*store);
        if (!keys) stop(keys.error().message);
        std::vector<std::string> secrets;
        for (std::int64_t i = 0; i < count; ++i) {
            auto made = keys->create({.name = "bench", .scopes = {Scope::check}}, "system", now);
            if (!made) stop(made.error().message);
            secrets.push_back(made->secret);
        }
        const auto nth = [&](int i) -> const std::string& {
            return secrets[static_cast<std::size_t>(i) % secrets.size()];
        };
        constexpr int kMany = 500'000;
        measure("yardstick: SHA-256 of a secret", kMany,
                [&](int i) { (void)sha256_of(bytes_of(std::string_view(nth(i)).substr(20))); });
        measure("API key, good", kMany, [&](int i) {
            if (!keys->check(nth(i), now).good()) stop("a good key is refused");
        });
        std::string wrong = secrets.front();
        wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
        measure("API key, wrong secret", kMany, [&](int) {
            if (keys->check(wrong, now).good()) stop("a wrong key is taken");
        });
        measure("API key, no key at all", kMany, [&](int) { (void)keys->check("Bearer nonsense", now); });

        auto accounts = Accounts::open(*store, *sealer, {}, now);
        if (!accounts) stop(accounts.error().message);
        auto person = accounts->create(
            {.email = "a@example.org", .roles = {Role::viewer}, .password = "seven green lanterns"}, "system",
            now);
        if (!person) stop(person.error().message);
        std::string token;
        measure("sign-in (Argon2id, moderate)", 5, [&](int) {
            const auto in = accounts->sign_in(
                {.email = "a@example.org", .password = "seven green lanterns", .peer = "192.0.2.1"}, now);
            if (!in || in->state != SignIn::State::signed_in) stop("cannot sign in");
            token = in->token;
        });
        measure("sign-in, address that nobody has", 5, [&](int i) {
            const auto in = accounts->sign_in({.email = "b@example.org",
                                               .password = "seven green lanterns",
                                               .peer = "192.0.2." + std::to_string(i)},
                                              now);
            if (!in || in->state != SignIn::State::refused) stop("somebody unknown got in");
        });
        measure("yardstick: an empty read of the store", 20'000,
                [&](int) { (void)store->read([](store::Reader&) -> Status { return {}; }); });
        measure("session", 20'000, [&](int) {
            if (!accounts->session(token, now)) stop("the session is gone");
        });
    }
    const std::string remove = "rm -rf " + folder;
    return std::system(remove.c_str()) == 0 ? 0 : 1;
}
