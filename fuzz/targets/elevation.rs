#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `elevation`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::elevation::run(input);
});
