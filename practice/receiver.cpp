#include "practice/receiver.h"

#include "base/text.h"
#include "http/query.h"
#include "practice/deliveries.h"
#include "practice/page.h"
#include "practice/site.h"

#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::practice {
namespace {

using http::Method;
using http::Plan;
using http::Response;

constexpr std::uint64_t kMostBody = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostForm = 4096;
constexpr std::array kAnswers{204, 410, 500, 503};

struct State {
    const Clock& clock;
    Deliveries deliveries{};
    std::atomic<int> answer{204};
};

Response text(int status, std::string words) {
    return guarded(Response::text(status, std::move(words) + "\n"));
}

std::string in_words(Signature signature) {
    switch (signature) {
        case Signature::none:
            return "<span class=\"bad\">no signature</span>";
        case Signature::unchecked:
            return "signature not checked: no secret was given";
        case Signature::good:
            return "signature good";
        case Signature::bad:
            return "<span class=\"bad\">signature bad: made with none of the secrets given here</span>";
    }
    return {};
}

std::string article(const Deliveries::Seen& seen) {
    const Delivery& delivery = seen.delivery;
    std::string html = "<article>\n<h2>" + std::to_string(delivery.number) + ". " +
                       escaped(delivery.header("Rushlight-Type")) + "</h2>\n<p>" + delivery.at.rfc3339() +
                       ", " + in_words(seen.signature) + ", answered " + std::to_string(delivery.answered) +
                       "</p>\n<details><summary>Headers</summary><table>\n";
    for (const auto& [name, value] : delivery.headers)
        html += "<tr><th>" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
    return html + "</table></details>\n<pre>" + escaped(delivery.body) + "</pre>\n</article>\n";
}

Response show(const State& state) {
    const int now = state.answer;
    std::string html =
        "<p>Make a webhook to this address in the console, and what Rushlight sends stands here, the newest "
        "first. "
        "<a href=\"/hooks\">Look again</a></p>\n<form method=\"post\" action=\"/secret\"><label>The "
        "webhook's secret, "
        "to check its signatures: <input name=\"secret\" autocomplete=\"off\" required></label> <button>Use "
        "it</button> Given so far: " +
        std::to_string(state.deliveries.secrets()) +
        "</form>\n<form method=\"post\" action=\"/answer\"><label>Answer the next ones with <select "
        "name=\"status\">";
    for (const int status : kAnswers) {
        html += "<option" + std::string(status == now ? " selected" : "") + ">" + std::to_string(status) +
                "</option>";
    }
    html += "</select></label> <button>Do so</button></form>\n";
    const auto seen = state.deliveries.newest_first();
    if (seen.empty()) html += "<p>Nothing has come yet.</p>\n";
    for (const auto& one : seen) html += article(one);
    return page("What came by webhook", html);
}

Response as_json(const State& state) {
    auto items = nlohmann::ordered_json::array();
    for (const auto& [delivery, signature] : state.deliveries.newest_first()) {
        auto headers = nlohmann::ordered_json::object();
        for (const auto& [name, value] : delivery.headers) headers[to_utf8(name)] = to_utf8(value);
        items.push_back({{"number", delivery.number},
                         {"at", delivery.at.rfc3339()},
                         {"type", to_utf8(delivery.header("Rushlight-Type"))},
                         {"event", to_utf8(delivery.header("Rushlight-Event"))},
                         {"signature", to_string(signature)},
                         {"answered", delivery.answered},
                         {"headers", headers},
                         {"body", to_utf8(delivery.body)}});
    }
    return guarded(Response::json(200, nlohmann::ordered_json{{"items", items}}.dump()));
}

Response take(State& state, http::Request& request) {
    Delivery delivery{
        .number = 0, .at = state.clock.now(), .answered = state.answer, .headers = {}, .body = {}};
    for (const auto& [name, value] : request.head.headers) delivery.headers.emplace_back(name, value);
    delivery.body = std::move(request.body);
    const int status = delivery.answered;
    state.deliveries.add(std::move(delivery));
    return guarded(Response::empty(status));
}

Response form(State& state, const http::Request& request) {
    const auto fields = http::Query::parse(request.body);
    if (!fields) return text(400, fields.error().message);
    if (request.head.path == "/secret") {
        if (auto added = state.deliveries.add_secret(fields->get("secret").value_or("")); !added)
            return text(422, added.error().message);
    } else {
        const auto status = parse_integer(fields->get("status").value_or(""));
        bool known = false;
        for (const int one : kAnswers) known = known || (status && *status == one);
        if (!known) return text(422, "the answer has to be 204, 410, 500 or 503");
        state.answer = static_cast<int>(*status);
    }
    return guarded(Response::empty(303).with("Location", "/hooks"));
}

bool is_ours(std::string_view host, std::string_view origin) {
    const std::string_view name = host.substr(0, host.find(':'));
    if (name != "127.0.0.1" && name != "localhost") return false;
    return origin.empty() || origin == "http://" + std::string(host);
}

Plan plan(const std::shared_ptr<State>& state, const http::RequestHead& head) {
    const bool reads = head.method == Method::get || head.method == Method::head;
    const bool is_form = head.path == "/secret" || head.path == "/answer";
    if (!is_ours(head.header("Host"), is_form ? head.header("Origin") : ""))
        return Plan::refuse(text(403, "This is for people and programs of this machine."));
    if (head.path == "/" && reads)
        return Plan::refuse(guarded(Response::empty(302).with("Location", "/hooks")));
    if (head.path == kStylePath && reads) return Plan::refuse(style());
    if (head.path != "/hooks" && !is_form) return Plan::refuse(text(404, "There is no such page here."));
    if (reads && !is_form) {
        const bool json = head.header("Accept").find("application/json") != std::string_view::npos;
        return Plan::worker([state, json](http::Request&, http::Responder answer) {
            answer.send(json ? as_json(*state) : show(*state));
        });
    }
    if (head.method != Method::post)
        return Plan::refuse(guarded(Response::text(405, "Only that is not possible here.\n")
                                        .with("Allow", is_form ? "POST" : "GET, HEAD, POST")));
    if (is_form)
        return Plan::worker(
            [state](http::Request& request, http::Responder answer) { answer.send(form(*state, request)); },
            kMostForm);
    return Plan::inline_(
        [state](http::Request& request, http::Responder answer) { answer.send(take(*state, request)); },
        kMostBody);
}

}  // namespace

Result<Receiver> Receiver::start(const Clock& clock, std::uint16_t port) {
    auto state = std::make_shared<State>(clock);
    auto server = serve_near(port, 1, [state](const http::RequestHead& head) { return plan(state, head); });
    if (!server) return pass(server.error());
    return Receiver(std::move(*server));
}

}  // namespace rushlight::practice
