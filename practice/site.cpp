#include "practice/site.h"

#include "practice/page.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

namespace rushlight::practice {
namespace {

using http::Response;

class Content {
  public:
    Content(const SitePlan& plan, const Neighbours& neighbours, const Clock& clock)
        : plan_(plan), neighbours_(neighbours), clock_(clock), start_(clock.now()) {
        for (const Album& album : plan_.albums) {
            albums_.emplace(album.path, &album);
            for (const PlannedPicture& picture : album.pictures)
                pictures_.emplace(picture.path, Shown{&album, &picture});
        }
    }

    Response answer(std::string_view path, std::string_view host) const {
        if (path == "/")
            return home(host.ends_with(".test") || host.find(".test:") != std::string_view::npos);
        if (path == kStylePath) return style();
        if (path == "/robots.txt") return guarded(Response::text(200, "User-agent: *\nDisallow:\n"));
        if (path == "/newest") return redirect(newest());
        if (path == "/inside") return redirect("http://10.0.0.7/");
        if (const auto it = albums_.find(path); it != albums_.end() && is_there(*it->second))
            return show(*it->second);
        if (const auto it = pictures_.find(path); it != pictures_.end() && is_there(*it->second.album)) {
            Response response = Response::empty(200);
            response.shared = it->second.picture->scene->bytes;
            response.set("Content-Type", it->second.picture->scene->type);
            return guarded(std::move(response));
        }
        return guarded(Response::text(404, "There is no such page here.\n"));
    }

  private:
    struct Shown {
        const Album* album;
        const PlannedPicture* picture;
    };

    bool is_there(const Album& album) const { return clock_.now() - start_ >= album.after; }

    static Response redirect(const std::string& to) {
        return guarded(Response::empty(302).with("Location", to));
    }

    std::string newest() const {
        std::string path = "/";
        for (const Album& album : plan_.albums) {
            if (is_there(album)) path = album.pictures.front().path;
        }
        return path;
    }

    // A browser that came by the address can't follow names, and who came by the name should not be led away.
    Response home(bool by_name) const {
        std::string content = "<p>" + escaped(plan_.about) + "</p>\n<ul>\n";
        for (const Album& album : plan_.albums) {
            if (!is_there(album)) continue;
            content += "<li><a href=\"" + album.path + "\">" + escaped(album.title) + "</a>, day " +
                       std::to_string(1 + album.after / std::chrono::hours(24)) + "</li>\n";
        }
        content += "</ul>\n<p>Others:";
        for (const Neighbours::Link& link : neighbours_.get()) {
            content += " <a href=\"" + escaped(by_name ? link.url : link.address) + "\">" +
                       escaped(link.title) + "</a>";
        }
        content += "</p>\n<p>Everything here is drawn by a program, for practice.</p>\n";
        return page(plan_.title, content);
    }

    Response show(const Album& album) const {
        std::string content;
        for (const PlannedPicture& picture : album.pictures) {
            const bool moves = picture.scene->type.starts_with("video/");
            content += "<figure><a href=\"" + picture.path + "\">";
            content += moves ? "A clip"
                             : "<img src=\"" + picture.path + "\" alt=\"" + escaped(picture.caption) + "\">";
            content += "</a><figcaption>" + escaped(picture.caption) + "</figcaption></figure>\n";
        }
        const auto here = static_cast<std::size_t>(&album - plan_.albums.data());
        content += "<p><a href=\"/\">All albums</a>";
        if (here + 1 < plan_.albums.size() && is_there(plan_.albums[here + 1]))
            content += " <a href=\"" + plan_.albums[here + 1].path + "\">The next one</a>";
        return page(album.title, content + "</p>\n");
    }

    const SitePlan& plan_;
    const Neighbours& neighbours_;
    const Clock& clock_;
    const Time start_;
    std::map<std::string, const Album*, std::less<>> albums_;
    std::map<std::string, Shown, std::less<>> pictures_;
};

}  // namespace

Result<http::Server> serve_near(std::uint16_t port, int workers, const http::Handler& handler) {
    http::Options options{.listen = "127.0.0.1:" + std::to_string(port), .io_threads = 1, .workers = workers};
    auto server = http::Server::start(options, handler);
    if (server || port == 0) return server;
    options.listen = "127.0.0.1:0";
    return http::Server::start(options, handler);
}

Result<SiteServer> SiteServer::start(const SitePlan& plan, const Neighbours& neighbours, const Clock& clock,
                                     std::uint16_t port) {
    auto content = std::make_shared<const Content>(plan, neighbours, clock);
    auto server = serve_near(port, 1, [content](const http::RequestHead& head) {
        if (head.method != http::Method::get && head.method != http::Method::head)
            return http::Plan::refuse(
                guarded(Response::text(405, "Only reading is possible here.\n").with("Allow", "GET, HEAD")));
        return http::Plan::inline_([content](http::Request& request, http::Responder answer) {
            answer.send(content->answer(request.head.path, request.head.header("Host")));
        });
    });
    if (!server) return pass(server.error());
    return SiteServer(std::move(*server));
}

}  // namespace rushlight::practice
