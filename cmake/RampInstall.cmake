# What `cmake --install` and CPack take, in three parts: `runtime` (shared libraries, if they are),
# `dev` (headers, libraries to link, files for CMake and pkg-config), `tools` (the program).

include(CMakePackageConfigHelpers)

# Headers lie in a folder of Ramp's own, so that those of another library called autodiff never clash.
set(RAMP_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}/ramp")
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ramp")

set(libraries ramp_autodiff)
set(entries autodiff/*.hpp)  # what a user includes; what these include is installed, too
if(RAMP_NN)
  list(APPEND libraries ramp_nn)
  list(APPEND entries nn/nn.hpp)
endif()

foreach(library IN LISTS libraries)
  target_include_directories(${library} PUBLIC $<INSTALL_INTERFACE:${RAMP_INCLUDEDIR}>)
endforeach()
if(BUILD_SHARED_LIBS AND NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND NOT APPLE)
  # Found wherever they are put, also in a folder that the loader doesn't look into.
  set_target_properties(${libraries} PROPERTIES INSTALL_RPATH "$ORIGIN")
  if(TARGET ramp_cli)
    set_target_properties(ramp_cli PROPERTIES
      INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  endif()
endif()
install(TARGETS ${libraries} EXPORT ramp-targets
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev
  ARCHIVE COMPONENT dev)
install(EXPORT ramp-targets NAMESPACE ramp:: DESTINATION "${package_dir}" COMPONENT dev)

# A build for one CPU crashes on another, so that it is one is said wherever it is installed.
if(RAMP_ARCH)
  set(level "the CPU ${RAMP_ARCH}")
elseif(RAMP_NATIVE)
  set(level "the CPU of the machine that built it")
endif()
if(level)
  install(CODE "message(WARNING \"Ramp is compiled for ${level}, and crashes on those that lack what \"
    \"it has. -DRAMP_NATIVE=OFF -DRAMP_ARCH= compiles for any.\")" ALL_COMPONENTS)
endif()

install(CODE "
  set(source \"${PROJECT_SOURCE_DIR}\")
  set(entries \"${entries}\")
  set(folder \"${RAMP_INCLUDEDIR}\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake\")" COMPONENT dev)

configure_package_config_file(cmake/ramp-config.cmake.in ramp-config.cmake
  INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(ramp-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/ramp-config.cmake"
  "${PROJECT_BINARY_DIR}/ramp-config-version.cmake"
  cmake/FindCBLAS.cmake
  cmake/FindoneDNN.cmake
  DESTINATION "${package_dir}" COMPONENT dev)

# --- pkg-config

# Libraries by name where they lie in a folder that linkers look into, else by path.
set(link_autodiff ${CMAKE_THREAD_LIBS_INIT})
set(blas ${CBLAS_LIBRARIES})
if(uses_onednn)
  list(APPEND blas "${ONEDNN_LIBRARY}")
endif()
foreach(library IN LISTS blas)
  get_filename_component(folder "${library}" DIRECTORY)
  if(folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    string(REGEX REPLACE ".*/lib([^/]*)\\.(so|a|dylib)$" "-l\\1" library "${library}")
  endif()
  list(APPEND link_autodiff "${library}")
endforeach()
list(JOIN link_autodiff " " link_autodiff)

function(ramp_pkgconfig name description)
  cmake_parse_arguments(PARSE_ARGV 2 its "" "" "REQUIRES;PRIVATE_REQUIRES;PRIVATE_LIBS")
  if(BUILD_SHARED_LIBS)  # whose users have none of these
    set(its_PRIVATE_REQUIRES "")
    set(its_PRIVATE_LIBS "")
  endif()
  list(JOIN its_REQUIRES ", " requires)
  list(JOIN its_PRIVATE_REQUIRES ", " private)
  configure_file(cmake/ramp.pc.in ramp-${name}.pc @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/ramp-${name}.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)
endfunction()

file(RELATIVE_PATH to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")  # so that a prefix can move
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
set(fmt)
if(links_fmt)
  set(fmt fmt)
endif()
ramp_pkgconfig(autodiff "Reverse-mode automatic differentiation"
  PRIVATE_REQUIRES ${fmt} PRIVATE_LIBS "${link_autodiff}")
if(RAMP_NN)
  ramp_pkgconfig(nn "Neural networks on ramp-autodiff"
    REQUIRES "ramp-autodiff = ${PROJECT_VERSION}" PRIVATE_REQUIRES fmt zlib)
endif()
