// The table of kinks in the documentation is what this build gives.
#include "../../tools/ramp/kinks.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace ramp;

TEST_CASE("KINKS.md shows what ramp kinks prints") {
  std::ifstream file(RAMP_KINKS);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  const std::string table = tool::kink_table();
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {  // so that a failure names the spelling
    CAPTURE(line);
    CHECK_MESSAGE(text.str().find(line) != std::string::npos,
                  "autodiff/KINKS.md has another line: put in what `ramp kinks` prints");
  }
  CHECK(text.str().find("<!-- ramp kinks -->\n" + table + "<!-- end -->") != std::string::npos);
}

TEST_CASE(
    "under c = 1/2 every spelling that passes one kink once agrees, and the identity is one") {
  for (const tool::Spelling& s : tool::spellings()) {
    const std::string name = s.text;
    CAPTURE(name);
    Tape<double> tape({.at_zero = 0.5});
    const auto x = tape.leaf(s.kink);
    tape.backward(s.write(x));
    const double g = tape.gradient(x).item();
    if (name == "relu(x) − relu(−x)")
      CHECK(g == 1);
    else if (name == "relu(relu(x))")
      CHECK(g == 0.25);
    else if (name.find("x > 0") != std::string::npos)
      CHECK(g == 0);
    else if (name.find("x >= 0") != std::string::npos)
      CHECK(g == 1);
    else if (name.find("hinge") != std::string::npos)
      CHECK(g == -0.5);
    else
      CHECK(g == 0.5);
  }
}

TEST_CASE("every spelling gives the same as a scalar, as a tensor and when recorded") {
  for (const tool::Spelling& s : tool::spellings()) {
    for (const double c : {0.0, 0.5, 1.0}) {
      CAPTURE(s.text);
      CAPTURE(c);
      Tape<double> tape({.at_zero = c});
      const auto x = tape.leaf(s.kink), many = tape.leaf(Tensor<double>({37}, s.kink));
      const auto y = s.write(x), z = s.write(many);
      tape.backward(y);
      const double g = tape.gradient(x).item();
      CHECK(tape.grad_on_tape(y, {x})[0].item() == g);
      tape.backward(sum(z));
      for (const double each : tape.gradient(many)) CHECK(each == g);
      CHECK(tape.grad_on_tape(sum(z), {many})[0].value()[20] == g);
      CHECK(z.value()[20] == y.item());
    }
  }
}
