# Takes the README's programs, its C++ blocks with a main(), and what it says they print.
file(READ "${README}" text)
string(REGEX MATCH "```cpp\n([^`]*)```" block "${text}")
if(NOT block)
  message(FATAL_ERROR "README.md has no C++ block")
endif()
file(WRITE "${SOURCE}" "${CMAKE_MATCH_1}")
string(REGEX MATCH "It prints `([^`]*)`" line "${text}")
set(README_OUTPUT "${CMAKE_MATCH_1}")

# The one on the kink, and the block of output below it.
string(REGEX REPLACE "^.*\n## The kink\n" "" text "${text}")
if(NOT text MATCHES "```cpp\n([^`]*)```\n\n```\n([^`]*)```")
  message(FATAL_ERROR "README.md has no C++ block with its output under The kink")
endif()
file(WRITE "${KINK_SOURCE}" "${CMAKE_MATCH_1}")
file(WRITE "${KINK_EXPECTED}" "${CMAKE_MATCH_2}")
