// routes: which of the program's requests is meant. A table of method and pattern that can be listed, so that
// tests and the API's description hold themselves against it.
//
//   Routes routes;
//   const auto show = routes.add(Method::get, "/api/v1/lists/{name}");
//   const auto found = routes.find(head.method, head.path);   // found.route == show, found.parameters[0] ==
//   "known"
//
// A pattern's part in braces takes one whole part of the path, percent-decoded; a last part {name...} takes
// the rest, decoded, its slashes kept. Text wins over a parameter. Paths with an empty, "." or ".." part
// (written plainly or escaped) match nothing, and neither do escapes that are broken or no UTF-8: so a
// parameter is never one of them. HEAD is answered by the route of GET where it has none of its own. Threads:
// add everything, then find() from any thread. find() takes time in proportion to the path's length.
#pragma once

#include "http/http.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::http {

class Routes {
  public:
    struct Route {
        Method method = Method::get;
        std::string pattern;
        std::vector<std::string> parameters;  // their names, in order
    };
    enum class Outcome {
        found,
        not_found,       // 404
        wrong_method,    // 405, with Allow
        options,         // OPTIONS on a path that is there: 204 with Allow
        unknown_method,  // 501: no method of ours at all
    };
    struct Found {
        Outcome outcome = Outcome::not_found;
        std::size_t route = 0;                // index into list(), where found
        std::vector<std::string> parameters;  // values, in the pattern's order
        std::string allow;                    // "GET, HEAD, OPTIONS"
    };

    Routes();
    Routes(Routes&&) noexcept;
    Routes& operator=(Routes&&) noexcept;
    ~Routes();

    // Returns its index. Two routes of the same method and shape, or a malformed pattern, are a bug:
    // std::logic_error.
    std::size_t add(Method method, std::string_view pattern);
    Found find(Method method, std::string_view path) const;
    const std::vector<Route>& list() const { return routes_; }

    // The answer for every outcome but `found`.
    static Response refusal(const Found& found);

  private:
    struct Node;
    std::vector<Route> routes_;
    std::unique_ptr<Node> root_;
};

}  // namespace rushlight::http
