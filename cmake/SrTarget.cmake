# One place that says how any first-party C target is compiled, and what a pure library may import.

function(sr_configure target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wpointer-arith -Wcast-align -Wundef -Wvla -Wswitch-enum
    -fstack-protector-strong
    $<$<BOOL:${SR_WERROR}>:-Werror>
    $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE>
    $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2>)
  target_link_options(${target} PRIVATE -Wl,-z,relro -Wl,-z,now)
  if(SR_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${SR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${SR_SANITIZE})
  endif()
  if(SR_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(SR_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PRIVATE --coverage)
  endif()
endfunction()

# sr_library(NAME SOURCES ... [INCLUDES ...] [DEPENDS ...] [LINKS ...]): a static library that may
# reach the system. DEPENDS are seen by its users too, LINKS are its own business.
function(sr_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS;LINKS;INCLUDES" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC ${A_INCLUDES})
  target_link_libraries(${name} PUBLIC ${A_DEPENDS} PRIVATE ${A_LINKS})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  sr_configure(${name})
  set_property(GLOBAL APPEND PROPERTY SR_ARCHIVES $<TARGET_FILE:${name}>)
endfunction()

# sr_pure_library: plain C11 over spans of bytes. It does not see POSIX, and a test fails when its
# archive imports anything outside the allow-list of cmake/CheckPure.cmake.
function(sr_pure_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS;INCLUDES" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC ${A_INCLUDES})
  target_link_libraries(${name} PUBLIC ${A_DEPENDS})
  sr_configure(${name})
  set_property(GLOBAL APPEND PROPERTY SR_ARCHIVES $<TARGET_FILE:${name}>)
  # Sanitizers and coverage add imports of their own; the plain builds check purity.
  if(BUILD_TESTING AND NOT SR_SANITIZE AND NOT SR_FUZZ AND NOT SR_COVERAGE)
    set_property(GLOBAL APPEND PROPERTY SR_PURE_ARCHIVES $<TARGET_FILE:${name}>)
    add_test(NAME purity.${name}
      COMMAND ${CMAKE_COMMAND} -DARCHIVE=$<TARGET_FILE:${name}> -DNM=${CMAKE_NM}
              -P ${PROJECT_SOURCE_DIR}/cmake/CheckPure.cmake)
    set_tests_properties(purity.${name} PROPERTIES LABELS "unit;purity")
  endif()
endfunction()

# sr_program(NAME [DAEMON] SOURCES ... DEPENDS ...): an executable in <build>/bin. A DAEMON is installed
# where only services look for it.
function(sr_program name)
  cmake_parse_arguments(A "DAEMON" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPENDS})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  sr_configure(${name})
  set_property(GLOBAL APPEND PROPERTY SR_PROGRAM_OBJECTS $<JOIN:$<TARGET_OBJECTS:${name}>,,>)
  if(A_DAEMON)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
  else()
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()

# The test `symbols` over the libraries and programs made so far.
function(sr_test_symbols)
  if(SR_SANITIZE OR SR_FUZZ OR SR_COVERAGE)
    return()
  endif()
  get_property(archives GLOBAL PROPERTY SR_ARCHIVES)
  get_property(objects GLOBAL PROPERTY SR_PROGRAM_OBJECTS)
  list(JOIN archives "," archives)
  list(JOIN objects "," objects)
  add_test(NAME symbols
    COMMAND ${CMAKE_COMMAND} -DARCHIVES=${archives} -DOBJECTS=${objects} -DNM=${CMAKE_NM}
            -P ${PROJECT_SOURCE_DIR}/cmake/CheckSymbols.cmake)
  set_tests_properties(symbols PROPERTIES LABELS unit)
endfunction()

# sr_unit_test(NAME SOURCES ... DEPENDS ... [LABELS ...]): one cmocka binary, one ctest entry.
# The label `threads` puts it into the ThreadSanitizer run as well.
function(sr_unit_test name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPENDS} PkgConfig::CMOCKA)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE SR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  sr_configure(${name})
  add_test(NAME unit.${name} COMMAND ${name})
  set_tests_properties(unit.${name} PROPERTIES LABELS "unit;${A_LABELS}" TIMEOUT 240)
endfunction()

# sr_fuzz_test(NAME DEPENDS ... CORPUS dir): with SR_FUZZ a libFuzzer binary that explores for
# SR_FUZZ_SECONDS, else (and always) a replay of the corpus from exact-size buffers.
function(sr_fuzz_test name)
  cmake_parse_arguments(A "" "CORPUS" "DEPENDS" ${ARGN})
  add_executable(${name} ${name}.c)
  target_link_libraries(${name} PRIVATE ${A_DEPENDS})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  sr_configure(${name})
  if(SR_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    # libFuzzer writes new inputs to its first directory: keep them out of the source tree.
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}.new)
    add_test(NAME fuzz.${name}
      COMMAND ${name} -max_total_time=${SR_FUZZ_SECONDS} -max_len=4096 -timeout=5
              ${CMAKE_CURRENT_BINARY_DIR}/${name}.new ${A_CORPUS})
  else()
    target_sources(${name} PRIVATE replay_main.c)
    add_test(NAME fuzz.${name} COMMAND ${name} ${A_CORPUS})
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
