#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `block_layout`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::block_layout::run(input);
});
