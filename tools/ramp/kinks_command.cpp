#include "cli.hpp"
#include "kinks.hpp"

namespace ramp::tool {

void add_kinks(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "kinks", "Print what each spelling of ReLU gives at its kink, as Markdown");
  command->footer("Example:\n  ramp kinks");
  command->callback([] { print(kink_table()); });
}

}  // namespace ramp::tool
