# Finds libzip and defines zip::zip. Debian's own description of it also demands programs that are
# packaged apart.
find_path(ZIP_INCLUDE_DIR zip.h)
find_library(ZIP_LIBRARY zip)
mark_as_advanced(ZIP_INCLUDE_DIR ZIP_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(zip REQUIRED_VARS ZIP_LIBRARY ZIP_INCLUDE_DIR)

if(zip_FOUND AND NOT TARGET zip::zip)
  add_library(zip::zip UNKNOWN IMPORTED)
  set_target_properties(zip::zip PROPERTIES
    IMPORTED_LOCATION ${ZIP_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${ZIP_INCLUDE_DIR})
endif()
