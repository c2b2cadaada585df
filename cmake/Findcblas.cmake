# Finds OpenBLAS by its C interface and defines cblas::cblas.
find_path(CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread)
find_library(CBLAS_LIBRARY openblas PATH_SUFFIXES openblas-pthread)
mark_as_advanced(CBLAS_INCLUDE_DIR CBLAS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(cblas REQUIRED_VARS CBLAS_LIBRARY CBLAS_INCLUDE_DIR)

if(cblas_FOUND AND NOT TARGET cblas::cblas)
  add_library(cblas::cblas UNKNOWN IMPORTED)
  set_target_properties(cblas::cblas PROPERTIES
    IMPORTED_LOCATION ${CBLAS_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${CBLAS_INCLUDE_DIR})
endif()
