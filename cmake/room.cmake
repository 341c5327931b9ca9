# A room: one folder = one library = one namespace = one door. Sources are what lies in the folder; tests, benchmarks
# and fuzzers lie beside the code they try and are told apart by their names.
#
#   rushlight_room(media/pdq USES base LINKS PkgConfig::foo)
#
# makes the library rl_media_pdq (alias rushlight::media_pdq), and, where they are asked for, the programs
# media_pdq_test (all *_test.cpp), NAME_bench for each NAME_bench.cpp and NAME_fuzz for each NAME_fuzz.cpp.
# USES names the rooms below that it may include; tools/check-rooms holds them against ARCHITECTURE.md.
# TEST_USES and TEST_LINKS are for its tests, benchmarks and fuzzers only.
function(rushlight_room ROOM)
    cmake_parse_arguments(ARG "" "" "USES;LINKS;TEST_USES;TEST_LINKS" ${ARGN})
    string(REPLACE "/" "_" NAME ${ROOM})
    set(DIR ${CMAKE_SOURCE_DIR}/${ROOM})
    file(GLOB SOURCES CONFIGURE_DEPENDS ${DIR}/*.cpp)
    file(GLOB TESTS CONFIGURE_DEPENDS ${DIR}/*_test.cpp)
    file(GLOB BENCHES CONFIGURE_DEPENDS ${DIR}/*_bench.cpp)
    file(GLOB FUZZERS CONFIGURE_DEPENDS ${DIR}/*_fuzz.cpp)
    if(TESTS OR BENCHES OR FUZZERS)
        list(REMOVE_ITEM SOURCES ${TESTS} ${BENCHES} ${FUZZERS})
    endif()

    set(USED ${ARG_USES})
    list(TRANSFORM USED REPLACE "/" "_")
    list(TRANSFORM USED PREPEND "rushlight::")
    add_library(rl_${NAME} STATIC ${SOURCES})
    add_library(rushlight::${NAME} ALIAS rl_${NAME})
    target_include_directories(rl_${NAME} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(rl_${NAME} PUBLIC ${USED} PRIVATE ${ARG_LINKS})

    set(TEST_USED ${ARG_TEST_USES})
    list(TRANSFORM TEST_USED REPLACE "/" "_")
    list(TRANSFORM TEST_USED PREPEND "rushlight::")
    if(RUSHLIGHT_TESTS AND TESTS)
        add_executable(${NAME}_test ${TESTS})
        target_link_libraries(${NAME}_test PRIVATE rl_${NAME} ${TEST_USED} ${ARG_TEST_LINKS} GTest::gmock GTest::gtest_main)
        target_compile_definitions(${NAME}_test PRIVATE
            RUSHLIGHT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" RUSHLIGHT_BINARY_DIR="${CMAKE_BINARY_DIR}")
        set_property(GLOBAL APPEND PROPERTY RUSHLIGHT_PROGRAMS ${NAME}_test)
        add_test(NAME ${NAME} COMMAND ${NAME}_test --gtest_output=xml:${CMAKE_BINARY_DIR}/test-results/${NAME}.xml)
        set_tests_properties(${NAME} PROPERTIES TIMEOUT 600)
    endif()
    if(RUSHLIGHT_BENCHMARKS)
        foreach(BENCH ${BENCHES})
            get_filename_component(BENCH_NAME ${BENCH} NAME_WE)
            add_executable(${BENCH_NAME} ${BENCH})
            target_link_libraries(${BENCH_NAME} PRIVATE rl_${NAME} ${TEST_USED} ${ARG_TEST_LINKS})
            set_property(GLOBAL APPEND PROPERTY RUSHLIGHT_PROGRAMS ${BENCH_NAME})
            target_compile_definitions(${BENCH_NAME} PRIVATE
                RUSHLIGHT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" RUSHLIGHT_BINARY_DIR="${CMAKE_BINARY_DIR}")
        endforeach()
    endif()
    if(RUSHLIGHT_FUZZERS)
        set(FUZZ_USED ${TEST_USED})  # what is for tests only (store/testing) is not there when just fuzzers are built
        list(TRANSFORM FUZZ_USED REPLACE "(.+)" "$<TARGET_NAME_IF_EXISTS:\\1>")
        foreach(FUZZER ${FUZZERS})
            get_filename_component(FUZZER_NAME ${FUZZER} NAME_WE)
            add_executable(${FUZZER_NAME} ${FUZZER})
            target_link_libraries(${FUZZER_NAME} PRIVATE rl_${NAME} ${FUZZ_USED} ${ARG_TEST_LINKS} -fsanitize=fuzzer)
        endforeach()
    endif()
endfunction()
