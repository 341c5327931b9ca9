// Runs the built `rushlight` as a person or a script would, for the tests of the whole.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

namespace rushlight::app::testing {

using nlohmann::json;

// A folder of its own for each test, removed afterwards.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + '/' + name; }
    std::string write(const std::string& name,
                      std::string_view content) const;  // makes folders; returns the path

  private:
    std::string path_;
};

struct Ran {
    int status = -1;  // exit status; 128 + signal where one ended it
    std::string out, err;

    std::vector<json> lines() const;  // each line of stdout as JSON; throws on anything else
};

struct Call {
    std::vector<std::string> arguments{};
    std::string input{};       // its standard input
    std::string input_from{};  // … or a file or folder to be it
    std::string output_to{};   // a file to be its standard output; kept by us where empty
    std::map<std::string, std::string> environment{};  // beside a bare one
    std::string folder{};                              // to run in; ours where empty
};

// A started program whose end is waited for.
class Running {
  public:
    explicit Running(const Call& call);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    void signal(int number) const;
    // Waits until it has printed so many lines; false where it ended before.
    bool wait_for_lines(std::size_t count) const;
    std::string output() const;  // so far
    Ran wait();

  private:
    Folder files_;
    pid_t pid_ = -1;
};

Ran run(const Call& call);
inline Ran run(std::vector<std::string> arguments) { return run(Call{.arguments = std::move(arguments)}); }

std::string read_file(const std::string& path);
std::string source_file(const std::string& name);  // in the repository
// A drawn scene, and the list on which some of them stand: as bytes.
std::string scene(const std::string& name = "spheres-01.jpg");
std::string practice_list();

}  // namespace rushlight::app::testing
