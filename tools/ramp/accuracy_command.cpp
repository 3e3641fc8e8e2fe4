#include "accuracy.hpp"
#include "cli.hpp"

namespace ramp::tool {

void add_accuracy(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "accuracy", "Print how far each element-wise op is from the truth, as Markdown");
  command->footer("Example:\n  ramp accuracy");
  command->callback([] { print(accuracy_bounds() + "\n" + accuracy_table(accuracy(full))); });
}

}  // namespace ramp::tool
