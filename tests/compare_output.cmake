# Runs PROGRAM and compares what it prints with the file EXPECTED, to the byte.
# With RAMP_UPDATE_EXPECTED in the environment the file is rewritten instead.

cmake_path(GET PROGRAM FILENAME name)
set(actual "${CMAKE_CURRENT_BINARY_DIR}/${name}.actual.txt")
execute_process(COMMAND "${PROGRAM}" OUTPUT_FILE "${actual}" RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${name} failed: ${result}")
endif()

if(DEFINED ENV{RAMP_UPDATE_EXPECTED})
  configure_file("${actual}" "${EXPECTED}" COPYONLY)
  return()
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" -E compare_files "${EXPECTED}" "${actual}"
  RESULT_VARIABLE differs ERROR_QUIET)
if(differs)
  find_program(DIFF diff)
  if(DIFF)
    execute_process(COMMAND "${DIFF}" -u "${EXPECTED}" "${actual}")
  endif()
  message(FATAL_ERROR "${name} prints something else than ${EXPECTED}")
endif()
