# Compiles <folder of the caller>/migrations/*.sql into `adapter` as novapay::<name>::migrations() (declared in its migrate.hpp).
# Done while configuring, so that a changed file, whose checksum changes with it, is always picked up.
function(embed_migrations adapter name)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/migrations/*.sql)
  list(SORT files)
  set(rows "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(title ${file} NAME_WE)
    if(NOT title MATCHES "^0*([1-9][0-9]*)_")
      message(FATAL_ERROR "${file}: a migration is called 0001_something.sql")
    endif()
    set(version ${CMAKE_MATCH_1})
    file(READ ${file} sql)
    string(APPEND rows "    {${version}, \"${title}\", R\"embedded(${sql})embedded\"},\n")
  endforeach()
  string(CONCAT text
    "// Made by adapters/embed_migrations.cmake.\n"
    "#include \"adapters/${name}/migrate.hpp\"\n\n"
    "namespace novapay::${name} {\n\n"
    "std::span<const runtime::migration> migrations() {\n"
    "  static constexpr runtime::migration all[] = {\n${rows}  };\n"
    "  return all;\n}\n\n"
    "}  // namespace novapay::${name}\n")
  set(out ${CMAKE_BINARY_DIR}/generated/adapters/${name}/migrations.cpp)
  set(present "")
  if(EXISTS ${out})
    file(READ ${out} present)
  endif()
  if(NOT present STREQUAL text)
    file(WRITE ${out} "${text}")
  endif()
  target_sources(${adapter} PRIVATE ${out})
endfunction()
