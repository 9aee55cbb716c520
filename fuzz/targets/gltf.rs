#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `gltf`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::gltf::run(input);
});
