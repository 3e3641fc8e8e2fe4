// The program: reads the command line and turns what goes wrong into one line and an exit status.
#include "cli.hpp"
#include "ranks.hpp"

#include <autodiff/version.hpp>

#include <csignal>
#include <new>

namespace {

constexpr int failed = 1, wrong_usage = 2;

int run(int argc, char** argv) {
  using namespace ramp::tool;
  CLI::App app("Ramp: reverse-mode automatic differentiation, tried out from a shell.", "ramp");
  app.set_version_flag("--version", "ramp " RAMP_VERSION, "Print the version and exit");
  app.get_formatter()->column_width(28);
  app.require_subcommand(0, 1);
  app.footer(
      "Examples:\n"
      "  ramp train --data spiral --layers 32,32 --out run\n"
      "  ramp train --data flowers.csv --target species --out run\n"
      "  ramp predict run/model.safetensors < more_flowers.csv\n"
      "  ramp graph --layers 2,4,1 --format svg > graph.svg\n"
      "  ramp ops\n"
      "  ramp kinks\n"
      "  ramp accuracy\n"
      "\n"
      "`ramp COMMAND --help` lists a command's options. Exit status: 0 if all went well, 1 if "
      "not,\n"
      "2 for a command line that makes no sense.");
  add_train(app);
  add_eval(app);
  add_predict(app);
  add_info(app);
  add_export(app);
  add_graph(app);
  add_ops(app);
  add_kinks(app);
  add_accuracy(app);
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty())
      throw CLI::ParseError(
          "give a command: train, eval, predict, info, export, graph, ops, kinks or accuracy",
          wrong_usage);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
  } catch (const CLI::CallForVersion& version) {
    print(fmt::format("{}\n", version.what()));
  } catch (const CLI::ParseError& error) {
    if (started_rank() == 0) complain(fmt::format("{} (see `ramp --help`)", error.what()));
    return wrong_usage;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ramp::tool;
  open_standard_streams();
  // A closed pipe and a file-size limit then are errors of write(), with a message.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const ReaderGone&) {
    return 0;
  } catch (const Silent&) {
    return failed;
  } catch (const Interrupted& interrupted) {
    return 128 + interrupted.signal;
  } catch (const std::bad_alloc&) {
    complain("out of memory");
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return failed;
}
