#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `camera_script`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::camera_script::run(input);
});
