#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `heap_dump`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::heap_dump::run(input);
});
