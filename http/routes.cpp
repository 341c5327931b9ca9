#include "http/routes.h"

#include "base/text.h"
#include "http/query.h"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

namespace rushlight::http {
namespace {

constexpr std::size_t kMethods = 7;  // those with a name of their own
constexpr std::size_t kMostParts = 32;

// The parts of a path behind its leading slash; empty where the path can't be one of ours.
std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    if (!path.starts_with('/')) return parts;
    for (const auto part : split(path.substr(1), '/')) {
        auto decoded = percent_decode(part);
        if (!decoded || *decoded == "." || *decoded == ".." || parts.size() == kMostParts) return {};
        parts.push_back(std::move(*decoded));
    }
    for (std::size_t i = 0; i + 1 < parts.size(); ++i)  // a last empty part is a path that ends with a slash
        if (parts[i].empty()) return {};
    return parts;
}

}  // namespace

struct Routes::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> texts;
    std::unique_ptr<Node> parameter;
    std::unique_ptr<Node> rest;
    std::array<std::int32_t, kMethods> routes{-1, -1, -1, -1, -1, -1, -1};

    bool ends_here() const {
        return std::any_of(routes.begin(), routes.end(), [](auto route) { return route >= 0; });
    }

    const Node* find(const std::vector<std::string>& parts, std::size_t at,
                     std::vector<std::string>& values) const {
        if (at == parts.size()) return ends_here() ? this : nullptr;
        if (const auto text = texts.find(parts[at]); text != texts.end())
            if (const auto* found = text->second->find(parts, at + 1, values)) return found;
        if (parameter && !parts[at].empty()) {
            values.push_back(parts[at]);
            if (const auto* found = parameter->find(parts, at + 1, values)) return found;
            values.pop_back();
        }
        if (rest && !parts[at].empty()) {
            std::string value = parts[at];
            for (std::size_t i = at + 1; i < parts.size(); ++i) value += "/" + parts[i];
            values.push_back(std::move(value));
            return rest.get();
        }
        return nullptr;
    }
};

Routes::Routes() : root_(std::make_unique<Node>()) {}
Routes::Routes(Routes&&) noexcept = default;
Routes& Routes::operator=(Routes&&) noexcept = default;
Routes::~Routes() = default;

std::size_t Routes::add(Method method, std::string_view pattern) {
    const auto wrong = [&](const char* why) {
        return std::logic_error("route " + std::string(pattern) + ": " + why);
    };
    if (!pattern.starts_with('/')) throw wrong("a pattern begins with /");
    if (static_cast<std::size_t>(method) >= kMethods) throw wrong("no method");
    Route route{.method = method, .pattern = std::string(pattern), .parameters = {}};
    Node* node = root_.get();
    const auto parts = split(pattern.substr(1), '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto part = parts[i];
        std::unique_ptr<Node>* next = nullptr;
        if (part.starts_with('{') && part.ends_with('}') && part.size() > 2) {
            auto name = part.substr(1, part.size() - 2);
            const bool takes_rest = name.ends_with("...");
            if (takes_rest && i + 1 < parts.size()) throw wrong("only the last part takes the rest");
            if (takes_rest) name.remove_suffix(3);
            route.parameters.emplace_back(name);
            next = takes_rest ? &node->rest : &node->parameter;
        } else {
            if (part.find_first_of("{}%") != std::string_view::npos) throw wrong("braces hold a whole part");
            next = &node->texts[std::string(part)];
        }
        if (!*next) *next = std::make_unique<Node>();
        node = next->get();
    }
    auto& place = node->routes[static_cast<std::size_t>(method)];
    if (place >= 0) throw wrong("is there already");
    place = static_cast<std::int32_t>(routes_.size());
    routes_.push_back(std::move(route));
    return routes_.size() - 1;
}

Routes::Found Routes::find(Method method, std::string_view path) const {
    Found found;
    if (method == Method::other) {
        found.outcome = Outcome::unknown_method;
        return found;
    }
    const auto parts = parts_of(path);
    const Node* node = parts.empty() ? nullptr : root_->find(parts, 0, found.parameters);
    if (node == nullptr) {
        found.parameters.clear();
        return found;
    }
    auto route = node->routes[static_cast<std::size_t>(method)];
    if (route < 0 && method == Method::head) route = node->routes[static_cast<std::size_t>(Method::get)];
    if (route >= 0) {
        found.outcome = Outcome::found;
        found.route = static_cast<std::size_t>(route);
        return found;
    }
    found.parameters.clear();
    found.outcome = method == Method::options ? Outcome::options : Outcome::wrong_method;
    for (std::size_t i = 0; i < kMethods; ++i) {
        const auto offered = static_cast<Method>(i);
        const bool is_there =
            node->routes[i] >= 0 || offered == Method::options ||
            (offered == Method::head && node->routes[static_cast<std::size_t>(Method::get)] >= 0);
        if (!is_there) continue;
        if (!found.allow.empty()) found.allow += ", ";
        found.allow += to_string(offered);
    }
    return found;
}

Response Routes::refusal(const Found& found) {
    switch (found.outcome) {
        case Outcome::options:
            return Response::empty(204).with("Allow", found.allow);
        case Outcome::wrong_method:
            return problem(405, "this address takes " + found.allow).with("Allow", found.allow);
        case Outcome::unknown_method:
            return problem(501, "this method is not known here");
        case Outcome::found:
        case Outcome::not_found:
            break;
    }
    return problem(404, "there is nothing at this address");
}

}  // namespace rushlight::http
