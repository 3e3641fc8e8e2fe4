# What `cpack -G DEB` makes: libramp0.1 (shared libraries, if they are), libramp-dev, ramp (the
# program). tools/package builds, checks and tries them.

set(name "libramp${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(CPACK_PACKAGE_NAME ramp)
execute_process(COMMAND git log -1 "--format=%an <%ae>" WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  OUTPUT_VARIABLE CPACK_PACKAGE_CONTACT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT CPACK_PACKAGE_CONTACT)
  set(CPACK_PACKAGE_CONTACT "The Ramp authors <ramp@localhost>")
endif()
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGING_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL dev)
if(BUILD_SHARED_LIBS)
  list(APPEND CPACK_COMPONENTS_ALL runtime)
endif()
if(TARGET ramp_cli)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # what else is needed, as dpkg-shlibdeps finds it
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}")
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)  # where there are shared libraries
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${name})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
file(CONFIGURE OUTPUT debian/triggers CONTENT "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/debian/triggers")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "automatic differentiation in C++ (shared libraries)
 Ramp records what a program computes with scalars and tensors on a tape, and
 differentiates it in reverse. These are the engine and its neural networks.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libramp-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEV_DESCRIPTION "automatic differentiation in C++ (development files)
 Headers, libraries to link, and files for CMake and pkg-config.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME ramp)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION math)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "train small neural networks from a shell
 Trains networks on tables and images, keeps, evaluates and exports them, draws
 their graphs, and tabulates operations, their kinks and their accuracy.")

if(BUILD_SHARED_LIBS)
  set(CPACK_COMPONENT_DEV_DEPENDS runtime)
  set(CPACK_COMPONENT_TOOLS_DEPENDS runtime)
else()  # what static libraries want to be linked with
  set(needed)
  if(uses_blas)
    list(APPEND needed libopenblas-dev)
  endif()
  if(uses_onednn)
    list(APPEND needed libdnnl-dev)
  endif()
  if(RAMP_NN)
    list(APPEND needed zlib1g-dev libfmt-dev)
  endif()
  list(JOIN needed ", " CPACK_DEBIAN_DEV_PACKAGE_DEPENDS)
endif()

# Debian wants a copyright and a changelog with each package. Only packages take them.
find_program(GZIP gzip)
mark_as_advanced(GZIP)
if(GZIP)
  set(changelog "${PROJECT_BINARY_DIR}/debian/changelog")
  file(READ LICENSE license)
  string(REGEX REPLACE "^MIT License\n\nCopyright[^\n]*\n\n" "" license "${license}")
  string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
  string(REGEX REPLACE "\n([^\n])" "\n \\1" license "${license}")
  file(CONFIGURE OUTPUT debian/copyright @ONLY CONTENT
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ramp

Files: *
Copyright: 2026 The Ramp authors
License: Expat

License: Expat
 @license@")
  # The day of the last commit, so that the same commit gives the same package.
  execute_process(COMMAND git log -1 --format=%aD WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT date)
    string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  endif()
  file(CONFIGURE OUTPUT debian/changelog @ONLY CONTENT
"ramp (@PROJECT_VERSION@) unstable; urgency=medium

  * What is new is told in CHANGELOG.md of the source.

 -- @CPACK_PACKAGE_CONTACT@  @date@
")
  execute_process(COMMAND "${GZIP}" -9nfk "${changelog}")
  foreach(pair IN ITEMS "runtime ${name}" "dev libramp-dev" "tools ramp")
    separate_arguments(pair UNIX_COMMAND "${pair}")
    list(GET pair 0 component)
    list(GET pair 1 package)
    install(FILES "${PROJECT_BINARY_DIR}/debian/copyright" "${changelog}.gz"
      DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${package}"
      COMPONENT ${component} EXCLUDE_FROM_ALL)
  endforeach()
endif()

include(CPack)
