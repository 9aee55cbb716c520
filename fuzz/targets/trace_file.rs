#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `trace_file`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::trace_file::run(input);
});
