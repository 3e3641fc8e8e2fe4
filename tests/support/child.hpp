// What would harm the process of the tests, in one of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace support {

// The number that the call returns, 99 if it throws; above 100 the signal that ended it.
template <class Call> int in_a_child(Call call) {
  const pid_t child = fork();
  if (child == 0) {
    int code = 99;
    try {
      code = call();
    } catch (...) {}
    _exit(code);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

}  // namespace support
