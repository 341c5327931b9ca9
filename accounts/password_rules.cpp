// Which addresses and passwords are taken. By length first (NIST SP 800-63B), then what guessers try first;
// no rules about digits and signs, which make passwords worse.
#include "accounts/accounts.h"
#include "base/text.h"

#include <algorithm>
#include <array>

namespace rushlight::accounts {
namespace {

constexpr std::size_t kLeast = 12;
constexpr std::size_t kMost = 1024;

// What people choose when made to choose something long: each also with digits and signs around it, written
// with digits for letters, and several times over.
constexpr std::array<std::string_view, 60> kCommonest{"password",
                                                      "passwort",
                                                      "passphrase",
                                                      "mypassword",
                                                      "newpassword",
                                                      "yourpassword",
                                                      "letmein",
                                                      "letmeinnow",
                                                      "welcome",
                                                      "welcomeback",
                                                      "iloveyou",
                                                      "iloveyouso",
                                                      "administrator",
                                                      "administration",
                                                      "admin",
                                                      "adminadmin",
                                                      "superuser",
                                                      "rootroot",
                                                      "changeme",
                                                      "changemenow",
                                                      "changeit",
                                                      "default",
                                                      "defaultpassword",
                                                      "temporary",
                                                      "qwerty",
                                                      "qwertyuiop",
                                                      "qwertzuiop",
                                                      "azertyuiop",
                                                      "asdfghjkl",
                                                      "zxcvbnm",
                                                      "qwertyasdfgh",
                                                      "qazwsxedc",
                                                      "qazwsxedcrfv",
                                                      "abcdefghijkl",
                                                      "abcdefg",
                                                      "abc",
                                                      "football",
                                                      "baseball",
                                                      "basketball",
                                                      "superman",
                                                      "batman",
                                                      "starwars",
                                                      "princess",
                                                      "sunshine",
                                                      "dragon",
                                                      "monkey",
                                                      "shadow",
                                                      "master",
                                                      "trustno",
                                                      "whatever",
                                                      "computer",
                                                      "internet",
                                                      "security",
                                                      "secret",
                                                      "supersecret",
                                                      "rushlight",
                                                      "correcthorsebatterystaple",
                                                      "correct horse battery staple",
                                                      "test",
                                                      "testing"};

// Small letters, with the digits and signs that stand for letters turned back.
std::string plain(std::string_view password) {
    std::string text = lower(password);
    for (char& c : text) {
        constexpr std::string_view kSigns = "0134578@$!";
        constexpr std::string_view kLetters = "oieastbasi";
        if (const auto at = kSigns.find(c); at != std::string_view::npos) c = kLetters[at];
    }
    return text;
}

// Without anything but letters and inner spaces at both ends.
std::string_view core(std::string_view text) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
    };
    while (!text.empty() && !is_letter(text.front())) text.remove_prefix(1);
    while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
    return text;
}

// The shortest text that, said again and again, gives this one.
std::string_view period(std::string_view text) {
    for (std::size_t size = 1; size <= text.size() / 2; ++size) {
        bool repeats = true;
        for (std::size_t i = size; i < text.size() && repeats; ++i) repeats = text[i] == text[i - size];
        if (repeats) return text.substr(0, size);
    }
    return text;
}

// 123456…, abcdef… or backwards.
bool is_run(std::string_view text) {
    int up = 0;
    int down = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
        const int step = text[i] - text[i - 1];
        if (step == 1 || (text[i - 1] == '9' && text[i] == '0')) ++up;
        if (step == -1 || (text[i - 1] == '0' && text[i] == '9')) ++down;
    }
    return std::max(up, down) + 1 >= static_cast<int>(text.size()) - 1;
}

bool is_common(std::string_view password) {
    const std::string small = lower(password);
    for (const std::string& spelled : {small, plain(core(small)), plain(small)}) {
        const std::string_view inner = core(spelled);
        for (const std::string_view one :
             {std::string_view(spelled), inner, period(inner), core(period(spelled))}) {
            if (std::ranges::find(kCommonest, one) != kCommonest.end()) return true;
        }
    }
    return period(small).size() <= 3 || is_run(small) || core(small).empty();
}

}  // namespace

std::optional<std::string> fold_email(std::string_view email) {
    const std::string_view text = trim(email);
    const auto at = text.rfind('@');
    if (text.size() > 254 || at == std::string_view::npos || at == 0 || at + 1 == text.size())
        return std::nullopt;
    const bool printable_ascii = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
    if (!printable_ascii || text.find('@') != at ||
        text.find_first_of("<>()[]\\,;:\"") != std::string_view::npos)
        return std::nullopt;
    return lower(text);
}

Status check_password(std::string_view password, std::string_view email) {
    const auto refuse = [](const char* why) {
        return fail(ErrorCode::invalid, std::string("the password ") + why);
    };
    if (!is_utf8(password) || password.find('\0') != std::string_view::npos)
        return refuse("is no text: it wants UTF-8");
    if (password.size() < kLeast)
        return refuse("is too short: it wants at least 12 characters; a few words are good");
    if (password.size() > kMost) return refuse("is too long: it may have up to 1,024 bytes");
    if (is_common(password))
        return refuse("is one of those that are tried first: choose a few words of your own");
    const std::string folded = lower(email);
    const std::string name = folded.substr(0, folded.find('@'));
    const std::string small = lower(password);
    if (!folded.empty() &&
        (small.find(folded) != std::string::npos ||
         (name.size() >= 4 && small.find(name) != std::string::npos && small.size() < name.size() + 8)))
        return refuse("is little more than the e-mail address");
    return {};
}

}  // namespace rushlight::accounts
