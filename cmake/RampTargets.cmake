# How Ramp's own targets are compiled, and what happens when a package is missing.

include(CheckCXXCompilerFlag)

# Warnings and CPU flags go to Ramp's own targets, never to those of a project that uses it.
function(ramp_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    $<$<BOOL:${RAMP_WERROR}>:-Werror>)
  if(RAMP_NATIVE)
    check_cxx_compiler_flag(-march=native RAMP_HAS_MARCH_NATIVE)
    target_compile_options(${target} PRIVATE $<$<BOOL:${RAMP_HAS_MARCH_NATIVE}>:-march=native>)
  endif()
endfunction()

# The library ramp::NAME. Its includes start at the repository's root: <autodiff/autodiff.hpp>.
function(ramp_library name)
  add_library(ramp_${name} STATIC ${ARGN})
  add_library(ramp::${name} ALIAS ramp_${name})
  ramp_compile(ramp_${name})
  target_include_directories(ramp_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(ramp_${name} PROPERTIES EXPORT_NAME ${name})
endfunction()

# A program that asks how often the allocator was called, and by whom (tools/bench/allocations.hpp).
function(ramp_count_allocations target)
  target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tools/bench/allocations.cpp")
  set(products cblas_sgemm cblas_dgemm cblas_sgemv cblas_dgemv)
  if(uses_onednn)
    list(APPEND products dnnl_sgemm)
    target_compile_definitions(${target} PRIVATE RAMP_ONEDNN)
  endif()
  if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    list(TRANSFORM products PREPEND "LINKER:--wrap=")
    target_link_options(${target} PRIVATE ${products})
  endif()
endfunction()

# A package that nothing works without.
macro(ramp_require package target debian)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
  endif()
  if(NOT TARGET ${target})
    message(FATAL_ERROR "Ramp needs ${package}, which was not found. "
      "On Debian or Ubuntu: apt-get install ${debian} (tools/setup installs all that is needed).")
  endif()
endmacro()

# A package that only one part needs: without it, `found` is false and the part is left out.
macro(ramp_wants found part package target debian)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
  endif()
  if(TARGET ${target})
    set(${found} TRUE)
  else()
    set(${found} FALSE)
    message(STATUS "Ramp: ${part} left out, ${package} was not found "
      "(Debian, Ubuntu: apt-get install ${debian})")
  endif()
endmacro()
