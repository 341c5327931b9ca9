#include "http/testing/nginx.h"

#include "base/fd.h"
#include "http/testing/load.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::http::testing {
namespace {

std::uint16_t free_port() {
    const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0 ||
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
        throw std::runtime_error("no free port");
    return ntohs(name.sin_port);
}

}  // namespace

Nginx::Nginx(std::string_view answer, int core) : port_(free_port()) {
    folder_ = (std::filesystem::temp_directory_path() / "rushlight_nginx_XXXXXX").string();
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
    std::ofstream(folder_ + "/answer.json") << answer;
    const std::string configuration = folder_ + "/nginx.conf";
    std::ofstream(configuration)
        << "daemon off; master_process off; worker_processes 1; pid " << folder_
        << "/pid; error_log stderr crit;\n"
        << "events { worker_connections 4096; }\n"
        << "http { access_log off; keepalive_requests 1000000000; sendfile on; open_file_cache max=16;\n"
        << "  default_type application/json; client_body_temp_path " << folder_ << "/b; proxy_temp_path "
        << folder_ << "/p; fastcgi_temp_path " << folder_ << "/f; uwsgi_temp_path " << folder_
        << "/u; scgi_temp_path " << folder_ << "/s;\n"
        << "  server { listen 127.0.0.1:" << port_ << "; root " << folder_ << "; } }\n";
    child_ = fork();
    if (child_ == 0) {
        pin_to_core(core);
        for (const char* program : {"nginx", "/usr/sbin/nginx"})  // sbin is not on everybody's path
            execlp(program, program, "-p", folder_.c_str(), "-c", configuration.c_str(), "-e", "stderr",
                   nullptr);
        _exit(127);
    }
    if (child_ < 0) throw std::runtime_error("cannot start nginx");
}

Nginx::~Nginx() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

double Nginx::cpu_seconds() const {
    std::ifstream file("/proc/" + std::to_string(child_) + "/schedstat");
    double nanos = 0;
    file >> nanos;
    return nanos / 1e9;
}

}  // namespace rushlight::http::testing
