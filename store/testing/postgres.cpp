#include "store/testing/postgres.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::store::testing {
namespace {

constexpr const char* kUser = "rushlight";

// The newest version's programs.
std::string find_programs() {
    namespace fs = std::filesystem;
    int newest = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
        const int version = std::atoi(entry.path().filename().c_str());
        if (fs::exists(entry.path() / "bin/initdb", error) &&
            fs::exists(entry.path() / "bin/postgres", error))
            newest = std::max(newest, version);
    }
    if (newest == 0)
        throw std::runtime_error(
            "these tests need PostgreSQL's server, and there is none in /usr/lib/postgresql: apt-get install "
            "postgresql");
    return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin/";
}

struct Person {
    uid_t uid = 0;
    gid_t gid = 0;
};

// PostgreSQL refuses to run as root.
Person unprivileged() {
    if (::geteuid() != 0) return {::geteuid(), ::getegid()};
    for (const char* name : {"postgres", "nobody"})
        if (const passwd* found = ::getpwnam(name)) return {found->pw_uid, found->pw_gid};
    throw std::runtime_error("there is neither a user postgres nor a user nobody to run PostgreSQL as");
}

// In a forked process: becomes the program, with its talk in `log`.
[[noreturn]] void become(const std::vector<std::string>& words, const Person& person,
                         const std::string& log) {
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (out >= 0) {
        ::dup2(out, 1);
        ::dup2(out, 2);
    }
    if (::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(person.gid) != 0 || ::setuid(person.uid) != 0))
        ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // should even the guardian be killed
    ::setenv("LC_ALL", "C", 1);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

pid_t start(const std::vector<std::string>& words, const Person& person, const std::string& log) {
    const pid_t child = ::fork();
    if (child == 0) become(words, person, log);
    return child;
}

void wait_for(pid_t child) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// The guardian: makes the cluster, runs the server until `lifeline` breaks, and clears up.
[[noreturn]] void guard(const std::string& programs, const Person& person, const std::string& folder,
                        int lifeline) {
    ::setsid();  // Ctrl-C is for the tests
    const std::string log = folder + "/log";
    wait_for(start({programs + "initdb", "-D", folder + "/data", "-U", kUser, "-A", "trust", "-E", "UTF8",
                    "--locale=C.UTF-8", "--no-sync"},
                   person, log));
    const pid_t server =
        start({programs + "postgres", "-D", folder + "/data",    //
               "-c", "listen_addresses=",                        //
               "-c", "unix_socket_directories=" + folder,        //
               "-c", "fsync=off", "-c", "full_page_writes=off",  // a machine's crash loses nothing of worth
               "-c", "shared_buffers=64MB", "-c", "max_connections=100", "-c", "jit=off"},
              person, log);
    char byte = 0;
    while (::read(lifeline, &byte, 1) < 0 && errno == EINTR) {
    }
    if (server > 0) {
        ::kill(server, SIGQUIT);
        wait_for(server);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    ::_exit(0);
}

using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

}  // namespace

PostgresServer& PostgresServer::shared() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer() {
    const std::string programs = find_programs();
    const Person person = unprivileged();
    folder_ = "/tmp/rushlight-pg-XXXXXX";  // a socket's path may have 107 bytes at most
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("cannot make a folder in /tmp");
    if (::geteuid() == 0 && ::chown(folder_.c_str(), person.uid, person.gid) != 0)
        throw std::runtime_error("cannot give " + folder_ + " to PostgreSQL's user");
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    guardian_ = ::fork();
    if (guardian_ == 0) {
        ::close(ends[1]);
        guard(programs, person, folder_, ends[0]);
    }
    ::close(ends[0]);
    lifeline_ = Fd(ends[1]);

    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const std::string postgres = address("postgres");
    while (::PQping(postgres.c_str()) != PQPING_OK) {
        if (std::chrono::steady_clock::now() > until) {
            std::filesystem::copy_file(folder_ + "/log", "/tmp/rushlight-pg.log",
                                       std::filesystem::copy_options::overwrite_existing);
            throw std::runtime_error("PostgreSQL did not start within 60 s: see /tmp/rushlight-pg.log");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    execute("CREATE DATABASE rushlight_template");
}

PostgresServer::~PostgresServer() {
    lifeline_.reset();
    wait_for(guardian_);
}

std::string PostgresServer::address(const std::string& database) const {
    return std::string("postgresql://") + kUser + "@/" + database + "?host=" + folder_;
}

void PostgresServer::execute(const std::string& sql) {
    const Connection connection(::PQconnectdb(address("postgres").c_str()), ::PQfinish);
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(::PQexec(connection.get(), sql.c_str()),
                                                                ::PQclear);
    if (::PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        throw std::runtime_error(sql + ": " + ::PQerrorMessage(connection.get()));
}

std::string PostgresServer::create_database() {
    std::string name = "test_" + std::to_string(++databases_);
    execute("CREATE DATABASE " + name + " TEMPLATE rushlight_template STRATEGY file_copy");
    return name;
}

void PostgresServer::drop_database(const std::string& name) {
    execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
}

}  // namespace rushlight::store::testing
