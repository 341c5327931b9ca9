#include "cli/parse.h"

#include "base/text.h"
#include "cli/output.h"

#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>

#include <CLI/CLI.hpp>

#ifndef RUSHLIGHT_VERSION
#define RUSHLIGHT_VERSION "unknown"
#endif

namespace rushlight::cli {
namespace {

constexpr int kUsageError = 2;

using Sink = std::function<void(Command)>;

// Adds a subcommand whose options fill a value of type C; the value is handed to `sink` when the line was
// parsed.
template <class C, class Fill>
void add(CLI::App& parent, const std::string& name, const std::string& what, const std::string& example,
         const Sink& sink, Fill fill) {
    CLI::App* app = parent.add_subcommand(name, what);
    app->footer("Example:\n  " + example);
    auto value = std::make_shared<C>();
    fill(*app, *value);
    app->callback([value, sink] { sink(*value); });
}

CLI::Validator method_check() { return CLI::IsMember({"md5", "sha1", "sha256", "pdq", "vpdq", "photodna"}); }

// CLI11 takes a value like "[a,b]" for a list of its own and cuts it up, though a folder can be called so.
// Such arguments are marked before it reads them, and the mark is taken off before anything else looks at
// them.
constexpr char kAsTyped = '\x1f';

std::vector<std::string> marked(int argc, const char* const* argv) {
    std::vector<std::string> arguments;
    for (int i = argc - 1; i > 0; --i) {  // in CLI11's order: the last one first
        std::string argument = argv[i];
        if (argument.starts_with('[') || argument.starts_with(kAsTyped)) argument.insert(0, 1, kAsTyped);
        arguments.push_back(std::move(argument));
    }
    return arguments;
}

void take_marks_off(CLI::App& app) {
    for (CLI::Option* option : app.get_options({})) {
        option->transform(CLI::Validator(
            [](std::string& value) {
                if (value.starts_with(kAsTyped)) value.erase(0, 1);
                return std::string();
            },
            ""));
    }
    for (CLI::App* sub : app.get_subcommands({})) take_marks_off(*sub);
}

void add_list_commands(CLI::App& top, const Sink& sink) {
    CLI::App* list = top.add_subcommand("list", "Make, fill and look at hash lists");
    list->require_subcommand(1);
    list->footer("Example:\n  rushlight list import partners partners.csv");
    const auto name = [](CLI::App& app, std::string& into) {
        app.add_option("NAME", into, "The list's name")->required();
    };
    const auto which = "Which, where one value stands in the list under two methods";

    add<ListCreate>(
        *list, "create", "Make an empty list",
        "rushlight list create ours --category csam --threshold pdq=25", sink,
        [&](CLI::App& app, ListCreate& c) {
            name(app, c.name);
            app.add_option("--kind", c.kind, "known: looked for; negative: suppresses near matches")
                ->check(CLI::IsMember({"known", "negative"}));
            app.add_option("--category", c.category, "What its entries are, in your words");
            app.add_option("--source", c.source, "Where it comes from");
            app.add_option("--threshold", c.thresholds,
                           "pdq=BITS or vpdq=BITS, 0 to 63, or vpdq_share=PERCENT of a video's frames");
            app.add_option("--expires", c.expires, "Time after which the list no longer acts, RFC 3339");
        });
    add<ListImport>(
        *list, "import", "Read entries from a file; makes the list where there is none",
        "rushlight list import partners partners.csv", sink, [&](CLI::App& app, ListImport& c) {
            name(app, c.name);
            app.add_option("FILE", c.file, "The file; - is standard input")->required();
            app.add_option("--format", c.format, "Its format; found out where not given");
            app.add_option("--method", c.method, "What its bare hashes are")->check(method_check());
        });
    add<ListExport>(*list, "export", "Print a list in a form that `list import` reads back",
                    "rushlight list export ours > ours.csv", sink, [&](CLI::App& app, ListExport& c) {
                        name(app, c.name);
                        app.add_option("--format", c.format, "csv where not given; jsonl, as with --json")
                            ->check(CLI::IsMember({"csv", "jsonl"}));
                    });
    add<ListShow>(*list, "show", "Show all lists, or one", "rushlight list show", sink,
                  [](CLI::App& app, ListShow& c) { app.add_option("NAME", c.name, "The list's name"); });
    add<ListRemove>(*list, "remove", "Remove a list and its entries", "rushlight list remove old", sink,
                    [&](CLI::App& app, ListRemove& c) { name(app, c.name); });
    add<ListEntries>(*list, "entries", "Print a list's entries", "rushlight list entries ours --json", sink,
                     [&](CLI::App& app, ListEntries& c) { name(app, c.name); });
    add<ListAdd>(*list, "add", "Add single hashes",
                 "rushlight list add ours d41d8cd98f00b204e9800998ecf8427e --note \"from case 12\"", sink,
                 [&](CLI::App& app, ListAdd& c) {
                     name(app, c.name);
                     app.add_option("HASH", c.hashes, "The hashes")->required();
                     app.add_option("--method", c.method, "What they are; needed for 64 hexadecimal digits")
                         ->check(method_check());
                     app.add_option("--note", c.note, "A note kept with each");
                 });
    add<ListDrop>(*list, "drop", "Take single hashes out",
                  "rushlight list drop ours d41d8cd98f00b204e9800998ecf8427e", sink,
                  [&](CLI::App& app, ListDrop& c) {
                      name(app, c.name);
                      app.add_option("HASH", c.hashes, "The hashes")->required();
                      app.add_option("--method", c.method, which)->check(method_check());
                  });
    add<ListSet>(*list, "set", "Change the state of an entry",
                 "rushlight list set ours d41d8cd98f00b204e9800998ecf8427e --state quarantined --note "
                 "\"matches a logo\"",
                 sink, [&](CLI::App& app, ListSet& c) {
                     name(app, c.name);
                     app.add_option("HASH", c.hash, "The entry")->required();
                     app.add_option("--state", c.state,
                                    "active, quarantined (reported, never acted upon) or disabled")
                         ->required()
                         ->check(CLI::IsMember({"active", "quarantined", "disabled"}));
                     app.add_option("--note", c.note, "Why");
                     app.add_option("--method", c.method, which)->check(method_check());
                 });
}

void add_audit_commands(CLI::App& top, const Sink& sink) {
    CLI::App* audit = top.add_subcommand("audit", "The log of who did what, and its proof");
    audit->require_subcommand(1);
    audit->footer("Example:\n  rushlight audit verify");
    add<AuditVerify>(
        *audit, "verify", "Find any change of the log, or of an exported file",
        "rushlight audit verify export.jsonl --key audit.pub", sink, [](CLI::App& app, AuditVerify& c) {
            app.add_option("FILE", c.file, "An export; - is standard input; this log where not given");
            app.add_option("--key", c.key,
                           "The public key that has to have signed: 64 digits, or a file with them");
        });
    add<AuditExport>(*audit, "export", "Sign the log's end, and print it as JSON lines",
                     "rushlight audit export > export.jsonl", sink, [](CLI::App& app, AuditExport& c) {
                         app.add_option("--from", c.from, "The first entry's number; 1 where not given")
                             ->check(CLI::PositiveNumber);
                     });
}

void add_account_commands(CLI::App& top, const Sink& sink) {
    CLI::App* account = top.add_subcommand("account", "People who sign in");
    account->require_subcommand(1);
    account->footer("Example:\n  rushlight account create anna@example.org --role analyst");
    add<AccountCreate>(
        *account, "create", "Make an account",
        "rushlight account create anna@example.org --role analyst --role reviewer --password-file "
        "password.txt",
        sink, [](CLI::App& app, AccountCreate& c) {
            app.add_option("EMAIL", c.email, "Their e-mail address")->required();
            app.add_option("--role", c.roles,
                           "viewer, analyst, reviewer, reporter, steward, responder or admin")
                ->required()
                ->allow_extra_args(false)
                ->check(CLI::IsMember(
                    {"viewer", "analyst", "reviewer", "reporter", "steward", "responder", "admin"}));
            app.add_option("--password-file", c.password_file,
                           "A file whose first line is the password; - is standard input; a one-time token "
                           "instead where not given");
        });
    add<AccountReset>(*account, "reset", "Make a one-time token with which a person sets a new password",
                      "rushlight account reset anna@example.org", sink, [](CLI::App& app, AccountReset& c) {
                          app.add_option("EMAIL", c.email, "Their e-mail address")->required();
                          app.add_flag("--second-factor", c.second_factor,
                                       "Using it takes the second factor off, too");
                      });
    CLI::App* key = top.add_subcommand("key", "API keys of programs");
    key->require_subcommand(1);
    key->footer("Example:\n  rushlight key create uploads --scope check");
    add<KeyCreate>(*key, "create", "Make a key; it is shown once",
                   "rushlight key create uploads --scope check", sink, [](CLI::App& app, KeyCreate& c) {
                       app.add_option("NAME", c.name, "What it is for")->required();
                       app.add_option("--scope", c.scopes, "check, lists, scans, cases, read or admin")
                           ->required()
                           ->allow_extra_args(false)
                           ->check(CLI::IsMember({"check", "lists", "scans", "cases", "read", "admin"}));
                       app.add_option("--expires", c.expires, "When it ends, RFC 3339");
                   });
    add<KeyList>(*key, "list", "Show all keys, without their secrets", "rushlight key list", sink,
                 [](CLI::App&, KeyList&) {});
    add<KeyRevoke>(
        *key, "revoke", "Make a key useless", "rushlight key revoke 0123456789abcdef", sink,
        [](CLI::App& app, KeyRevoke& c) { app.add_option("ID", c.id, "As key list shows it")->required(); });
    CLI::App* vault = top.add_subcommand("vault", "The key file that everything sealed hangs on");
    vault->require_subcommand(1);
    vault->footer("Example:\n  rushlight vault new-key");
    add<VaultNewKey>(*vault, "new-key", "Seal all that comes from now on with a new key",
                     "rushlight vault new-key", sink, [](CLI::App& app, VaultNewKey& c) {
                         app.add_flag("--accept-loss", c.accept_loss,
                                      "The key file is gone for good: give up what was sealed with it");
                     });
}

std::unique_ptr<CLI::App> make_app(Common& common, const Sink& sink) {
    auto top = std::make_unique<CLI::App>("Rushlight finds known abuse material.", "rushlight");
    top->require_subcommand(1);
    top->fallthrough();  // --data and --json may stand before or after the command
    top->add_option("--data", common.data,
                    "The one folder that holds everything (RUSHLIGHT_DATA, else ./var)");
    top->add_option("--store", common.store,
                    "postgresql://user@host/db instead of the folder's own database");
    top->add_flag("--json", common.json, "One JSON object a line, for programs");
    top->add_flag("--allow-weak-sandbox", common.allow_weak_sandbox,
                  "Read untrusted files although this kernel can't contain the reader");

    add<ScanCommand>(
        *top, "scan",
        "Check pictures and videos in folders, archives, web archives and behind links against hash lists",
        "rushlight scan uploads/ https://example.org/photo.jpg --list partners.csv", sink,
        [](CLI::App& app, ScanCommand& c) {
            app.add_option("TARGET", c.targets,
                           "Folders, files and http(s) links; - reads them from standard input")
                ->required();
            app.add_flag("-0,--null", c.nul_separated,
                         "Paths on standard input end with NUL, not with a newline");
            app.add_option("--list", c.lists,
                           "A stored list, or a file (a value with / or .); all active lists where not given")
                ->allow_extra_args(false);
            app.add_option("--method", c.method, "What the bare hashes of list files are")
                ->check(method_check());
            app.add_option("--workers", c.workers, "Items read at once; the number of cores where not given")
                ->check(CLI::Range(1, 256));
            app.add_option("--allow-target", c.allowed_targets,
                           "HOST:PORT of links that may lead to an address that is not public")
                ->allow_extra_args(false);
            app.add_flag("--again", c.again, "Read again what an earlier scan has done");
            app.add_flag("--fail-on-match", c.fail_on_match, "Exit with 3 where anything matched");
        });
    add<HashCommand>(*top, "hash", "Print fingerprints of pictures and videos",
                     "rushlight hash photo.jpg --dihedral", sink, [](CLI::App& app, HashCommand& c) {
                         app.add_option("PATH", c.paths, "Files")->required();
                         app.add_flag("--dihedral", c.dihedral,
                                      "Also the hashes of the turned and mirrored picture");
                     });
    add<MatchCommand>(*top, "match", "Look up hashes in lists",
                      "rushlight match --list partners.csv --explain - < hashes.txt", sink,
                      [](CLI::App& app, MatchCommand& c) {
                          app.add_option("HASH", c.hashes,
                                         "Hashes; - (or none) reads them from standard input, one a line");
                          app.add_option("--list", c.lists, "A stored list, or a file (a value with / or .)")
                              ->required()
                              ->allow_extra_args(false);
                          app.add_option("--threshold", c.threshold,
                                         "Distance for PDQ, instead of each list's own")
                              ->check(CLI::Range(0, 63));
                          app.add_option("--method", c.method,
                                         "What the hashes are; 64 hexadecimal digits are PDQ where not said")
                              ->check(method_check());
                          app.add_flag("--explain", c.explain, "Say how each answer was reached");
                      });
    add_list_commands(*top, sink);
    add_audit_commands(*top, sink);
    add_account_commands(*top, sink);
    add<ServeCommand>(*top, "serve", "Answer checks over HTTP, with the console",
                      "rushlight serve --listen 127.0.0.1:8080", sink, [](CLI::App& app, ServeCommand& c) {
                          app.add_option("--listen", c.listen, "ADDRESS:PORT; port 0 is any free one");
                          app.add_option("--allow-target", c.allowed_targets,
                                         "HOST:PORT that may lead to an address that is not public")
                              ->allow_extra_args(false);
                          app.add_flag("--practice", c.practice,
                                       "With the practice world; nothing outside it can be reached then");
                      });
    add<PracticeCommand>(
        *top, "practice", "Run the practice world: websites, names and a webhook receiver on this machine",
        "rushlight practice --seed 7", sink, [](CLI::App& app, PracticeCommand& c) {
            app.add_option("--seed", c.seed, "Which pictures are shown where, under which names");
            app.add_option("--speed", c.speed, "How fast its time passes: 3600 is an hour a second")
                ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
        });
    add<BackupCommand>(*top, "backup", "Put one state of everything into one file, while a server runs, too",
                       "rushlight backup /media/stick/monday.rushlight", sink,
                       [](CLI::App& app, BackupCommand& c) {
                           app.add_option("FILE", c.file, "The file to make")->required();
                           app.add_flag("--without-keys", c.without_keys,
                                        "Leave the key file out; keep a copy of it elsewhere");
                           app.add_flag("--force", c.force, "Replace the file where it is there");
                       });
    add<RestoreCommand>(
        *top, "restore", "Bring a backup back, while a server runs, too",
        "rushlight restore /media/stick/monday.rushlight --data new/", sink,
        [](CLI::App& app, RestoreCommand& c) {
            app.add_option("FILE", c.file, "The backup")->required();
            app.add_flag("--force", c.force, "Replace what is there; that is kept as a backup of its own");
            app.add_flag("--without-keys", c.without_keys, "Though the keys that it needs are not here yet");
        });
    CLI::App* receipt = top->add_subcommand("receipt", "Signed receipts of checks");
    receipt->require_subcommand(1);
    receipt->footer("Example:\n  rushlight receipt verify receipt.json --key var/keys/receipt.pub");
    add<ReceiptVerify>(*receipt, "verify", "Tell whether a receipt is what was signed",
                       "rushlight receipt verify receipt.json --key var/keys/receipt.pub", sink,
                       [](CLI::App& app, ReceiptVerify& c) {
                           app.add_option("FILE", c.file, "The receipt")->required();
                           app.add_option("--key", c.key,
                                          "The operator's public key, or a file that holds it");
                       });
    add<LinkCommand>(*top, "link", "Show how a link is read: its parts, as browsers see them",
                     "rushlight link '../b?q' --base https://example.com/a/", sink,
                     [](CLI::App& app, LinkCommand& c) {
                         app.add_option("LINK", c.link, "The link")->required();
                         app.add_option("--base", c.base, "What it is relative to");
                     });
    CLI::App* config = top->add_subcommand("config", "Settings");
    config->require_subcommand(1);
    config->footer("Example:\n  rushlight config check");
    add<ConfigCheck>(*config, "check", "Name what is wrong in the settings, with its line",
                     "rushlight config check", sink, [](CLI::App&, ConfigCheck&) {});
    add<Doctor>(*top, "doctor", "Try what this machine may lack, and say what to do", "rushlight doctor",
                sink, [](CLI::App&, Doctor&) {});
    add<Completion>(*top, "completion", "Print a completion script",
                    "rushlight completion bash > /etc/bash_completion.d/rushlight", sink,
                    [](CLI::App& app, Completion& c) {
                        app.add_option("SHELL", c.shell, "bash, zsh or fish")
                            ->required()
                            ->check(CLI::IsMember({"bash", "zsh", "fish"}));
                    });
    add<Version>(*top, "version", "Print the version", "rushlight version", sink, [](CLI::App&, Version&) {});
    top->set_version_flag("--version", version_line(), "Print the version");
    take_marks_off(*top);
    return top;
}

using Paths = std::vector<std::pair<std::string, const CLI::App*>>;

// "list create" → its definition, for each command and each group of commands.
void collect(const CLI::App& app, const std::string& prefix, Paths& out) {
    for (const CLI::App* sub : app.get_subcommands({})) {
        const std::string path = prefix.empty() ? sub->get_name() : prefix + ' ' + sub->get_name();
        out.emplace_back(path, sub);
        collect(*sub, path, out);
    }
}

std::string words_after(const CLI::App& app, const CLI::App& top) {
    std::string words;
    for (const CLI::App* sub : app.get_subcommands({})) words += sub->get_name() + ' ';
    std::set<std::string> options;
    for (const CLI::App* from : {&app, &top}) {
        for (const CLI::Option* option : from->get_options()) {
            for (const std::string& name : option->get_lnames()) options.insert("--" + name);
        }
    }
    for (const std::string& option : options) words += option + ' ';
    if (!words.empty()) words.pop_back();
    return words;
}

void write_fish(const Paths& commands, std::ostream& out) {
    for (const auto& [path, sub] : commands) {
        const auto space = path.rfind(' ');
        out << "complete -c rushlight -n '"
            << (space == std::string::npos ? "__fish_use_subcommand"
                                           : "__fish_seen_subcommand_from " + path.substr(0, space))
            << "' -a " << sub->get_name() << " -d '" << sub->get_description() << "'\n";
        for (const CLI::Option* option : sub->get_options()) {
            for (const std::string& name : option->get_lnames()) {
                out << "complete -c rushlight -n '__fish_seen_subcommand_from " << sub->get_name() << "' -l "
                    << name << '\n';
            }
        }
    }
}

void write_bash(const Paths& commands, const CLI::App& top, std::ostream& out) {
    out << "_rushlight() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} path= word\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        case $word in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
           "    done\n"
           "    case $path in\n"
           "        '') mapfile -t COMPREPLY < <(compgen -W '"
        << words_after(top, top) << "' -- \"$cur\") ;;\n";
    for (auto it = commands.rbegin(); it != commands.rend(); ++it) {  // the longest path first
        out << "        '" << it->first << "'*) mapfile -t COMPREPLY < <(compgen -W '"
            << words_after(*it->second, top) << "' -- \"$cur\"; compgen -f -- \"$cur\") ;;\n";
    }
    out << "    esac\n}\ncomplete -o filenames -F _rushlight rushlight\n";
}

}  // namespace

std::string version_line() { return "rushlight " RUSHLIGHT_VERSION; }

std::variant<Parsed, int> parse(int argc, const char* const* argv) {
    Parsed parsed;
    const auto app =
        make_app(parsed.common, [&parsed](Command command) { parsed.command = std::move(command); });
    try {
        app->parse(marked(argc, argv));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            std::ostringstream text;  // the help or the version
            app->exit(error, text, text);
            print_line(trim(text.str()));
            return 0;
        }
        std::cerr << "rushlight: " << error.what() << "\nSee: rushlight";
        for (const CLI::App* sub = app.get(); !sub->get_subcommands().empty();) {
            sub = sub->get_subcommands().front();
            std::cerr << ' ' << sub->get_name();
        }
        std::cerr << " --help\n";
        return kUsageError;
    }
    return parsed;
}

std::string completion_script(const std::string& shell) {
    Common common;
    const auto app = make_app(common, [](Command) {});
    Paths commands;
    collect(*app, "", commands);
    std::ostringstream out;
    if (shell == "fish") {
        write_fish(commands, out);
    } else {
        // zsh runs bash's completion functions once bashcompinit is loaded.
        if (shell == "zsh") out << "#compdef rushlight\nautoload -U +X bashcompinit && bashcompinit\n";
        write_bash(commands, *app, out);
    }
    return out.str();
}

}  // namespace rushlight::cli
