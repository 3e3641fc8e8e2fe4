# Installs the headers `entries` of the folder `source` and those that they include, and no others:
# what only Ramp's own files include is nobody else's.

cmake_policy(VERSION 3.22)
set(headers)
list(TRANSFORM entries PREPEND "${source}/")
file(GLOB waiting RELATIVE "${source}" ${entries})
while(waiting)
  list(POP_FRONT waiting header)
  if(header IN_LIST headers)
    continue()
  endif()
  list(APPEND headers "${header}")
  get_filename_component(to "${header}" DIRECTORY)
  file(INSTALL "${source}/${header}" DESTINATION "${CMAKE_INSTALL_PREFIX}/${folder}/${to}")
  file(STRINGS "${source}/${header}" includes REGEX "^ *#include <(autodiff|nn)/")
  list(TRANSFORM includes REPLACE ".*<(.*)>.*" "\\1")
  list(APPEND waiting ${includes})
endwhile()
