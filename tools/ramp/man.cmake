# The page for `man ramp`, of what the program itself says: cmake -DRAMP=.. -DPAGE=.. -P man.cmake
function(section title)  # and the program's arguments, whose output is put in as it is
  execute_process(COMMAND "${RAMP}" ${ARGN} --help OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(text_of_last "${text}" PARENT_SCOPE)
  string(REPLACE "\\" "\\e" text "${text}")
  string(REPLACE "-" "\\-" text "${text}")
  string(REGEX REPLACE "\n([.'])" "\n\\\\&\\1" text "${text}")
  string(TOUPPER "${title}" title)
  file(APPEND "${PAGE}" ".SH ${title}\n.nf\n${text}.fi\n")
endfunction()

execute_process(COMMAND "${RAMP}" --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${version}" version)
file(WRITE "${PAGE}" ".TH RAMP 1 \"\" \"${version}\"\n.SH NAME\n"
  "ramp \\- networks and their gradients, from a shell\n")
section("description")
string(REGEX MATCH "Subcommands:\n(.*)\n\nExamples" _ "${text_of_last}")
string(REGEX MATCHALL "(^|\n)  [a-z]+" commands "${CMAKE_MATCH_1}")
foreach(command IN LISTS commands)
  string(STRIP "${command}" command)
  section("ramp ${command}" ${command})
endforeach()
